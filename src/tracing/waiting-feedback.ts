import { epochMs, type EpochMs } from "../core/clock.ts";
import { AppError } from "../core/errors.ts";
import type { IdGenerator } from "../core/ids.ts";
import type { TraceKey } from "./trace-store.ts";
import type { FeedbackDraft, WaitingDraft, WaitingFeedbackStore } from "./waiting-feedback-store.ts";

export interface WaitingFeedbackParts {
  store: WaitingFeedbackStore;
  ids: IdGenerator;
  /** Throws TRACE_NOT_FOUND where the trace is not there, INVALID_PARAMETER where it has no room. */
  write(key: TraceKey, draft: FeedbackDraft, now: EpochMs): Promise<unknown>;
}

/** Traces that are known to be waited for. What waits for others is found by the next look. */
const mostNames = 20_000;
const foundAtOnce = 500;
/** Clients send both within moments; a run that is sampled away, or was never sent, takes longer than any. */
const waitMs = 86_400_000;
const mostWaiting = 20_000;

/**
 * Feedback whose trace is not there yet: LangSmith's clients send both in the background, and what is said of a run that is under way before the run itself, and send it once. It is kept before they are answered, and written when
 * spans of the trace are there, whichever server took them. A trace that is sampled away, or never comes, takes what waits for it along.
 */
export class WaitingFeedback {
  readonly #parts: WaitingFeedbackParts;
  readonly #names = new Set<string>();

  constructor(parts: WaitingFeedbackParts) {
    this.#parts = parts;
  }

  /** How many traces are known here to be waited for. */
  get size(): number {
    return this.#names.size;
  }

  /** Writes it, now or when its trace is there: durable when it has answered. Throws what `write` throws but TRACE_NOT_FOUND. */
  async add(key: TraceKey, draft: FeedbackDraft, now: EpochMs): Promise<void> {
    const { store, ids, write } = this.#parts;
    try {
      await write(key, draft, now);
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== "TRACE_NOT_FOUND") throw error;
      const waiting: WaitingDraft = { id: ids.next("feedback"), key, draft: { ...draft, id: draft.id ?? ids.next("feedback") } };
      await store.keep(waiting, now);
      if (this.#names.size < mostNames) this.#names.add(nameOf(key));
      // Its spans may have come meanwhile, and found nothing that waits.
      await this.#write(waiting, now).catch(() => undefined);
    }
  }

  /** To be called when spans of a trace were kept. What cannot be written goes on waiting. Never rejects. */
  async arrived(key: TraceKey, now: EpochMs): Promise<void> {
    if (!this.#names.has(nameOf(key))) return;
    try {
      for (const waiting of await this.#parts.store.of(key)) await this.#write(waiting, now);
      this.#names.delete(nameOf(key));
    } catch {
      // The next look finds it.
    }
  }

  /** Writes what waits for traces that have come by another way: to another server, from a call of the gateway, or before this server ended and began again. */
  async lookForTraces(now: EpochMs): Promise<void> {
    const found = await this.#parts.store.arrived(foundAtOnce);
    for (const waiting of found) {
      try {
        await this.#write(waiting, now);
      } catch (error) {
        // Removed in this moment.
        if (!(error instanceof AppError) || error.code !== "TRACE_NOT_FOUND") throw error;
      }
    }
  }

  prune(now: EpochMs): Promise<void> {
    return this.#parts.store.prune(epochMs(now - waitMs), mostWaiting);
  }

  /** What the store refuses waits no longer. Throws everything else. */
  async #write(waiting: WaitingDraft, now: EpochMs): Promise<void> {
    const { id, key, draft } = waiting;
    try {
      await this.#parts.store.write({ id, key }, { ...draft, traceId: key.traceId, createdAt: now, updatedAt: now });
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== "INVALID_PARAMETER") throw error;
      await this.#parts.store.forget(id);
    }
  }
}

function nameOf({ team, traceId }: TraceKey): string {
  return `${traceId} ${team}`;
}
