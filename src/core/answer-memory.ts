import { AppError } from "./errors.ts";
import type { StopSignal } from "./stop-signal.ts";
import type { TurnedAway } from "./turned-away.ts";

/** Of a whole answer of a provider, which may hold images in base64. */
export const mostAnswerBytes = 128 << 20;
/** What of each answer is not counted: all of nearly every one. */
export const uncountedBytes = 1 << 20;

/**
 * Memory that large answers of other servers (providers, servers upstream) take together, from what comes beyond their first MiB until their callers have them. Where it is full, those servers wait with what they send, and nobody
 * reads on; the eldest answer that still comes may go beyond the limit by the length of the largest, so that there is always one that comes to its end.
 */
export class AnswerMemory {
  readonly #limit: number;
  readonly #reserve: number;
  readonly #turnedAway: Pick<TurnedAway, "count"> | undefined;
  #taken = 0;
  #waiting = 0;
  /** The eldest first. */
  readonly #arriving = new Set<ArrivingAnswer>();

  constructor(limitBytes: number, reserveBytes = mostAnswerBytes, turnedAway?: Pick<TurnedAway, "count">) {
    this.#limit = limitBytes;
    this.#reserve = reserveBytes;
    this.#turnedAway = turnedAway;
  }

  get takenBytes(): number {
    return this.#taken;
  }

  /** Whether there is no room for another, but for the eldest that still comes. */
  get isFull(): boolean {
    return this.#taken >= this.#limit;
  }

  /** One that begins to be counted. `signal` ends its wait for room. */
  begin(signal: StopSignal): ArrivingAnswer {
    const answer = new ArrivingAnswer(this, signal);
    this.#arriving.add(answer);
    return answer;
  }

  /** Whether there is room, which is taken then. Nobody passes those that wait. */
  tryTake(answer: ArrivingAnswer, bytes: number): boolean {
    return (this.#waiting === 0 || this.#isEldest(answer)) && this.#fits(answer, bytes);
  }

  /** In any case: of what is there already, for which others wait. */
  take(bytes: number): void {
    this.#taken += bytes;
  }

  giveBack(bytes: number): void {
    this.#taken -= bytes;
    this.#wake();
  }

  waits(count: 1 | -1): void {
    this.#waiting += count;
  }

  /** The time of a call was over while its answer waited for room. */
  turnedAway(): void {
    this.#turnedAway?.count("answers");
  }

  /** Nothing more of it comes. */
  arrived(answer: ArrivingAnswer): void {
    this.#arriving.delete(answer);
    this.#wake();
  }

  #isEldest(answer: ArrivingAnswer): boolean {
    return this.#arriving.values().next().value === answer;
  }

  #fits(answer: ArrivingAnswer, bytes: number): boolean {
    if (this.#taken + bytes > this.#limit + (this.#isEldest(answer) ? this.#reserve : 0)) return false;
    this.#taken += bytes;
    return true;
  }

  #wake(): void {
    if (this.#waiting === 0) return;
    for (const answer of this.#arriving) {
      if (answer.wanted === 0) continue;
      if (!this.#fits(answer, answer.wanted)) return;
      answer.granted();
    }
  }
}

/** One answer while it comes. */
export class ArrivingAnswer {
  /** Bytes that it waits for; 0 where it does not wait. */
  wanted = 0;
  readonly #memory: AnswerMemory;
  readonly #signal: StopSignal;
  #bytes = 0;
  #resolve: (() => void) | null = null;

  constructor(memory: AnswerMemory, signal: StopSignal) {
    this.#memory = memory;
    this.#signal = signal;
  }

  /** Until there is room for an answer of this length; undefined where there is at once. Rejects with GATEWAY_OVERLOADED when the signal ends the wait. */
  grow(length: number): Promise<void> | undefined {
    const bytes = length - this.#bytes;
    if (this.#memory.tryTake(this, bytes)) {
      this.#bytes = length;
      return undefined;
    }
    const overloaded = (): AppError => new AppError("GATEWAY_OVERLOADED", "As many large answers of other servers are under way as this server has memory for.", { retryAfterSeconds: 1 });
    // Pieces that had come before it was ended are read still; nobody would end their wait.
    if (this.#signal.aborted) return Promise.reject(overloaded());
    return new Promise((resolve, reject) => {
      const stopped = (): void => {
        this.#waitsNoMore();
        reject(overloaded());
      };
      this.wanted = bytes;
      this.#memory.waits(1);
      this.#resolve = () => {
        this.#signal.removeEventListener("abort", stopped);
        this.#bytes = length;
        this.#waitsNoMore();
        resolve();
      };
      this.#signal.addEventListener("abort", stopped, { once: true });
    });
  }

  /** What it waited for was taken for it. */
  granted(): void {
    this.#resolve?.();
  }

  /** It is whole, and counts on in `hold` until that is released; without one, or where it failed, no more. Once. */
  end(hold: AnswerHold | undefined): void {
    const bytes = this.#bytes;
    this.#bytes = 0;
    if (hold !== undefined) hold.pass(bytes);
    else this.#memory.giveBack(bytes);
    this.#memory.arrived(this);
  }

  #waitsNoMore(): void {
    this.wanted = 0;
    this.#resolve = null;
    this.#memory.waits(-1);
  }
}

/** What one call holds of answers until its caller has what was made of them. */
export class AnswerHold {
  readonly #memory: AnswerMemory;
  #bytes = 0;
  #isReleased = false;

  constructor(memory: AnswerMemory) {
    this.#memory = memory;
  }

  /** Whether there is nothing to release. */
  get isEmpty(): boolean {
    return this.#bytes === 0;
  }

  /** What was counted for an answer that came is counted here from now on; that of one that nobody waited for any more is given back. */
  pass(bytes: number): void {
    if (this.#isReleased) this.#memory.giveBack(bytes);
    else this.#bytes += bytes;
  }

  /** What was made of answers, where it is large. */
  add(bytes: number): void {
    if (bytes <= uncountedBytes) return;
    this.#memory.take(bytes);
    this.#bytes += bytes;
  }

  release(): void {
    const bytes = this.#bytes;
    this.#isReleased = true;
    this.#bytes = 0;
    if (bytes > 0) this.#memory.giveBack(bytes);
  }
}
