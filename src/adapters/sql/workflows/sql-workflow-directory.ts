import { sql, type Selectable, type SqlBool, type Transaction } from "kysely";
import type { EpochMs } from "../../../core/clock.ts";
import { AppError } from "../../../core/errors.ts";
import type { IdGenerator } from "../../../core/ids.ts";
import type { LogLine, RunDirectory, RunState, WorkflowRun } from "../workflow-ports.ts";
import type { DatabaseSchema, WorkflowRunRow } from "../database-schema.ts";
import type { SqlDatabase } from "../sql-database.ts";
import { endStates, isEnd, runOf } from "./sql-workflow-rows.ts";
import { endOfRun } from "./sql-workflow-store.ts";
import { writeEvents } from "../events/write-events.ts";

/** Runs as seen and steered from outside, in SQL. */
export class SqlWorkflowDirectory implements RunDirectory {
  readonly #database: SqlDatabase;
  readonly #ids: IdGenerator;

  constructor(database: SqlDatabase, options: { ids: IdGenerator }) {
    this.#database = database;
    this.#ids = options.ids;
  }

  async find(id: string): Promise<WorkflowRun | null> {
    const row = await this.#database.queries.selectFrom("workflow_runs").selectAll().where("id", "=", id).executeTakeFirst();
    return row === undefined ? null : runOf(row);
  }

  async list({ workflow, state, teams, before, limit }: Parameters<RunDirectory["list"]>[0]): Promise<WorkflowRun[]> {
    if (teams?.length === 0) return [];
    const rows = await this.#database.queries
      .selectFrom("workflow_runs")
      .selectAll()
      .$if(workflow !== undefined, (query) => query.where("workflow", "=", workflow!))
      .$if(state !== undefined, (query) => query.where("state", "=", state!))
      .$if(teams !== undefined, (query) => query.where("team", "in", teams!))
      .$if(before !== undefined, (query) => query.where("id", "<", before!))
      .orderBy("id", "desc")
      .limit(limit)
      .execute();
    return rows.map(runOf);
  }

  async counts(): Promise<{ workflow: string; state: RunState; runs: number }[]> {
    const rows = await this.#database.queries
      .selectFrom("workflow_runs")
      .select(({ fn }) => ["workflow", "state", fn.countAll<number>().as("runs")])
      .groupBy(["workflow", "state"])
      .orderBy("workflow")
      .orderBy("state")
      .execute();
    return rows.map(({ workflow, state, runs }) => ({ workflow, state: state as RunState, runs: Number(runs) }));
  }

  async readLog(run: string, after: number, limit: number): Promise<LogLine[]> {
    const rows = await this.#database.queries
      .selectFrom("workflow_logs").selectAll().where("run", "=", run).where("sequence", ">", after).orderBy("sequence").limit(limit).execute();
    return rows.map(({ sequence, step, time, stream, line }) => ({ sequence, step, time, stream: stream as LogLine["stream"], line }));
  }

  requestCancel(id: string, now: EpochMs): Promise<WorkflowRun> {
    return this.#database.transaction(async (transaction) => {
      const row = await lockRun(transaction, id);
      if (isEnd(row.state)) throw new AppError("RUN_STATE_CONFLICT", `The run has ${row.state} already.`);
      if (row.started_at === null) {
        const error = { code: "RUN_CANCELLED", message: "It was cancelled before it began." };
        const cancelled = await updateRun(transaction, id, {
          state: "cancelled", cancel_requested: 1, ended_at: now, due_at: now, error_json: JSON.stringify(error), lease_epoch: row.lease_epoch + 1,
        });
        await writeEvents(transaction, this.#ids, [endOfRun(row, "cancelled", error, now)]);
        return cancelled;
      }
      // One that is compensating keeps to its pauses between attempts.
      const wakes = row.state === "sleeping" || row.state === "queued";
      return updateRun(transaction, id, { cancel_requested: 1, ...(wakes ? { due_at: Math.min(row.due_at, now) } : {}) });
    });
  }

  retry(id: string, now: EpochMs): Promise<WorkflowRun> {
    return this.#database.transaction(async (transaction) => {
      const row = await lockRun(transaction, id);
      if (row.state !== "failed" && row.state !== "cancelled") {
        throw new AppError("RUN_STATE_CONFLICT", `Only a failed or cancelled run can be retried; this one is ${row.state}.`);
      }
      const steps = await transaction.selectFrom("workflow_steps").select(["step", "kind", "state", "position"]).where("run", "=", id).execute();
      const undone = new Set(steps.filter(({ kind, state }) => kind === "compensation" && state === "succeeded").map(({ step }) => step));
      const failedStep = row.error_json === null ? undefined : (JSON.parse(row.error_json) as { step?: string }).step;
      const forward = steps.filter(({ kind }) => kind !== "compensation");
      // A failure that the workflow caught belongs to its path and stays; the one that ended the run, and those after it, go.
      const firstFatal =
        forward.find(({ step, state }) => step === failedStep && state === "failed")?.position ??
        1 + Math.max(0, ...forward.filter(({ state }) => state === "succeeded").map(({ position }) => position));
      const removed = steps.filter(
        ({ step, kind, state, position }) =>
          kind === "compensation" || undone.has(`undo ${step}`) || (state === "failed" ? position >= firstFatal : state !== "succeeded"),
      );
      for (const { step } of removed) await transaction.deleteFrom("workflow_steps").where("run", "=", id).where("step", "=", step).execute();
      return updateRun(transaction, id, {
        state: "queued", due_at: now, started_at: null, ended_at: null, output_json: null, error_json: null,
        cancel_requested: 0, progress: null, progress_note: null, crashes: 0, crash_progress: 0, lease_epoch: row.lease_epoch + 1,
      });
    });
  }

  prune(before: EpochMs, limit: number): Promise<number> {
    return this.#database.transaction(async (transaction) => {
      // The end of a run stands in `due_at` too, which has an index.
      const rows = await transaction
        .selectFrom("workflow_runs").select("id").where("state", "in", endStates).where("due_at", "<", before).orderBy("id").limit(limit).forUpdate().execute();
      const ids = rows.map(({ id }) => id);
      if (ids.length === 0) return 0;
      for (const table of ["workflow_steps", "workflow_logs", "workflow_waits"] as const) await transaction.deleteFrom(table).where("run", "in", ids).execute();
      await transaction.deleteFrom("workflow_signals").where(sql<SqlBool>`taken_by in (${sql.join(ids)})`).execute();
      await transaction.deleteFrom("workflow_runs").where("id", "in", ids).execute();
      return ids.length;
    });
  }
}

async function lockRun(transaction: Transaction<DatabaseSchema>, id: string): Promise<Selectable<WorkflowRunRow>> {
  const row = await transaction.selectFrom("workflow_runs").selectAll().where("id", "=", id).forUpdate().executeTakeFirst();
  if (row === undefined) throw new AppError("RUN_NOT_FOUND", `There is no workflow run ${JSON.stringify(id)}.`);
  return row;
}

async function updateRun(transaction: Transaction<DatabaseSchema>, id: string, change: Partial<WorkflowRunRow>): Promise<WorkflowRun> {
  return runOf(await transaction.updateTable("workflow_runs").set(change).where("id", "=", id).returningAll().executeTakeFirstOrThrow());
}
