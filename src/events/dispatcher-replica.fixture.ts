import type { ManualClock } from "../core/clock.ts";
import { silentLogger } from "../core/logger.ts";
import type { AttemptResult } from "./attempt.ts";
import type { DeliveryStore, LeasedDelivery } from "./delivery-store.ts";
import { EventDispatcher, type Subscriber } from "./event-dispatcher.ts";
import { ManualAlarm } from "./manual-alarm.fixture.ts";

/** Lets everything run that needs no time to pass. */
export async function turns(count = 1): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** For tests: one process's dispatcher, whose alarms and whose clock the test moves. */
export class DispatcherReplica {
  readonly dispatcher: EventDispatcher;
  readonly alarms = new ManualAlarm();
  readonly #clock: ManualClock;
  /** Calls of the store that have not been answered. */
  #asking = 0;

  constructor(parts: {
    store: DeliveryStore;
    clock: ManualClock;
    owner?: string;
    send?: (delivery: LeasedDelivery, signal: AbortSignal) => Promise<AttemptResult>;
    subscribers?: readonly Subscriber[];
    random?: () => number;
    isAlone?: boolean;
  }) {
    this.#clock = parts.clock;
    this.dispatcher = new EventDispatcher({
      store: this.#counted(parts.store), clock: parts.clock, alarm: this.alarms.alarm, isAlone: parts.isAlone ?? false, logger: silentLogger, owner: parts.owner ?? "me",
      random: parts.random ?? (() => 0.999), send: parts.send ?? (async () => ({ ok: true, status: 200 })),
    });
    for (const subscriber of parts.subscribers ?? []) this.dispatcher.subscribe(subscriber);
    this.dispatcher.start();
  }

  /**
   * Lets time pass until the condition holds: one step whenever the dispatcher waits for nothing but its next look, so that
   * no time passes while the machine is slow. `others` share the time.
   */
  async until(condition: () => boolean | Promise<boolean>, stepMs = 500, others: readonly DispatcherReplica[] = []): Promise<void> {
    for (let calm = 0; !(await condition()); ) {
      await turns();
      calm = this.#isWaiting && others.every((other) => other.#isWaiting) ? calm + 1 : 0;
      if (calm < 4) continue;
      this.pass(stepMs);
      for (const { alarms } of others) alarms.advance(stepMs);
      calm = 0;
    }
  }

  /** Lets time pass for so many looks. */
  async looks(count: number, stepMs = 500): Promise<void> {
    for (let look = 0; look < count; look++) {
      await this.#calm();
      this.pass(stepMs);
    }
    await this.#calm();
  }

  async #calm(): Promise<void> {
    for (let calm = 0; calm < 4; calm = this.#isWaiting ? calm + 1 : 0) await turns();
  }

  get #isWaiting(): boolean {
    return this.#asking === 0 && (this.alarms.waits[0] ?? Infinity) <= 5000;
  }

  #counted(store: DeliveryStore): DeliveryStore {
    return new Proxy(store, {
      get: (target, property) => async (...given: unknown[]) => {
        this.#asking++;
        try {
          return await (target[property as keyof DeliveryStore] as (...given: unknown[]) => Promise<unknown>).apply(target, given);
        } finally {
          this.#asking--;
        }
      },
    });
  }

  pass(milliseconds: number): void {
    this.#clock.advance(milliseconds);
    this.alarms.advance(milliseconds);
  }

  /** As the server would at its end, with time passing meanwhile. */
  async stop(): Promise<void> {
    let stopped = false;
    const stopping = this.dispatcher.stop().then(() => { stopped = true; });
    await this.until(() => stopped);
    await stopping;
  }
}
