import type { SplitSample } from "../../gateway/index.ts";
import type { ArmSample, StoredTruth, TrafficObserver, TrafficRoute } from "../../serving/index.ts";
import { AbTestSpec, type AbTestFigures, type AbTestOutcome } from "./schemas.ts";
import { TestCounters } from "./test-counters.ts";

/** What the arms of A/B tests do on this server, added up in memory by independent units. Routes of other kinds are passed over. */
export class AbTestCounts implements TrafficObserver {
  readonly #tests = new Map<string, TestCounters>();
  readonly #ofRoute = new WeakMap<TrafficRoute, TestCounters>();

  answered(sample: ArmSample): void {
    if (sample.route.kind === "ab-test") this.#countersOf(sample.route)?.answered(sample);
  }

  /** A call of a route of the gateway. */
  answeredCall(sample: SplitSample): void {
    if (sample.route.kind === "ab-test") this.#countersOf(sample.route)?.answeredCall(sample);
  }

  paired(): void {
    // A/B tests have no shadows.
  }

  shadowSkipped(): void {
    // Nor requests that one could miss.
  }

  truth(records: readonly Pick<StoredTruth, "predictionId" | "row" | "value">[]): void {
    for (const counters of this.#tests.values()) for (const record of records) counters.truth(record);
  }

  outcomes(test: string, outcomes: readonly AbTestOutcome[]): void {
    const counters = this.#tests.get(test);
    if (counters !== undefined) for (const outcome of outcomes) counters.outcome(outcome);
  }

  /** Tests with figures here, each with a number that goes up with every change, and its metric. */
  open(): { test: string; changes: number; metric: string }[] {
    return [...this.#tests].map(([test, { changes, spec }]) => ({ test, changes, metric: spec.metric }));
  }

  /** Of this server alone; null where it saw nothing. */
  of(test: string): AbTestFigures | null {
    return this.#tests.get(test)?.toFigures() ?? null;
  }

  drop(test: string): void {
    this.#tests.delete(test);
  }

  #countersOf(route: TrafficRoute): TestCounters | undefined {
    const known = this.#ofRoute.get(route);
    if (known !== undefined) return known;
    let counters = this.#tests.get(route.rollout);
    if (counters === undefined) {
      // The request path must not fail for a route that another release wrote.
      const spec = AbTestSpec.safeParse(route.test);
      if (!spec.success) return undefined;
      this.#tests.set(route.rollout, (counters = new TestCounters(spec.data)));
    }
    this.#ofRoute.set(route, counters);
    return counters;
  }
}
