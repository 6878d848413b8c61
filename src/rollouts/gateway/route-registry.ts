import { epochMs, type Clock } from "../../core/clock.ts";
import { missingObject } from "../../core/request-gate.ts";
import { AppError } from "../../core/errors.ts";
import { routeOfSubject } from "../../core/traffic-subject.ts";
import type { RouteRevisionStore, RouteSettings, RouteSplits } from "../../gateway/index.ts";
import { championAlias, type ChangeBy } from "../../registry/index.ts";
import type { RolledVersion, RolloutRegistry } from "../rollout-parts.ts";
import type { SubjectServing } from "./by-subject.ts";
import { RouteRolloutPlan } from "./route-plan.ts";

export interface RouteRegistryParts {
  revisions: Pick<RouteRevisionStore, "find" | "revision" | "answerWith" | "turns">;
  splits: Pick<RouteSplits, "apply" | "cutArm">;
  /** Why a route with such settings could answer no call; null where it could. */
  troubleWith(route: string, settings: RouteSettings): string | null;
  /** This server calls with what is stored now; others follow the event. */
  refresh(): Promise<void>;
  clock: Clock;
}

/**
 * Routes of the gateway as rollouts see them: versions are revisions of a route's settings, and the alias champion is on the one that answers. A revision has neither stages nor a signature of
 * tensors: each takes what the others take.
 */
export class RouteRegistry implements RolloutRegistry {
  readonly #parts: RouteRegistryParts;

  constructor(parts: RouteRegistryParts) {
    this.#parts = parts;
  }

  async model(subject: string): ReturnType<RolloutRegistry["model"]> {
    const name = nameOf(subject);
    const route = await this.#parts.revisions.find(name);
    if (route === null) throw missingObject("route", name);
    const answering = String(route.revision);
    return { team: route.team, aliases: { [championAlias]: answering }, latestVersion: answering };
  }

  async version(subject: string, version: string): Promise<RolledVersion> {
    const name = nameOf(subject);
    const found = await this.#parts.revisions.revision(name, Number(version));
    if (found === null || found.settings === null) throw new AppError("VERSION_NOT_FOUND", `The route ${name} has no revision ${version} with settings.`);
    const trouble = this.#parts.troubleWith(name, found.settings);
    return { ...(trouble === null ? {} : { trouble }), model: name, version, stage: "None", contract: { signature: { inputs: [], outputs: [] }, runtime: { kind: "gateway", notes: [] } } };
  }

  policy(): ReturnType<RolloutRegistry["policy"]> {
    return Promise.resolve({ policy: { rollout: RouteRolloutPlan.parse({}) } });
  }

  async changes(subject: string, { limit }: { limit: number }): ReturnType<RolloutRegistry["changes"]> {
    const turns = await this.#parts.revisions.turns(nameOf(subject), limit + 1);
    const told = (turn: { revision: number } | undefined): string | null => (turn === undefined ? null : `${championAlias}=${turn.revision}`);
    return turns.slice(0, limit).map((turn, index) => ({ change: "model.alias.changed", before: told(turns[index + 1]), after: told(turn) }));
  }

  transition(): Promise<void> {
    return Promise.resolve();
  }

  async setAlias(subject: string, alias: string, version: string, { actor, now, reason }: ChangeBy): Promise<void> {
    if (alias !== championAlias) return;
    await this.#parts.revisions.answerWith(nameOf(subject), Number(version), reason ?? "", { actor, now });
    await this.#parts.refresh();
  }

  deleteAlias(): Promise<void> {
    return Promise.resolve();
  }

  /** What rollouts do to calls of routes on this server. */
  get serving(): SubjectServing {
    const { splits, clock } = this.#parts;
    return {
      applyRoute: (route) => splits.apply(route),
      cutArm: (...arm) => splits.cutArm(...arm),
      follow: () => this.#parts.refresh(),
      activate: (subject, version, actor, reason) => this.setAlias(subject, championAlias, version, { actor, now: epochMs(clock.now()), ...(reason === undefined ? {} : { reason }) }),
      // Settings need no loading.
      keepWarm: () => Promise.resolve(),
    };
  }
}

function nameOf(subject: string): string {
  const name = routeOfSubject(subject);
  if (name === null) throw missingObject("model", subject);
  return name;
}
