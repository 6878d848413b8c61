import type { EpochMs } from "../core/clock.ts";
import type { Delivery, DeliveryCounts, DeliveryState, RecordedEvent } from "./schemas.ts";
import type { WebhookRecord } from "./webhook-store.ts";

/** A durable subscription of a part of the server. */
export interface Subscription {
  /** `subscriber:<name>`. */
  name: string;
  types: readonly string[];
}

/** One attempt at a delivery, which its holder alone may settle. */
export interface LeasedDelivery {
  /** Id of the webhook, or name of the subscription. */
  subscription: string;
  event: RecordedEvent;
  /** From 1. */
  attempt: number;
  /** Names this lease and no other: `settle` compares it. */
  lease: string;
  /** Null for subscriptions. */
  webhook: WebhookTarget | null;
}

/** What it takes to send to a webhook. */
export type WebhookTarget = Pick<WebhookRecord, "url" | "sealedSecret" | "format" | "detail">;

export type DeliveryOutcome =
  | { state: "delivered"; status: number | null }
  /** To be tried again; `pause` stops the whole webhook too. */
  | { state: "pending"; status: number | null; error: string; nextAttemptAt: EpochMs; pause: boolean }
  | { state: "dead"; status: number | null; error: string };

/**
 * Deliveries of events to webhooks and subscriptions. An event is given to every subscription that wants it, once it has
 * committed; from then on the delivery is there until it has ended. Within a subscription, an event of an object is not leased
 * while an earlier one of the same object is pending. Leases are judged by `time`, so replicas with skewed clocks agree.
 * Every write is durable when it has answered, and all or nothing. Adapters prove themselves with `delivery-store.conformance.ts`.
 */
export interface DeliveryStore {
  /** The one time that leases and attempts are judged by; the database's own where replicas share it. */
  time(): Promise<EpochMs>;
  /** Starts the subscription behind the newest event; one that is there goes on where it was. */
  subscribe(name: string): Promise<void>;
  /**
   * Takes up to `limit` events over into deliveries, for all webhooks and the given subscriptions, and moves their cursors,
   * in one transaction. A webhook gets the events of its team and types that its format tells of, and tests of itself. Answers how
   * many events it read.
   */
  fanOut(subscriptions: readonly Subscription[], limit: number): Promise<number>;
  /**
   * Leases deliveries that are due, of webhooks that are not paused and of the named subscriptions; for each of them at most
   * `perSubscription` less what `busy` says is under way here. Counts an attempt for each.
   */
  lease(request: {
    owner: string;
    subscriptions: readonly string[];
    leaseMs: number;
    limit: number;
    perSubscription: number;
    busy: ReadonlyMap<string, number>;
  }): Promise<LeasedDelivery[]>;
  /** Ends every lease, at the start of a process that has the store to itself: whoever held one is gone. */
  endLeases(): Promise<void>;
  /** False, and nothing is written, when the lease is another's by now, or the delivery is gone. */
  settle(delivery: Pick<LeasedDelivery, "subscription" | "lease"> & { sequence: number; object: string }, outcome: DeliveryOutcome): Promise<boolean>;
  /** Newest event first. */
  list(subscription: string, filter: { state?: DeliveryState; before?: number; limit: number }): Promise<Delivery[]>;
  /** Makes one delivery due now, with all its attempts before it, also one that was delivered; null when there is none. */
  redeliver(subscription: string, sequence: number): Promise<Delivery | null>;
  /** The same for up to `limit` dead ones; answers how many. */
  redeliverDead(subscription: string, limit: number): Promise<number>;
  /** For each subscription that is named. */
  counts(subscriptions: readonly string[]): Promise<Map<string, DeliveryCounts>>;
}
