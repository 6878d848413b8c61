import type { Clock } from "../core/clock.ts";
import { epochMs } from "../core/clock.ts";
import { AppError, toAppError } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import type { Alarm } from "./alarm.ts";
import type { AttemptResult } from "./attempt.ts";
import type { DeliveryOutcome, DeliveryStore, LeasedDelivery } from "./delivery-store.ts";
import { nextWait, subscriberSchedule, webhookSchedule } from "./retry-schedule.ts";
import type { RecordedEvent } from "./schemas.ts";
import { WakingLoop } from "./waking-loop.ts";

/** A part of the server that must not miss an event. It sees each at least once, those of one object in order, on some replica. */
export interface Subscriber {
  /** Unique, and the same in every release: its place in the outbox is kept under it. */
  name: string;
  types: readonly string[];
  /** One event; throwing means that it is tried again. The signal aborts after 30 seconds: the attempt has failed then. */
  handle(event: RecordedEvent, attempt: { number: number; signal: AbortSignal }): Promise<void>;
}

export interface EventDispatcherParts {
  store: DeliveryStore;
  /** Sends to a webhook; never throws. */
  send: (delivery: LeasedDelivery, signal: AbortSignal) => Promise<AttemptResult>;
  clock: Clock;
  alarm: Alarm;
  /** In [0, 1). */
  random: () => number;
  logger: Logger;
  /** Names this process among the replicas. */
  owner: string;
  /** No other process has the store: what a lease says at the start is of one that died, and need not be waited for. */
  isAlone?: boolean;
  pollMs?: number;
}

/** Events that become deliveries in one transaction. */
const fanOutSize = 200;
/** Deliveries under way in this process, and to one webhook or subscriber. */
const mostUnderWay = 100;
const mostPerSubscription = 4;
/** Much longer than an attempt, so that only a process that is gone or hangs loses a lease. */
const leaseMs = 60_000;
const handlerTimeoutMs = 30_000;
/** An answer that could not be written down is tried again for as long as the lease holds. */
const settleAgainMs = 1000;
const stopGraceMs = 5000;

const subscriptionPrefix = "subscriber:";

/**
 * Takes events over into deliveries and makes the attempts. Every replica runs one: they share the work by leases in the
 * store. What a crash interrupts is tried again when its lease has ended.
 */
export class EventDispatcher {
  readonly #parts: EventDispatcherParts;
  readonly #loop: WakingLoop;
  readonly #subscribers = new Map<string, Subscriber>();
  readonly #underWay = new Set<Promise<void>>();
  readonly #busy = new Map<string, number>();
  readonly #stopping = new AbortController();
  /** Those whose place in the outbox is in the store. */
  readonly #placed = new Set<string>();
  #isCleared = false;

  constructor(parts: EventDispatcherParts) {
    this.#parts = parts;
    this.#loop = new WakingLoop({
      turn: () => this.#turn(),
      alarm: parts.alarm,
      onTrouble: (error) => {
        if (error === null) parts.logger.info("deliveries.resumed");
        else parts.logger.warn("deliveries.suspended", { code: toAppError(error).code, cause: error });
      },
    });
  }

  /** Before the start. A new subscriber begins with the events after its first start. */
  subscribe(subscriber: Subscriber): void {
    const name = `${subscriptionPrefix}${subscriber.name}`;
    if (this.#subscribers.has(name)) throw new TypeError(`There are two subscribers named ${subscriber.name}.`);
    this.#subscribers.set(name, subscriber);
  }

  get subscribers(): { id: string; name: string; types: readonly string[] }[] {
    return [...this.#subscribers].map(([id, { name, types }]) => ({ id, name, types }));
  }

  start(): void {
    this.#loop.start();
  }

  /** Looks for work now. */
  wake(): void {
    this.#loop.wake();
  }

  /** Takes nothing new; what is under way gets five seconds, and is left to another process then. */
  async stop(): Promise<void> {
    await this.#loop.stop();
    const putOff = this.#parts.alarm(stopGraceMs, () => this.#stopping.abort());
    await Promise.all(this.#underWay);
    putOff();
    this.#stopping.abort();
  }

  async #turn(): Promise<number> {
    const { store, owner, isAlone } = this.#parts;
    if (isAlone === true && !this.#isCleared) await store.endLeases();
    this.#isCleared = true;
    for (const name of this.#subscribers.keys()) {
      if (this.#placed.has(name)) continue;
      await store.subscribe(name);
      this.#placed.add(name);
    }
    const read = await store.fanOut(this.subscribers.map(({ id, types }) => ({ name: id, types })), fanOutSize);
    const room = mostUnderWay - this.#underWay.size;
    if (room <= 0) return this.#pollMs;
    const leased = await store.lease({
      owner, leaseMs, limit: room, perSubscription: mostPerSubscription, subscriptions: [...this.#subscribers.keys()], busy: this.#busy,
    });
    for (const delivery of leased) this.#begin(delivery);
    return read === fanOutSize ? 0 : this.#pollMs;
  }

  get #pollMs(): number {
    return this.#parts.pollMs ?? 500;
  }

  #begin(delivery: LeasedDelivery): void {
    const { subscription } = delivery;
    this.#busy.set(subscription, (this.#busy.get(subscription) ?? 0) + 1);
    const attempt = this.#attempt(delivery)
      .catch((cause: unknown) => this.#parts.logger.error("delivery.failed_unexpectedly", { eventId: delivery.event.id, subscription, cause }))
      .then(() => {
        this.#underWay.delete(attempt);
        const left = this.#busy.get(subscription)! - 1;
        if (left === 0) this.#busy.delete(subscription);
        else this.#busy.set(subscription, left);
        // The next event of the object may go.
        this.#loop.wake();
      });
    this.#underWay.add(attempt);
  }

  async #attempt(delivery: LeasedDelivery): Promise<void> {
    const startedAt = this.#parts.clock.monotonic();
    const subscriber = this.#subscribers.get(delivery.subscription);
    const result = subscriber === undefined ? await this.#parts.send(delivery, this.#stopping.signal) : await this.#handle(subscriber, delivery);
    const outcome = await this.#outcomeOf(delivery, result, subscriber === undefined);
    const settled = await this.#settle(delivery, outcome, startedAt + leaseMs);
    const { subscription, event, attempt } = delivery;
    const fields = {
      subscription, eventId: event.id, type: event.type, object: event.object, attempt, state: outcome.state, status: result.status,
      ...(result.ok ? {} : { reason: result.error }), durationMs: Math.round(this.#parts.clock.monotonic() - startedAt), settled,
    };
    if (outcome.state === "dead") this.#parts.logger.warn("delivery.dead", fields);
    else this.#parts.logger.info("delivery.attempted", fields);
  }

  async #handle(subscriber: Subscriber, { event, attempt }: LeasedDelivery): Promise<AttemptResult> {
    const timeout = new AbortController();
    const signal = AbortSignal.any([timeout.signal, this.#stopping.signal]);
    let putOff = (): void => undefined;
    const tooLong = new Promise<never>((_, reject) => {
      putOff = this.#parts.alarm(handlerTimeoutMs, () => timeout.abort());
      signal.addEventListener("abort", () => reject(new AppError("DEADLINE_EXCEEDED", "The subscriber did not finish in time.")), { once: true });
    });
    try {
      await Promise.race([subscriber.handle(event, { number: attempt, signal }), tooLong]);
      return { ok: true, status: null };
    } catch (thrown) {
      const { code, message } = toAppError(thrown);
      this.#parts.logger.warn("subscriber.failed", { subscriber: subscriber.name, eventId: event.id, attempt, code, cause: thrown });
      return { ok: false, status: null, error: `${code}: ${message}`, pause: false, askedMs: 0 };
    } finally {
      putOff();
    }
  }

  async #outcomeOf({ attempt }: LeasedDelivery, result: AttemptResult, isWebhook: boolean): Promise<DeliveryOutcome> {
    const { status } = result;
    if (result.ok) return { state: "delivered", status };
    const { error, pause } = result;
    const wait = this.#stopping.signal.aborted ? 0 : nextWait(isWebhook ? webhookSchedule : subscriberSchedule, attempt, this.#parts.random(), result.askedMs);
    if (wait === null) return { state: "dead", status, error };
    return { state: "pending", status, error, pause, nextAttemptAt: epochMs((await this.#storeTime()) + wait) };
  }

  /** Attempts are timed by the store's clock; the own one does when the store is away. */
  #storeTime(): Promise<number> {
    return this.#parts.store.time().catch(() => this.#parts.clock.now());
  }

  /** While the store is away the outcome is kept: to forget it would deliver again what was delivered. */
  async #settle({ subscription, event, lease }: LeasedDelivery, outcome: DeliveryOutcome, until: number): Promise<boolean> {
    for (;;) {
      try {
        return await this.#parts.store.settle({ subscription, lease, sequence: event.sequence, object: event.object }, outcome);
      } catch (thrown) {
        if (this.#stopping.signal.aborted || this.#parts.clock.monotonic() + settleAgainMs > until) throw thrown;
        this.#parts.logger.warn("delivery.not_settled", { subscription, eventId: event.id, code: toAppError(thrown).code, cause: thrown });
        await this.#pause(settleAgainMs);
      }
    }
  }

  #pause(milliseconds: number): Promise<void> {
    const { signal } = this.#stopping;
    return new Promise((resolve) => {
      const end = (): void => {
        putOff();
        signal.removeEventListener("abort", end);
        resolve();
      };
      const putOff = this.#parts.alarm(milliseconds, end);
      signal.addEventListener("abort", end);
    });
  }
}
