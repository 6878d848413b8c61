import type { ApiClient } from "../core/api-client.ts";
import type { AbTestOutcome, AbTestReport, NewAbTest, Rollout } from "../rollouts/index.ts";

/** A/B tests of a running Slipway: `client.abTests`. They are listed with the rollouts. */
export class AbTestsClient {
  readonly #api: ApiClient;

  constructor(api: ApiClient) {
    this.#api = api;
  }

  start(model: string, test: Pick<NewAbTest, "variants" | "metric" | "direction"> & Partial<NewAbTest>): Promise<Rollout> {
    return this.#api.send("POST", `/api/models/${encodeURIComponent(model)}/ab-tests`, test);
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
