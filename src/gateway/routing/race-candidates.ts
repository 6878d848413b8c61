import type { Clock } from "../../core/clock.ts";
import type { RouteTarget } from "../schemas.ts";
import type { ReadyProvider } from "./call-plan.ts";
import type { TargetHealth } from "./provider-health.ts";
import { lastResortSpreadMs, leastAttemptMs } from "./retry-rules.ts";

/** A target on its way through a call. */
export interface Candidate {
  target: RouteTarget;
  provider: ReadyProvider;
  health: TargetHealth;
  failures: number;
  attemptsLeft: number;
  firstFailureAt: number | null;
  /** Monotonic: it is not asked before. */
  notBefore: number;
  /** It is asked although its breaker is open: nobody else is left. */
  asLastResort: boolean;
  /** It was asked with a second secret, as the first was replaced: once in a call. */
  isRenewed: boolean;
}

interface CandidateParts {
  clock: Clock;
  /** In [0, 1). */
  random(): number;
  /** Monotonic: the call is over. */
  deadline: number;
}

/** Whose turn it is in a call: fresh targets in their order, then those that may be asked again, then those that were left alone. */
export class RaceCandidates {
  readonly #parts: CandidateParts;
  readonly #fresh: Candidate[] = [];
  readonly #again: Candidate[] = [];
  readonly #leftAlone: Candidate[] = [];

  constructor(parts: CandidateParts) {
    this.#parts = parts;
  }

  get hasFresh(): boolean {
    return this.#fresh.length > 0;
  }

  /** Whether there are some that this call has not asked. */
  get hasUnasked(): boolean {
    return this.#fresh.length > 0 || this.#leftAlone.length > 0;
  }

  get hasAgain(): boolean {
    return this.#again.length > 0;
  }

  get isAnyLeft(): boolean {
    return this.hasUnasked || this.hasAgain;
  }

  add(candidate: Candidate): void {
    this.#fresh.push(candidate);
  }

  /** It may be asked again when no fresh one is left. */
  askAgain(candidate: Candidate): void {
    this.#again.push(candidate);
  }

  /** Its breaker is open: it is asked once before the call is given up. */
  leaveAlone(candidate: Candidate): void {
    this.#leftAlone.push(candidate);
  }

  next(): Candidate | undefined {
    return this.#fresh.shift() ?? this.#again.sort((one, other) => one.notBefore - other.notBefore).shift() ?? this.#lastResort();
  }

  /** Fresh targets that would be asked. */
  others(now: number): number {
    let count = 0;
    for (const { health } of this.#fresh) if (!health.isOpen(now)) count++;
    return count;
  }

  /** Only those that take more than what was too long for this target. */
  keepRoomier({ model, maxContextTokens }: RouteTarget, inputTokens: number): void {
    const room = maxContextTokens ?? inputTokens;
    for (const list of [this.#fresh, this.#again]) {
      const kept = list.filter(({ target }) => (target.maxContextTokens === undefined ? target.model !== model : target.maxContextTokens > room));
      list.splice(0, list.length, ...kept);
    }
  }

  /**
   * One that was left alone, the first to be tried again: its failures may be over, and nobody else can answer. Where it was asked so a moment ago and failed, it is waited for; many that wait come one after the
   * other, and the first that fails sends the rest away.
   */
  #lastResort(): Candidate | undefined {
    const candidate = this.#leftAlone.sort((one, other) => one.health.lastResortAt - other.health.lastResortAt).shift();
    if (candidate === undefined) return undefined;
    const { clock, random, deadline } = this.#parts;
    const { lastResortAt } = candidate.health;
    const isSoon = lastResortAt > clock.monotonic();
    const notBefore = isSoon ? lastResortAt + random() * lastResortSpreadMs : candidate.notBefore;
    if (notBefore + leastAttemptMs > deadline) return this.#lastResort();
    return Object.assign(candidate, { asLastResort: true, attemptsLeft: 1, notBefore });
  }
}
