import type { EpochMs } from "./clock.ts";

/**
 * Something that happened to an object. It is written to the outbox in the same transaction as the change that it tells
 * of, so that one is never there without the other, and delivered from there at least once.
 */
export interface DomainEvent {
  /** Such as `model.version.registered`. */
  type: string;
  /** `<kind>:<name>`; deliveries of one object keep their order. */
  object: string;
  team: string;
  /** Whose doing it was: a caller's actor. */
  actor: string;
  time: EpochMs;
  /** JSON; what a receiver needs to know which thing changed, not the thing itself. */
  payload: Readonly<Record<string, unknown>>;
}
