import type { ApiClient } from "../core/api-client.ts";
import { subjectPath } from "../core/traffic-subject.ts";
import type { AbTestOutcome, AbTestReport, NewAbTest, NewRouteAbTest, Rollout } from "../rollouts/index.ts";

/** What an A/B test is started with; variants of a route say what is tried by one of `settings`, `change` and `revision`. */
export type AbTestRequestOf<Subject extends string> = Subject extends `route:${string}`
  ? Pick<NewRouteAbTest, "metric" | "direction"> & Omit<Partial<NewRouteAbTest>, "variants"> & { variants: { name: string; percent?: number; settings?: object; change?: object; revision?: number }[] }
  : Pick<NewAbTest, "variants" | "metric" | "direction"> & Partial<NewAbTest>;

/** A/B tests of a running Slipway: `client.abTests`. They are listed with the rollouts. */
export class AbTestsClient {
  readonly #api: ApiClient;

  constructor(api: ApiClient) {
    this.#api = api;
  }

  /** Of versions of a model, or of settings of a route (`route:NAME`) by `cost`, `latency` or a score of traces. */
  start<Subject extends string>(model: Subject, test: AbTestRequestOf<Subject>): Promise<Rollout> {
    return this.#api.send("POST", `${subjectPath(model)}/ab-tests`, test);
  }

  /** May be looked at as often as one likes: bounds and p-values stay valid. */
  report(test: string): Promise<AbTestReport> {
    return this.#api.get(testPath(test));
  }

  /** All traffic is the champion's when it answers: the former, or the variant that is promoted. */
  stop(test: string, options: { promote?: string; reason?: string } = {}): Promise<AbTestReport> {
    return this.#api.send("POST", `${testPath(test)}/stop`, options);
  }

  /** Values of the test's metric for predictions, by their ids; the last one of each counts. */
  reportOutcomes(test: string, outcomes: readonly AbTestOutcome[]): Promise<{ received: number }> {
    return this.#api.send("POST", `${testPath(test)}/outcomes`, { outcomes });
  }
}

function testPath(test: string): string {
  return `/api/ab-tests/${encodeURIComponent(test)}`;
}
