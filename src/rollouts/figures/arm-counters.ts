import { isLimitedBeyond } from "../judge-limits.ts";
import type { ArmFigures } from "../schemas.ts";
import { LatencyHistogram, RunningMoments } from "../statistics/index.ts";
import { NamedValues } from "./named-values.ts";
import { greatestMeasured, PredictionCounts } from "./prediction-counts.ts";
import type { PredictionValues } from "./prediction-values.ts";

/** What is counted of one attempt. */
interface Attempt {
  rows: number;
  outcome: string;
  isFailure: boolean;
  latencyUs: number;
}

/** What one version does in one phase on this server. Adding to it allocates nothing but names that are new. */
export class ArmCounters {
  readonly #arm: string;
  readonly #version: string;
  #requests = 0;
  #rows = 0;
  #retries = 0;
  readonly #failures = new Map<string, number>();
  readonly #latency = new LatencyHistogram();
  readonly #predictions = new PredictionCounts();
  readonly #errors = new RunningMoments();
  readonly #values = new NamedValues();
  readonly #limited = { calls: 0, own: 0 };

  constructor(arm: string, version: string) {
    this.#arm = arm;
    this.#version = version;
  }

  /** A request that it was assigned, or one that it answered as a shadow. */
  add({ rows, outcome, isFailure, latencyUs }: Attempt, values: PredictionValues | null): void {
    this.#requests++;
    this.#rows += rows;
    if (isFailure) this.#failures.set(outcome, (this.#failures.get(outcome) ?? 0) + 1);
    // What the version did not work on says nothing of its speed: cached answers, and requests that were refused for the caller's fault.
    if (isFailure || outcome === "ok") this.#latency.add(latencyUs);
    if (values !== null) this.#predictions.add(values);
  }

  /** A call that its providers had no room for; `own`: where stable's had. */
  addLimited(own: boolean): void {
    this.#limited.calls++;
    if (own) this.#limited.own++;
  }

  /** Whether so many were limited where stable was not that it surely cannot go on. */
  get isLimitedBeyond(): boolean {
    return isLimitedBeyond({ requests: this.#requests, limited: this.#limited }, 0.01);
  }

  /** It answered what another arm failed at. */
  addRetry(): void {
    this.#retries++;
  }

  /** The truth of a prediction became known, or was corrected: `former` is taken back. */
  addError(error: number | null, former: number | null): void {
    if (former !== null && former <= greatestMeasured) this.#errors.remove(former);
    if (error !== null && error <= greatestMeasured) this.#errors.add(error);
  }

  /** Something measured of a call, or known of it later. */
  addValue(name: string, value: number): void {
    this.#values.add(name, value);
  }

  toFigures(): ArmFigures {
    return {
      arm: this.#arm, version: this.#version, requests: this.#requests, rows: this.#rows, failures: Object.fromEntries(this.#failures), retries: this.#retries,
      latencyUs: this.#latency.toSparse(), predictions: this.#predictions.toFigures(), errors: this.#errors.toJSON(), ...(this.#limited.calls === 0 ? {} : { limited: { ...this.#limited } }), ...this.#values.toFigures(),
    };
  }
}
