import type { Kysely, Selectable } from "kysely";
import type { EpochMs } from "../../../core/clock.ts";
import type { DomainEvent } from "../../../core/domain-event.ts";
import { AppError } from "../../../core/errors.ts";
import type { IdGenerator } from "../../../core/ids.ts";
import { routeOfSubject, subjectObject } from "../../../core/traffic-subject.ts";
import type { RolloutPlan } from "../../../registry/index.ts";
import type { Rollout, RolloutRequest } from "../../../rollouts/schemas.ts";
import type { TrafficRoute } from "../../../serving/index.ts";
import type { DatabaseSchema } from "../database-schema.ts";
import type { ModelRouteRow, RolloutRow } from "./rollout-schema.ts";
import { writeEvents } from "../events/write-events.ts";

type Queries = Kysely<DatabaseSchema>;
interface By { team: string; actor: string; now: EpochMs }

export function rolloutOf(row: Selectable<RolloutRow>): Rollout {
  return {
    id: row.id, model: row.model, team: row.team, kind: row.kind as Rollout["kind"], stable: String(row.stable), candidate: String(row.candidate),
    state: row.state as Rollout["state"], plan: JSON.parse(row.plan_json) as RolloutPlan, phase: row.phase, phaseSince: row.phase_since,
    startedAt: row.started_at, startedBy: row.started_by, endedAt: row.ended_at, reason: row.reason,
    request: row.request_json === null ? null : (JSON.parse(row.request_json) as RolloutRequest),
    workflowRun: row.workflow_run, salt: row.salt, test: row.test_json === null ? null : (JSON.parse(row.test_json) as Record<string, unknown>),
  };
}

/** The row knows the model's name of today. */
export function routeOf({ model, revision, route_json: route }: Pick<ModelRouteRow, "model" | "revision" | "route_json">): { revision: number; route: TrafficRoute | null } {
  return { revision, route: route === null ? null : { ...(JSON.parse(route) as Omit<TrafficRoute, "model" | "revision">), model, revision } };
}

/** What is told of a rollout, on what it is of. */
export function rolloutEvent(type: string, rollout: Rollout, { team, actor, now }: By, reason = rollout.reason): DomainEvent {
  const { model, id, kind, candidate, stable } = rollout;
  const phase = type === "rollout.phase.entered" ? { phase: rollout.plan.phases[rollout.phase]?.phase ?? String(rollout.phase) } : {};
  return {
    type, object: subjectObject(model), team, actor, time: now,
    payload: { model, rollout: id, kind, candidate, stable, ...phase, ...(reason === "" ? {} : { reason }) },
  };
}

export function routeEvent(model: string, revision: number, rollout: string | null, { team, actor, now }: By): DomainEvent {
  return { type: "model.route.changed", object: subjectObject(model), team, actor, time: now, payload: { model, revision, rollout } };
}

/**
 * Gives the name its next route, one revision above whatever it had and above `beyond`; answers with the revision. The row is written first,
 * so routes of one model are written one after the other.
 */
export async function putRoute(transaction: Queries, model: string, routeJson: string | null, now: EpochMs, beyond = 0): Promise<number> {
  const written = await transaction
    .insertInto("model_routes")
    .values({ model, revision: beyond + 1, route_json: routeJson, changed_at: now })
    .onConflict((conflict) =>
      conflict.column("model").doUpdateSet(({ eb }) => ({
        revision: eb.case().when("model_routes.revision", ">", beyond).then(eb("model_routes.revision", "+", 1)).else(beyond + 1).end(),
        route_json: routeJson,
        changed_at: now,
      })))
    .returning("revision")
    .executeTakeFirstOrThrow();
  return written.revision;
}

/** Rollouts and the route go with a model that gets another name, whose row is held; followers of both names are told of the route. */
export async function renameRollouts(transaction: Queries, ids: IdGenerator, model: string, name: string, by: By): Promise<void> {
  await transaction.updateTable("rollouts").set({ model: name }).where("model", "=", model).execute();
  const row = await transaction.selectFrom("model_routes").selectAll().where("model", "=", model).executeTakeFirst();
  if (row === undefined || row.route_json === null) return;
  const { rollout } = JSON.parse(row.route_json) as TrafficRoute;
  const gone = await putRoute(transaction, model, null, by.now);
  const moved = await putRoute(transaction, name, row.route_json, by.now, row.revision);
  await writeEvents(transaction, ids, [routeEvent(model, gone, null, by), routeEvent(name, moved, rollout, by)]);
}

/** Everything of rollouts of a model that is deleted, whose row is held, but for the count of its routes. An open one is told of as aborted. */
export async function deleteRollouts(transaction: Queries, ids: IdGenerator, model: string, by: By): Promise<void> {
  const events: DomainEvent[] = [];
  const row = await transaction.selectFrom("model_routes").selectAll().where("model", "=", model).executeTakeFirst();
  if (row !== undefined && row.route_json !== null) events.push(routeEvent(model, await putRoute(transaction, model, null, by.now), null, by));
  const ofModel = transaction.selectFrom("rollouts").select("id").where("model", "=", model);
  await transaction.deleteFrom("rollout_verdicts").where("rollout", "in", ofModel).execute();
  await transaction.deleteFrom("rollout_figures").where("rollout", "in", ofModel).execute();
  await transaction.deleteFrom("ab_test_figures").where("test", "in", ofModel).execute();
  await transaction.deleteFrom("ab_test_outcomes").where("test", "in", ofModel).execute();
  const removed = await transaction.deleteFrom("rollouts").where("model", "=", model).returningAll().execute();
  for (const open of removed) {
    if (open.is_open === 1) events.push(rolloutEvent("rollout.aborted", rolloutOf(open), by, `The ${routeOfSubject(model) === null ? "model" : "route"} was deleted.`));
  }
  await writeEvents(transaction, ids, events);
}

/** For changes past a rollout of what is held. Throws ROLLOUT_UNDER_WAY. */
export async function refuseWhileOpen(transaction: Queries, subject: string): Promise<void> {
  const open = await transaction.selectFrom("rollouts").select(["id", "kind"]).where("model", "=", subject).where("is_open", "=", 1).executeTakeFirst();
  if (open === undefined) return;
  const what = open.kind === "rollout" ? "The rollout" : "The A/B test";
  throw new AppError("ROLLOUT_UNDER_WAY", `${what} ${open.id} of ${subject} is under way: end it before another change.`);
}
