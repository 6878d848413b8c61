import { CircuitBreaker, type BreakerState } from "../../serving/index.ts";
import type { ProviderSettings } from "../schemas.ts";

/** One model of one provider, as an administrator sees how it does. */
export interface ProviderHealthView {
  provider: string;
  model: string;
  state: BreakerState;
  /** In a row, the last ones. */
  failures: number;
  /** Attempts that the provider turned away for its rate limit (429), in a row, the last ones: no failures, and no answers either. */
  limited: number;
  /** All of them since the start. */
  turnedAway: number;
  /** Milliseconds until it is asked again; 0 where it is asked. */
  waitMs: number;
  /** Milliseconds to the first byte, of late (exponentially weighted); null before the first answer. */
  ewmaMs: number | null;
  /** Attempts since the start, those of them that were answered, and those that failed by the provider's fault. */
  calls: number;
  answers: number;
  errors: number;
}

/** Weight of the newest answer: half of the figure is of the last three. */
const newestShare = 0.2;
/** A target that failed although nobody else was left to ask is not asked so again for this long: a part of the 2 s in which another one is to answer. Milliseconds. */
const lastResortPauseMs = 300;
/** Callers may name any model of a provider; beyond so many of one, and of all, those that say least are forgotten. */
const [mostOfProvider, mostTargets] = [1024, 4096];

/** How one model of one provider does. Times are monotonic milliseconds. */
export class TargetHealth {
  readonly #breaker: CircuitBreaker;
  #failures = 0;
  #limited = 0;
  #turnedAway = 0;
  #calls = 0;
  #answers = 0;
  #errors = 0;
  #ewmaMs: number | null = null;
  #lastResortAt = -Infinity;
  /** Refused at its last failure, if that was why it failed; undefined within: none could be read. */
  refusedSecret: { used: string | null | undefined } | null = null;

  constructor(limits: ProviderSettings["breaker"]) {
    this.#breaker = new CircuitBreaker(limits);
  }

  set limits(limits: ProviderSettings["breaker"]) {
    this.#breaker.limits = limits;
  }

  /** When it may be asked as the last resort. */
  get lastResortAt(): number {
    return this.#lastResortAt;
  }

  get ewmaMs(): number | null {
    return this.#ewmaMs;
  }

  /** Since the start. */
  get calls(): number {
    return this.#calls;
  }

  state(now: number): BreakerState {
    return this.#breaker.state(now);
  }

  waitMs(now: number): number {
    return this.#breaker.waitMs(now);
  }

  /** Whether `admits` would say yes; asks for nothing. */
  isOpen(now: number): boolean {
    return this.#breaker.state(now) !== "closed" && this.#breaker.waitMs(now) > 0;
  }

  /** Whether it may be asked; each true must be followed by one of `succeeded`, `failed` and `released`. */
  admits(now: number): boolean {
    if (!this.#breaker.admits(now)) return false;
    this.#calls++;
    return true;
  }

  /** Whether it may be asked although its breaker is open, since all others have failed or are left alone too. Followed by one of the same three. */
  admitsAsLastResort(now: number): boolean {
    if (now < this.#lastResortAt) return false;
    this.#calls++;
    return true;
  }

  /** A stream has begun well. Streams that break off later are failures in a row all the same: only an end that is good makes an end of the row. */
  begun(firstByteMs: number, now: number): void {
    if (this.#breaker.state(now) !== "closed") return this.succeeded(firstByteMs);
    this.#answered();
    this.#timed(firstByteMs);
  }

  /** A stream that had begun is over, and whole. One from before the breaker opened does not close it. */
  ended(now: number): void {
    if (this.#breaker.state(now) === "closed") this.#endRow();
  }

  /** `firstByteMs`: null where the answer says nothing about its speed, such as a refusal. */
  succeeded(firstByteMs: number | null): void {
    this.#answered();
    this.#endRow();
    if (firstByteMs !== null) this.#timed(firstByteMs);
  }

  /** True where this failure has opened the breaker. */
  failed(now: number, asLastResort = false): boolean {
    if (asLastResort) this.#lastResortAt = now + lastResortPauseMs;
    this.#failures++;
    this.#limited = 0;
    this.#errors++;
    this.refusedSecret = null;
    const before = this.#breaker.waitMs(now);
    this.#breaker.failed(now);
    return before === 0 && this.#breaker.waitMs(now) > 0;
  }

  /** Its provider limits the rate: the breaker lets calls through, and none was answered. */
  limited(): void {
    this.#limited++;
    this.#turnedAway++;
    this.#breaker.released();
  }

  /** The attempt said nothing about it: the caller left, or another target was quicker. */
  released(): void {
    this.#breaker.released();
  }

  /** What made it fail is gone: it is asked again at once. */
  mended(): void {
    this.refusedSecret = null;
    this.#endRow();
  }

  #answered(): void {
    this.#answers++;
    this.#limited = 0;
  }

  #endRow(): void {
    this.#failures = 0;
    this.#breaker.succeeded();
  }

  #timed(firstByteMs: number): void {
    this.#ewmaMs = this.#ewmaMs === null ? firstByteMs : this.#ewmaMs + newestShare * (firstByteMs - this.#ewmaMs);
  }

  view(now: number): Omit<ProviderHealthView, "provider" | "model"> {
    return { state: this.state(now), failures: this.#failures, limited: this.#limited, turnedAway: this.#turnedAway, waitMs: this.waitMs(now), ewmaMs: this.#ewmaMs, calls: this.#calls, answers: this.#answers, errors: this.#errors };
  }
}

/** Breakers and latencies of all models of all providers, in this process. */
export class ProviderHealth {
  readonly #clock: { monotonic(): number };
  readonly #providers = new Map<string, Map<string, TargetHealth>>();
  #size = 0;

  constructor(clock: { monotonic(): number }) {
    this.#clock = clock;
  }

  /** Made where it is not there yet. Its breaker takes on the limits that the provider has now. */
  of(provider: string, model: string, limits: ProviderSettings["breaker"]): TargetHealth {
    let models = this.#providers.get(provider);
    if (models === undefined) this.#providers.set(provider, (models = new Map<string, TargetHealth>()));
    let health = models.get(model);
    if (health === undefined) {
      if (models.size >= mostOfProvider) this.#forgetOne([models]);
      else if (this.#size >= mostTargets) this.#forgetOne(this.#providers.values());
      models.set(model, (health = new TargetHealth(limits)));
      this.#size++;
    } else health.limits = limits;
    return health;
  }

  /** Null for what was never asked. */
  known(provider: string, model: string): TargetHealth | null {
    return this.#providers.get(provider)?.get(model) ?? null;
  }

  /** A provider that was removed or set up anew starts without a past. */
  forget(provider: string): void {
    this.#size -= this.#providers.get(provider)?.size ?? 0;
    this.#providers.delete(provider);
  }

  views(): ProviderHealthView[] {
    const now = this.#clock.monotonic();
    return [...this.#providers].flatMap(([provider, models]) => [...models].map(([model, health]) => ({ provider, model, ...health.view(now) })));
  }

  /** The one that was asked least; of several, one whose breaker is closed, and the oldest of them. */
  #forgetOne(among: Iterable<Map<string, TargetHealth>>): void {
    const now = this.#clock.monotonic();
    let least: [models: Map<string, TargetHealth>, model: string, isClosed: boolean, calls: number] | null = null;
    for (const models of among) {
      for (const [model, health] of models) {
        const { calls } = health;
        const isClosed = health.state(now) === "closed";
        if (least === null || calls < least[3] || (calls === least[3] && isClosed && !least[2])) least = [models, model, isClosed, calls];
      }
    }
    if (least?.[0].delete(least[1]) === true) this.#size--;
  }
}
