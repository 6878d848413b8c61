import type { EpochMs } from "../core/clock.ts";
import type { Webhook } from "./schemas.ts";

/** A webhook with what only the server may know. */
export interface WebhookRecord extends Webhook {
  sealedSecret: Uint8Array;
}

/** What may be changed of a webhook; what is absent stays as it is. */
export type WebhookChanges = Partial<Pick<WebhookRecord, "name" | "url" | "types" | "description" | "detail" | "sealedSecret">> & {
  /** As `setPaused`. */
  paused?: boolean;
};

/** Webhooks. Every write is durable when it has answered. Adapters prove themselves with `webhook-store.conformance.ts`. */
export interface WebhookStore {
  /** It gets every event that commits after this has answered. Throws TEAM_NOT_FOUND unless the team is there or `*`. */
  add(webhook: WebhookRecord): Promise<void>;
  /** The oldest first. */
  list(): Promise<WebhookRecord[]>;
  find(id: string): Promise<WebhookRecord | null>;
  /** With its deliveries. False when there is none. */
  remove(id: string): Promise<boolean>;
  /** Makes all changes or none. False when there is no such webhook. */
  update(id: string, changes: WebhookChanges, updatedAt: EpochMs): Promise<boolean>;
  /** A paused webhook gets its events when it goes on: all that is pending is due then. False when there is none. */
  setPaused(id: string, paused: boolean): Promise<boolean>;
  /** False, and nothing is written, when the secret is not `expected` any more. */
  replaceSecret(id: string, expected: Uint8Array, sealed: Uint8Array): Promise<boolean>;
  /** Writes a `webhook.test` event for this webhook. False when there is none. */
  addTest(id: string, actor: string): Promise<boolean>;
}
