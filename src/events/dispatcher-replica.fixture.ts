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

  constructor(parts: {
    store: DeliveryStore;
    clock: ManualClock;
    owner?: string;
    send?: (delivery: LeasedDelivery, signal: AbortSignal) => Promise<AttemptResult>;
    subscribers?: readonly Subscriber[];
    random?: () => number;
  }) {
    this.#clock = parts.clock;
    this.dispatcher = new EventDispatcher({
      store: parts.store, clock: parts.clock, alarm: this.alarms.alarm, logger: silentLogger, owner: parts.owner ?? "me",
      random: parts.random ?? (() => 0.999), send: parts.send ?? (async () => ({ ok: true, status: 200 })),
    });
    for (const subscriber of parts.subscribers ?? []) this.dispatcher.subscribe(subscriber);
    this.dispatcher.start();
  }

  /**
   * Lets time pass until the condition holds: one step whenever the dispatcher waits for its next look, so that no time
   * passes while the machine is slow.
   */
  async until(condition: () => boolean | Promise<boolean>, stepMs = 500): Promise<void> {
    while (!(await condition())) {
      const [next] = this.alarms.waits;
      if (next !== undefined && next <= 5000) this.pass(stepMs);
      await turns();
    }
  }

  /** Lets time pass for so many looks. */
  async looks(count: number, stepMs = 500): Promise<void> {
    for (let look = 0; look < count; look++) {
      await this.until(() => (this.alarms.waits[0] ?? Infinity) <= 5000, 0);
      this.pass(stepMs);
    }
    await this.until(() => (this.alarms.waits[0] ?? Infinity) <= 5000, 0);
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
