import type { Clock } from "../../core/clock.ts";
import { AppError } from "../../core/errors.ts";
import type { StopSignal } from "../../core/stop-signal.ts";

type MaybePromise<Value> = Value | Promise<Value>;

/** Why a call cannot go on now. */
export interface Refusal {
  /** Of a bucket or slot. */
  id: string;
  waitMs: number;
  /** Nobody knows when a place comes free: `waitMs` is only the longest. */
  isSlot: boolean;
}

/** Calls back once, after so many milliseconds, unless it is stopped by the answer. */
export type StartTimer = (milliseconds: number, wake: () => void) => () => void;

export interface WaitingCall<Entered> {
  /** Limits that it needs. Calls with the same ones stand in one lane. */
  ids: readonly string[];
  /** Whose queue it takes a place of. */
  queue: string;
  priority: number;
  signal: StopSignal;
  patienceMs: number;
  refused: Refusal;
  attempt(): MaybePromise<Entered | { refused: Refusal }>;
  /** What came for a call that has gone meanwhile. */
  giveBack(entered: Entered): void;
  tooLate(refused: Refusal): AppError;
  resolve(entered: Entered): void;
  reject(error: unknown): void;
}

interface Lane<Entered> {
  key: string;
  ids: readonly string[];
  /** By priority, then arrival. */
  calls: Standing<Entered>[];
}

type Standing<Entered> = WaitingCall<Entered> & { arrival: number; gone: boolean; lane: Lane<Entered>; end: () => void };

/**
 * Calls that wait for limits. One pass at a time goes through them in their order and lets each try whose limits nobody before it was refused by: so nobody overtakes another that needs the same, and
 * nobody stands behind one that needs something else. A pass follows when something came free (`wake`) and when a bucket will have been refilled.
 */
export class WaitingCalls<Entered extends object> {
  readonly #clock: Clock;
  readonly #startTimer: StartTimer;
  readonly #lookMs: number | null;
  readonly #lanes = new Map<string, Lane<Entered>>();
  readonly #counts = new Map<string, number>();
  #size = 0;
  #arrivals = 0;
  #passing = false;
  #again = false;
  #timer: { at: number; stop: () => void } | null = null;

  /** `lookMs`: how often it looks for places that others gave back, without being woken. */
  constructor({ clock, startTimer, lookMs }: { clock: Clock; startTimer: StartTimer; lookMs?: number }) {
    this.#clock = clock;
    this.#startTimer = startTimer;
    this.#lookMs = lookMs ?? null;
  }

  get size(): number {
    return this.#size;
  }

  countOf(queue: string): number {
    return this.#counts.get(queue) ?? 0;
  }

  /** What the first waiting call that needs one of these was refused by, where it needs that too. */
  firstBlocked(ids: readonly string[]): Refusal | null {
    for (const { calls } of this.#lanes.values()) {
      const refused = calls[0]?.refused;
      if (refused !== undefined && ids.includes(refused.id)) return refused;
    }
    return null;
  }

  add(call: Omit<WaitingCall<Entered>, "resolve" | "reject">): Promise<Entered> {
    return new Promise((resolve, reject) => {
      const key = call.ids.join("\n");
      let lane = this.#lanes.get(key);
      if (lane === undefined) this.#lanes.set(key, (lane = { key, ids: call.ids, calls: [] }));
      const leave = (error: AppError): void => {
        this.#remove(standing);
        reject(error);
        // Those behind it may need less than it did.
        this.wake();
      };
      const aborted = (): void => leave(new AppError("CALLER_GONE", "The caller closed the connection."));
      const stopTimer = this.#startTimer(call.patienceMs, () => leave(call.tooLate(standing.refused)));
      const standing: Standing<Entered> = {
        ...call, resolve, reject, lane, gone: false, arrival: ++this.#arrivals,
        end: () => {
          stopTimer();
          call.signal.removeEventListener("abort", aborted);
        },
      };
      call.signal.addEventListener("abort", aborted, { once: true });
      let place = lane.calls.length;
      while (place > 0 && lane.calls[place - 1]!.priority < standing.priority) place--;
      lane.calls.splice(place, 0, standing);
      this.#size++;
      this.#counts.set(call.queue, this.countOf(call.queue) + 1);
      this.#schedule(standing.refused);
    });
  }

  /** Nobody waits any more: each is refused with what this makes. */
  sendAway(refusal: () => AppError): void {
    for (const standing of [...this.#lanes.values()].flatMap(({ calls }) => calls)) {
      this.#remove(standing);
      standing.reject(refusal());
    }
  }

  wake(): void {
    if (this.#passing) this.#again = true;
    else if (this.#size > 0) void this.#pass();
  }

  async #pass(): Promise<void> {
    this.#passing = true;
    do {
      this.#again = false;
      this.#stopTimer();
      const blocked = new Set<string>();
      for (let head = this.#next(blocked); head !== null; head = this.#next(blocked)) {
        const refused = await this.#attempt(head);
        if (refused === null) continue;
        blocked.add(refused.id).add(head.lane.key);
        this.#schedule(refused);
      }
    } while (this.#again && this.#size > 0);
    this.#passing = false;
  }

  /** Null: it has gone on, or away. */
  async #attempt(standing: Standing<Entered>): Promise<Refusal | null> {
    try {
      // Within a process this is no promise; awaiting it all the same would let others in between.
      const attempt = standing.attempt();
      const tried = attempt instanceof Promise ? await attempt : attempt;
      if ("refused" in tried) {
        standing.refused = tried.refused;
        return standing.gone ? null : tried.refused;
      }
      if (standing.gone) standing.giveBack(tried);
      else {
        this.#remove(standing);
        standing.resolve(tried);
      }
    } catch (error) {
      if (!standing.gone) {
        this.#remove(standing);
        standing.reject(error);
      }
    }
    return null;
  }

  #next(blocked: ReadonlySet<string>): Standing<Entered> | null {
    let first: Standing<Entered> | null = null;
    for (const { key, ids, calls } of this.#lanes.values()) {
      const head = calls[0];
      if (head === undefined || blocked.has(key) || ids.some((id) => blocked.has(id))) continue;
      if (first === null || head.priority > first.priority || (head.priority === first.priority && head.arrival < first.arrival)) first = head;
    }
    return first;
  }

  #remove(standing: Standing<Entered>): void {
    if (standing.gone) return;
    standing.gone = true;
    standing.end();
    const { lane, queue } = standing;
    lane.calls.splice(lane.calls.indexOf(standing), 1);
    if (lane.calls.length === 0) this.#lanes.delete(lane.key);
    this.#size--;
    const count = this.countOf(queue) - 1;
    if (count === 0) this.#counts.delete(queue);
    else this.#counts.set(queue, count);
    if (this.#size === 0) this.#stopTimer();
  }

  #schedule(refused: Refusal): void {
    const waitMs = this.#lookMs !== null && refused.isSlot ? Math.min(refused.waitMs, this.#lookMs) : refused.waitMs;
    const at = this.#clock.monotonic() + waitMs;
    if (this.#timer !== null && this.#timer.at <= at) return;
    this.#stopTimer();
    const stop = this.#startTimer(waitMs, () => {
      this.#timer = null;
      this.wake();
    });
    this.#timer = { at, stop };
  }

  #stopTimer(): void {
    this.#timer?.stop();
    this.#timer = null;
  }
}
