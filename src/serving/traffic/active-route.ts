import type { Signature } from "../../registry/index.ts";
import { assign, assignmentTable, type AssignableRequest, type AssignmentTable, type RouteChoice } from "./assign.ts";
import { KeyFraction } from "./key-fraction.ts";
import { ShadowGate } from "./shadow-gate.ts";
import type { TrafficRoute } from "./traffic-route.ts";

/** The route that a model has now, with what was worked out of it. A change of weights makes another one; only cuts change it in place. */
export class ActiveRoute {
  readonly route: TrafficRoute;
  /** Its versions, to be kept in memory. */
  readonly versions: ReadonlySet<string>;
  /** What is under way of a former route does not count here. */
  readonly shadowGate: ShadowGate;
  readonly #table: AssignmentTable;
  readonly #shadowFractions: KeyFraction;
  #shadow: TrafficRoute["shadow"];

  constructor(route: TrafficRoute, stable: { contract: { signature: Pick<Signature, "inputs"> } }) {
    this.route = route;
    this.#table = assignmentTable(route, stable.contract.signature);
    this.#shadow = route.shadow;
    // Another salt than the assignment's: who is mirrored must not hang on where keys go.
    this.#shadowFractions = new KeyFraction(`${route.salt} shadow`);
    this.shadowGate = new ShadowGate(route.shadow ?? { maxConcurrent: 0, maxPerSecond: 0 });
    this.versions = new Set(versionsOf(route));
  }

  assign(request: AssignableRequest, predictionId: string): RouteChoice {
    return assign(this.#table, request, predictionId);
  }

  /** Who is asked this one too; null for nobody. */
  shadowFor(predictionId: string): NonNullable<TrafficRoute["shadow"]> | null {
    const shadow = this.#shadow;
    if (shadow === null || shadow.share <= 0) return null;
    return shadow.share >= 1 || this.#shadowFractions.of(predictionId) < shadow.share ? shadow : null;
  }

  /** No request and no shadow goes to the arm from now on: its keys are stable's. */
  cut(arm: string): void {
    this.#table.arms = this.#table.arms.filter(({ name }) => name !== arm);
    if (this.#shadow?.arm === arm) this.#shadow = null;
  }
}

/** Everything that a route names. */
export function versionsOf(route: TrafficRoute): string[] {
  return [...new Set([route.stable, ...route.arms.map(({ version }) => version), ...(route.shadow === null ? [] : [route.shadow.version]), ...route.warm])];
}

/** Those that are tried out: whatever they do must not happen in the server's process. */
export function candidatesOf(route: TrafficRoute): Set<string> {
  const candidates = new Set([...route.arms.map(({ version }) => version), ...(route.shadow === null ? [] : [route.shadow.version])]);
  candidates.delete(route.stable);
  return candidates;
}
