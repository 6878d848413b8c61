import { sql, type Selectable } from "kysely";
import type { EpochMs } from "../../../core/clock.ts";
import { AppError } from "../../../core/errors.ts";
import type { IdGenerator } from "../../../core/ids.ts";
import type { RolloutChange, RolloutStore } from "../../../rollouts/rollout-store.ts";
import { openStates, ReplicaFigures, type Replica, type Rollout, type RolloutRequest, type Verdict } from "../../../rollouts/schemas.ts";
import type { TrafficRoute } from "../../../serving/index.ts";
import type { DatabaseSchema } from "../database-schema.ts";
import type { RolloutRow } from "./rollout-schema.ts";
import type { SqlDatabase } from "../sql-database.ts";
import type { RegistryQueries } from "../registry/sql-registry-rows.ts";
import { putRoute, rolloutEvent, rolloutOf, routeEvent, routeOf } from "./sql-rollout-rows.ts";
import { holdSubject } from "./sql-rollout-subjects.ts";
import { writeEvents } from "../events/write-events.ts";

const forgottenAfterMs = 86_400_000;
const missing: ReadonlySet<string> = new Set(["MODEL_NOT_FOUND", "GATEWAY_MODEL_NOT_FOUND"]);

/**
 * Rollouts in SQL. What changes an open rollout writes its row first, so such changes come one after the other. `times`: whose time replicas are
 * seen at; `database` where several servers share one, so that clocks that disagree do not make servers look dead to each other.
 */
export class SqlRolloutStore implements RolloutStore {
  readonly #database: SqlDatabase;
  readonly #ids: IdGenerator;
  readonly #times: "given" | "database";

  /** `ids` names the events that are written along. */
  constructor(database: SqlDatabase, ids: IdGenerator, times: "given" | "database" = "given") {
    this.#database = database;
    this.#ids = ids;
    this.#times = times;
  }

  add(rollout: Rollout): Promise<void> {
    const { id, model, stable, candidate, state, startedBy, startedAt } = rollout;
    return this.#database.transaction(async (transaction) => {
      const subject = await holdSubject(transaction, model);
      await subject.assertVersions(stable, candidate);
      const added = await transaction
        .insertInto("rollouts")
        .values({
          id, model, team: rollout.team, kind: rollout.kind, stable: Number(stable), candidate: Number(candidate), state, is_open: isOpen(state), plan_json: JSON.stringify(rollout.plan),
          phase: rollout.phase, phase_since: rollout.phaseSince, started_at: startedAt, started_by: startedBy, ended_at: rollout.endedAt, reason: rollout.reason,
          request_json: jsonOrNull(rollout.request), workflow_run: rollout.workflowRun, salt: rollout.salt, test_json: jsonOrNull(rollout.test),
        })
        .onConflict((conflict) => conflict.doNothing())
        .returning("id")
        .executeTakeFirst();
      if (added !== undefined) return writeEvents(transaction, this.#ids, [rolloutEvent("rollout.started", rollout, { team: subject.team, actor: startedBy, now: startedAt as EpochMs })]);
      // The same one again: its answer was lost.
      const same = await transaction.selectFrom("rollouts").select("id").where("id", "=", id).executeTakeFirst();
      if (same === undefined) throw new AppError("ROLLOUT_UNDER_WAY", `${model} has a rollout or an A/B test under way.`);
    });
  }

  async find(id: string): Promise<Rollout | null> {
    const row = await this.#database.queries.selectFrom("rollouts").selectAll().where("id", "=", id).executeTakeFirst();
    return row === undefined ? null : rolloutOf(row);
  }

  async current(model: string): Promise<Rollout | null> {
    const row = await this.#database.queries.selectFrom("rollouts").selectAll().where("model", "=", model).where("is_open", "=", 1).executeTakeFirst();
    return row === undefined ? null : rolloutOf(row);
  }

  async list({ models, open, before, limit }: Parameters<RolloutStore["list"]>[0]): Promise<Rollout[]> {
    if (models?.length === 0) return [];
    let query = this.#database.queries.selectFrom("rollouts").selectAll().orderBy("id", "desc").limit(limit);
    if (models !== undefined) query = query.where("model", "in", [...models]);
    if (open !== undefined) query = query.where("is_open", "=", Number(open));
    if (before !== undefined) query = query.where("id", "<", before);
    return (await query.execute()).map(rolloutOf);
  }

  change(id: string, { test: edit, ...change }: RolloutChange, { now, actor, event, request }: Parameters<RolloutStore["change"]>[2]): Promise<Rollout | null> {
    return this.#database.transaction(async (transaction) => {
      const row = await holdOpen(transaction, id);
      if (row === null) return null;
      const before = rolloutOf(row);
      const state = change.state ?? before.state;
      const isCarriedOut = request !== undefined && before.request?.at === request.at && before.request.action === request.action;
      const isLeft = before.request?.action === "promote" && ((change.phase ?? before.phase) !== before.phase || !openStates.includes(state));
      const test = edit === undefined || before.test === null ? before.test : edit(before.test);
      const changed: Rollout = { ...before, ...change, state, test, request: isCarriedOut || isLeft ? null : before.request };
      if (!openStates.includes(state)) changed.endedAt ??= now;
      await transaction
        .updateTable("rollouts")
        .set({
          state, is_open: isOpen(state), phase: changed.phase, phase_since: changed.phaseSince, ended_at: changed.endedAt, reason: changed.reason,
          workflow_run: changed.workflowRun, test_json: jsonOrNull(changed.test), request_json: jsonOrNull(changed.request),
        })
        .where("id", "=", id)
        .execute();
      if (event !== undefined) await writeEvents(transaction, this.#ids, [rolloutEvent(event, changed, { team: changed.team, actor, now })]);
      return changed;
    });
  }

  request(id: string, request: RolloutRequest): ReturnType<RolloutStore["request"]> {
    return this.#database.transaction(async (transaction) => {
      const row = await holdOpen(transaction, id);
      if (row === null) return null;
      const rollout = rolloutOf(row);
      if (!canFollow(request, rollout)) return { rollout, isTaken: false };
      await transaction.updateTable("rollouts").set({ request_json: JSON.stringify(request) }).where("id", "=", id).execute();
      return { rollout: { ...rollout, request }, isTaken: true };
    });
  }

  writeRoute(model: string, route: Omit<TrafficRoute, "revision"> | null, { actor, now, of }: Parameters<RolloutStore["writeRoute"]>[2]): Promise<number> {
    return this.#database.transaction(async (transaction) => {
      const held = await holdSubject(transaction, model).catch((error: unknown) => {
        if (route === null && error instanceof AppError && missing.has(error.code)) return null;
        throw error;
      });
      const row = await transaction.selectFrom("model_routes").selectAll().where("model", "=", model).executeTakeFirst();
      const present = row === undefined ? { revision: 0, route: null } : routeOf(row);
      // A deleted model took its route along.
      if (held === null || (route === null && of !== undefined && present.route?.rollout !== of)) return present.revision;
      // Whose rollout ended while this was on its way has nothing to say to the traffic of the next one.
      const open = route === null ? undefined : await transaction.selectFrom("rollouts").select("id").where("model", "=", model).where("is_open", "=", 1).executeTakeFirst();
      if (route !== null && open !== undefined && open.id !== route.rollout) return present.revision;
      const { model: _named, ...kept } = route ?? {};
      const revision = await putRoute(transaction, model, route === null ? null : JSON.stringify(kept), now);
      await writeEvents(transaction, this.#ids, [routeEvent(model, revision, route?.rollout ?? null, { team: held.team, actor, now })]);
      return revision;
    });
  }

  async route(model: string): Promise<{ revision: number; route: TrafficRoute | null } | null> {
    const row = await this.#database.queries.selectFrom("model_routes").selectAll().where("model", "=", model).executeTakeFirst();
    return row === undefined ? null : routeOf(row);
  }

  async routes(): Promise<{ model: string; revision: number; route: TrafficRoute | null }[]> {
    const rows = await this.#database.queries.selectFrom("model_routes").selectAll().orderBy("model").execute();
    return rows.map((row) => ({ model: row.model, ...routeOf(row) }));
  }

  async addVerdict(verdict: Verdict): Promise<void> {
    const { id, rollout, time, decision } = verdict;
    await this.#database.queries
      .insertInto("rollout_verdicts")
      .columns(["id", "rollout", "time", "decision", "verdict_json"])
      // Of a model that was deleted meanwhile nothing is left behind.
      .expression(({ selectFrom, val }) =>
        selectFrom("rollouts").where("id", "=", rollout)
          .select([val(id).as("id"), "id as rollout", val<number>(time).as("time"), val<string>(decision).as("decision"), val(JSON.stringify(verdict)).as("verdict_json")]))
      .onConflict((conflict) => conflict.column("id").doNothing())
      .execute();
  }

  async verdicts(rollout: string, { before, limit }: { before?: string; limit: number }): Promise<Verdict[]> {
    const query = this.#database.queries.selectFrom("rollout_verdicts").select("verdict_json").where("rollout", "=", rollout).orderBy("id", "desc").limit(limit);
    const rows = await (before === undefined ? query : query.where("id", "<", before)).execute();
    return rows.map(({ verdict_json: verdict }) => JSON.parse(verdict) as Verdict);
  }

  async writeFigures(rollout: string, phase: string, replica: string, figures: ReplicaFigures, now: EpochMs): Promise<void> {
    const figuresJson = JSON.stringify(figures);
    const write = this.#database.queries
      .insertInto("rollout_figures")
      .columns(["rollout", "phase", "replica", "written_at", "figures_json"])
      .expression(({ selectFrom, val }) =>
        selectFrom("rollouts").where("id", "=", rollout)
          .select(["id as rollout", val(phase).as("phase"), val(replica).as("replica"), val<number>(now).as("written_at"), val(figuresJson).as("figures_json")]))
      .onConflict((conflict) => conflict.columns(["rollout", "phase", "replica"]).doUpdateSet({ written_at: now, figures_json: figuresJson }));
    await this.#database.writeBatch([write.compile()], { idempotent: true });
  }

  async readFigures(rollout: string, phase: string): Promise<{ replica: string; figures: ReplicaFigures }[]> {
    const rows = await this.#database.queries
      .selectFrom("rollout_figures").select(["replica", "figures_json"]).where("rollout", "=", rollout).where("phase", "=", phase).orderBy("replica").execute();
    return rows.map(({ replica, figures_json: text }) => {
      // Another release may have written it: what this one does not know is left out, what it misses must not be taken for nothing.
      const figures = ReplicaFigures.safeParse(JSON.parse(text));
      if (!figures.success) throw new AppError("INTERNAL", "The figures of another server cannot be read; it may be of another release.", { cause: figures.error });
      return { replica, figures: figures.data };
    });
  }

  async reportReplica({ id, seenAt, routes }: Replica): Promise<void> {
    const { queries } = this.#database;
    const now = this.#times === "given" ? sql<number>`cast(${seenAt} as bigint)` : sql<number>`cast(floor(extract(epoch from clock_timestamp()) * 1000) as bigint)`;
    const row = { seen_at: now, routes_json: JSON.stringify(routes) };
    await this.#database.writeBatch(
      [
        queries.insertInto("replicas").values({ id, ...row }).onConflict((conflict) => conflict.column("id").doUpdateSet(row)).compile(),
        queries.deleteFrom("replicas").where("seen_at", "<", sql<number>`${now} - ${sql.lit(forgottenAfterMs)}`).compile(),
      ],
      { idempotent: true },
    );
  }

  async replicas(): Promise<Replica[]> {
    const rows = await this.#database.queries.selectFrom("replicas").selectAll().orderBy("id").execute();
    return rows.map(({ id, seen_at: seenAt, routes_json: routes }) => ({ id, seenAt, routes: JSON.parse(routes) as Replica["routes"] }));
  }

  async removeReplica(id: string): Promise<void> {
    await this.#database.queries.deleteFrom("replicas").where("id", "=", id).execute();
  }
}

/** What ends it cannot be taken back, so nothing else takes its place; and who promotes means the phase that they saw, once. */
function canFollow({ action, phase }: RolloutRequest, { request: waiting, phase: present }: Rollout): boolean {
  if (waiting !== null && ["abort", "trip", "stop"].includes(waiting.action)) return false;
  return action !== "promote" || (waiting?.action !== "promote" && (phase ?? present) === present);
}

function isOpen(state: Rollout["state"]): DatabaseSchema["rollouts"]["is_open"] {
  return openStates.includes(state) ? 1 : 0;
}

function jsonOrNull(value: unknown): string | null {
  return value === null ? null : JSON.stringify(value);
}

/** The row of an open rollout, kept from changing until the transaction ends; null when there is none. */
async function holdOpen(transaction: RegistryQueries, id: string): Promise<Selectable<RolloutRow> | null> {
  const row = await transaction
    .updateTable("rollouts").set(({ ref }) => ({ salt: ref("salt") })).where("id", "=", id).where("is_open", "=", 1).returningAll().executeTakeFirst();
  return row ?? null;
}
