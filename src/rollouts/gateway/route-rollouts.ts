import type { ChangeBy } from "../../access/index.ts";
import type { Caller } from "../../core/caller.ts";
import { describeIssue } from "../../core/describe-issue.ts";
import { AppError } from "../../core/errors.ts";
import type { Logger } from "../../core/logger.ts";
import { missingObject } from "../../core/request-gate.ts";
import { routeSubject } from "../../core/traffic-subject.ts";
import { heldNotes, RouteSettings, type GatewaySettingsService, type RouteRevisionStore } from "../../gateway/index.ts";
import type { AbTestService } from "../ab-tests/ab-test-service.ts";
import { ownMetrics } from "../ab-tests/schemas.ts";
import type { RolloutService } from "../rollout-service.ts";
import type { RolloutStore } from "../rollout-store.ts";
import { mergePatch } from "./merge-patch.ts";
import { assertRoutePlan, planByPrices, type PricedTarget } from "./route-plan.ts";
import type { NewRouteAbTest, NewRouteRollout, StartedOnRoute, TriedSettings } from "./schemas.ts";

export interface RouteRolloutParts {
  rollouts: Pick<RolloutService, "start">;
  abTests: Pick<AbTestService, "start">;
  store: Pick<RolloutStore, "current">;
  settings: Pick<GatewaySettingsService, "draftRoute">;
  revisions: Pick<RouteRevisionStore, "dropDrafts" | "find" | "revision">;
  /** Whether what the model answers now has a price. */
  isPriced(target: { provider: string; model: string }): boolean;
  logger: Logger;
}

/** Metrics of predictions, which calls have none of. */
const ofPredictions: readonly string[] = ownMetrics.filter((name) => name !== "latency");

/** Starts rollouts and A/B tests of the settings of a route: what is tried is kept as a draft first. */
export class RouteRollouts {
  readonly #parts: RouteRolloutParts;

  constructor(parts: RouteRolloutParts) {
    this.#parts = parts;
  }

  /** Throws GATEWAY_MODEL_NOT_FOUND, INVALID_REQUEST, ROLLOUT_UNDER_WAY, ROLLOUT_IMPOSSIBLE, VERSION_NOT_FOUND. */
  async start(route: string, { canary, plan: given, reason, ...tried }: NewRouteRollout, by: ChangeBy, caller: Caller): Promise<StartedOnRoute> {
    if (given !== undefined) assertRoutePlan(given);
    await this.#assertFree(route);
    return this.#withDrafts(route, async (drafts) => {
      const version = await this.#versionOf(route, tried, reason, by, caller, drafts);
      const { plan, notes } = planByPrices(given, { stable: this.#priced((await this.#parts.revisions.find(route))?.settings), candidate: this.#priced((await this.#parts.revisions.revision(route, Number(version)))?.settings) });
      const started = await this.#parts.rollouts.start(routeSubject(route), { version, plan, reason, ...(canary === undefined ? {} : { canary }) }, by);
      return { ...started, notes: [...(await this.#notes(route, [version])), ...notes] };
    });
  }

  /** Throws as `start` does. */
  async startTest(route: string, { variants, ...test }: NewRouteAbTest, by: ChangeBy, caller: Caller): Promise<StartedOnRoute> {
    if (ofPredictions.includes(test.metric)) {
      const message = `${test.metric} is a metric of predictions: name cost, latency, or a score that is given to traces`;
      throw new AppError("INVALID_REQUEST", `metric: ${message}.`, { problems: [{ path: "metric", message }] });
    }
    await this.#assertFree(route);
    return this.#withDrafts(route, async (drafts) => {
      const versions: { name: string; version: string; percent?: number }[] = [];
      for (const [index, { name, percent, ...tried }] of variants.entries()) {
        const version = await this.#versionOf(route, tried, `variant ${name} of an A/B test`, by, caller, drafts, `variants[${index}].`);
        versions.push({ name, version, ...(percent === undefined ? {} : { percent }) });
      }
      const started = await this.#parts.abTests.start(routeSubject(route), { ...test, covariate: null, keyInput: null, variants: versions }, by);
      return { ...started, notes: await this.#notes(route, versions.map(({ version }) => version)) };
    });
  }

  /** Of a start that comes to nothing, such as one of several at once, nothing is left. Those that a rollout is of stay, whatever happened after it was written. */
  async #withDrafts<Result>(route: string, start: (drafts: number[]) => Promise<Result>): Promise<Result> {
    const drafts: number[] = [];
    try {
      return await start(drafts);
    } catch (error) {
      // What cannot be taken away now is found by a later start.
      await this.#parts.revisions.dropDrafts(route, drafts).catch((cause: unknown) => this.#parts.logger.warn("rollout.drafts_not_dropped", { route, cause }));
      throw error;
    }
  }

  #priced(settings: RouteSettings | null | undefined): PricedTarget[] {
    return (settings?.targets ?? []).map(({ provider, model }) => ({ provider, model, isPriced: this.#parts.isPriced({ provider, model }) }));
  }

  /** Each thing once, also where several variants have it. */
  async #notes(route: string, versions: readonly string[]): Promise<string[]> {
    const present = await this.#parts.revisions.find(route);
    const tried = await Promise.all(versions.map((version) => this.#parts.revisions.revision(route, Number(version))));
    return [...new Set(tried.flatMap((revision) => (present === null || revision === null || revision.settings === null ? [] : heldNotes(present.settings, revision.settings))))];
  }

  /** Before anything is kept; whoever is quicker meanwhile is found when the rollout is added. */
  async #assertFree(route: string): Promise<void> {
    const open = await this.#parts.store.current(routeSubject(route));
    if (open !== null) throw new AppError("ROLLOUT_UNDER_WAY", `The route ${route} has ${open.kind === "rollout" ? "a rollout" : "an A/B test"} under way: ${open.id}. Wait for it, or end it with \`slipway ${open.kind === "rollout" ? "rollout abort" : "abtest stop"} route:${route}\`.`);
  }

  async #versionOf(name: string, { settings, change, revision }: TriedSettings, reason: string, by: ChangeBy, caller: Caller, drafts: number[], place = ""): Promise<string> {
    const route = await this.#parts.revisions.find(name);
    if (route === null) throw missingObject("route", name);
    const given = [settings, change, revision].filter((one) => one !== undefined);
    if (given.length !== 1) throw problem(`${place}settings`, "say what is tried by one of settings, change and revision");
    if (revision !== undefined) {
      const stored = (await this.#parts.revisions.revision(name, revision))?.settings ?? null;
      if (stored !== null && revision !== route.revision && JSON.stringify(stored) === JSON.stringify(route.settings)) throw problem(`${place}revision`, `revision ${revision} has the settings that ${name} answers with already`);
      return String(revision);
    }
    const wanted = settings ?? patched(route.settings, change ?? {}, place);
    if (JSON.stringify(wanted) === JSON.stringify(route.settings)) throw problem(`${place}${settings === undefined ? "change" : "settings"}`, "nothing is different from the present settings");
    const draft = await this.#parts.settings.draftRoute(name, { settings: wanted, reason }, by, caller);
    drafts.push(draft);
    return String(draft);
  }
}

function patched(present: RouteSettings, change: Readonly<Record<string, unknown>>, place: string): RouteSettings {
  const read = RouteSettings.safeParse(mergePatch(present, change), { error: describeIssue });
  if (read.success) return read.data;
  const problems = read.error.issues.map(({ path, message }) => ({ path: `${place}change.${path.join(".")}`, message }));
  throw new AppError("INVALID_REQUEST", problems.map(({ path, message }) => `${path} ${message}`).join("; "), { problems });
}

function problem(path: string, message: string): AppError {
  return new AppError("INVALID_REQUEST", `${path}: ${message}.`, { problems: [{ path, message }] });
}
