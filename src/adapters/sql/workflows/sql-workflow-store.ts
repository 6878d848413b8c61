import { sql, type CompiledQuery, type Expression, type SqlBool } from "kysely";
import { epochMs, type Clock, type EpochMs } from "../../../core/clock.ts";
import { AppError } from "../../../core/errors.ts";
import type { IdGenerator } from "../../../core/ids.ts";
import { LeaseLost, type LeasedRun, type LogLine, type NewRun, type RunRelease, type StepRecord, type WorkflowRun, type WorkflowStep, type WorkflowStore } from "../workflow-ports.ts";
import type { WorkflowRunRow } from "../database-schema.ts";
import { teamNotFound } from "../access/hold-team.ts";
import { SharedBatches } from "../shared-batches.ts";
import type { SqlDatabase } from "../sql-database.ts";
import { SqlWorkflowLeases } from "./sql-workflow-leases.ts";
import { isEnd, jsonOrNull, never, rowOfNewRun, rowOfStep, runOf, stepOf } from "./sql-workflow-rows.ts";
import { eventStatements } from "../events/write-events.ts";

/** The last sequence that a log's lines may have; one more line says that the log ends. */
const mostLogLines = 100_000;

/**
 * Runs and journals in SQL. Every write under a lease decides in its own statement whether the lease holds, and keeps the
 * run's row from a new lease until it is committed: so what was written before another replica took over is what it reads.
 */
export class SqlWorkflowStore implements WorkflowStore {
  readonly #database: SqlDatabase;
  readonly #ids: IdGenerator;
  readonly #clock: Clock | "database";
  readonly #batches: SharedBatches;
  readonly #leases: SqlWorkflowLeases;
  #asking: Promise<EpochMs> | undefined;

  /** `clock`: the database's own where several processes share it. */
  constructor(database: SqlDatabase, options: { ids: IdGenerator; clock: Clock | "database" }) {
    this.#database = database;
    this.#ids = options.ids;
    this.#clock = options.clock;
    this.#batches = new SharedBatches(database);
    this.#leases = new SqlWorkflowLeases(database);
  }

  async time(): Promise<EpochMs> {
    if (this.#clock !== "database") return this.#clock.now();
    // Many that ask at once need one answer.
    this.#asking ??= this.#databaseTime().finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  async addRun(run: NewRun): Promise<{ run: WorkflowRun; created: boolean }> {
    const row = rowOfNewRun(run);
    const [result] = await this.#batches.write(run.id, [this.#insertRun(row)]);
    if (result!.rows.length > 0) return { run: runOf(row), created: true };
    const found = await this.#database.queries
      .selectFrom("workflow_runs").selectAll()
      .where(({ eb, and, or }) => or([eb("id", "=", run.id), and([eb("workflow", "=", run.workflow), eb("idempotency_key", "=", row.idempotency_key)])]))
      .executeTakeFirst();
    // Else it was pruned in between, which does not happen to what is new.
    if (found === undefined) throw teamNotFound(run.team);
    // A repeated write after a lost connection finds its own run.
    if (found.id === run.id) return { run: runOf(found), created: true };
    if (found.input_digest !== row.input_digest) {
      throw new AppError("IDEMPOTENCY_CONFLICT", `${JSON.stringify(run.idempotencyKey)} started a run of ${run.workflow} with another input.`);
    }
    return { run: runOf(found), created: false };
  }

  lease(request: Parameters<WorkflowStore["lease"]>[0]): Promise<LeasedRun[]> {
    return this.#leases.lease(request);
  }

  renew(request: Parameters<WorkflowStore["renew"]>[0]): Promise<{ id: string; cancelRequested: boolean }[]> {
    return this.#leases.renew(request);
  }

  endLeases(now: EpochMs): Promise<number> {
    return this.#leases.endLeases(now);
  }

  nextDueAt(now: EpochMs): Promise<EpochMs | null> {
    return this.#leases.nextDueAt(now);
  }

  async readSteps(run: string): Promise<WorkflowStep[]> {
    const rows = await this.#database.queries.selectFrom("workflow_steps").selectAll().where("run", "=", run).orderBy("position").orderBy("step").execute();
    return rows.map(stepOf);
  }

  async writeSteps(run: string, epoch: number, steps: readonly StepRecord[]): Promise<void> {
    if (steps.length === 0) return;
    const statements = steps.map((step) => stepStatement(this.#database, run, epoch, step));
    if (steps.some(({ kind }) => kind === "compensation")) {
      statements.push(this.#database.queries.updateTable("workflow_runs").set({ state: "compensating" }).where("id", "=", run).where("lease_epoch", "=", epoch).compile());
    }
    for (const { kind, state, step } of steps) {
      if (kind !== "signal" || state === "waiting") continue;
      statements.push(
        this.#database.queries.deleteFrom("workflow_waits").where("run", "=", run).where("step", "=", step).where(this.#holds(run, epoch)).compile(),
      );
    }
    await this.#writeUnderLease(run, statements);
  }

  async release(run: string, epoch: number, release: RunRelease, now: EpochMs): Promise<void> {
    const freed = { lease_owner: null, lease_until: 0, lease_epoch: epoch + 1, crashes: 0, crash_progress: 0 };
    const update = this.#database.queries.updateTable("workflow_runs").where("id", "=", run).where("lease_epoch", "=", epoch);
    if ("dueAt" in release) {
      const wakes = release.state === "sleeping" ? sql<SqlBool>`(cancel_requested = 1 or ${this.#hasSignal(run)})` : sql<SqlBool>`1 = 0`;
      const dueAt = sql<number>`case when ${wakes} then cast(${now} as bigint) else cast(${release.dueAt ?? never} as bigint) end`;
      await this.#writeUnderLease(run, [
        // Takes the row first: the next statement then sees every signal and cancellation whose sender had it before.
        update.set({ lease_until: 0 }).compile(),
        update.set({ ...freed, state: release.state, due_at: dueAt }).compile(),
      ]);
      return;
    }
    const row = await this.#database.queries.selectFrom("workflow_runs").selectAll().where("id", "=", run).where("lease_epoch", "=", epoch).executeTakeFirst();
    if (row === undefined) throw new LeaseLost("The lease of the run is another's.");
    const ended = {
      ...freed, state: release.state, ended_at: now, due_at: now,
      output_json: release.state === "succeeded" ? JSON.stringify(release.output ?? null) : null,
      error_json: release.state === "succeeded" ? null : jsonOrNull(release.error),
    };
    const done = this.#holds(run, epoch + 1, release.state);
    await this.#writeUnderLease(
      run,
      [update.set(ended).compile(), this.#database.queries.deleteFrom("workflow_waits").where("run", "=", run).where(done).compile()],
      eventStatements(this.#database.queries, this.#ids, [endOfRun(row, release.state, "error" in release ? release.error : null, now)], done),
    );
  }

  async writeProgress(run: string, epoch: number, progress: number, note: string | null): Promise<void> {
    const update = this.#database.queries
      .updateTable("workflow_runs").set({ progress, progress_note: note }).where("id", "=", run).where("lease_epoch", "=", epoch).compile();
    await this.#writeUnderLease(run, [update]);
  }

  appendLog(run: string, lines: readonly Omit<LogLine, "sequence">[]): Promise<boolean> {
    return this.#database.transaction(async (transaction) => {
      // Those who write to one log come one after the other, so that sequences are not taken twice.
      const found = await transaction.selectFrom("workflow_runs").select("id").where("id", "=", run).forUpdate().executeTakeFirst();
      if (found === undefined) return false;
      const { last } = await transaction
        .selectFrom("workflow_logs").select(({ fn }) => fn.max("sequence").as("last")).where("run", "=", run).executeTakeFirstOrThrow();
      const before = Number(last ?? 0);
      const fitting = lines.slice(0, Math.max(0, mostLogLines - before));
      const rows = fitting.map((line, index) => ({ run, sequence: before + index + 1, ...line }));
      if (fitting.length < lines.length && before <= mostLogLines) {
        const { step, time } = lines[fitting.length]!;
        rows.push({ run, sequence: mostLogLines + 1, step, time, stream: "slipway", line: `The log ends here: it takes ${mostLogLines} lines.` });
      }
      for (let start = 0; start < rows.length; start += 100) await transaction.insertInto("workflow_logs").values(rows.slice(start, start + 100)).execute();
      return before + lines.length < mostLogLines;
    });
  }

  async #databaseTime(): Promise<EpochMs> {
    const { now } = await this.#database.queries
      .selectNoFrom(sql<number>`cast(floor(extract(epoch from clock_timestamp()) * 1000) as bigint)`.as("now"))
      .executeTakeFirstOrThrow();
    return epochMs(now);
  }

  async #writeUnderLease(run: string, statements: readonly CompiledQuery[], last: readonly CompiledQuery[] = []): Promise<void> {
    const [first] = await this.#batches.write(run, statements, last);
    if (Number(first!.numAffectedRows ?? 0) === 0) throw new LeaseLost("The lease of the run is another's.");
  }

  /** Adds nothing to a team that is not there, and keeps the team from being removed until the run is committed. */
  #insertRun(row: WorkflowRunRow): CompiledQuery {
    const insert = this.#database.queries.insertInto("workflow_runs");
    const columns = Object.keys(row) as (keyof typeof row)[];
    // `*` is no team: the server's own runs. Runs of one team do not wait for each other, as they would with `holdTeam`.
    const rows = row.team === "*"
      ? insert.values(row)
      : insert.columns(columns).expression(({ selectFrom, val }) =>
        selectFrom("teams").select(columns.map((column) => val(row[column]).as(column))).where("teams.name", "=", row.team).forShare());
    return rows.onConflict((conflict) => conflict.doNothing()).returning("id").compile();
  }

  #holds(run: string, epoch: number, state?: string): Expression<SqlBool> {
    return sql<SqlBool>`exists (select 1 from workflow_runs where id = ${run} and lease_epoch = ${epoch}${state === undefined ? sql`` : sql` and state = ${state}`})`;
  }

  #hasSignal(run: string): Expression<SqlBool> {
    return sql<SqlBool>`exists (select 1 from workflow_waits w join workflow_signals s on s.name = w.name and s.key = w.key and s.taken_by is null where w.run = ${run})`;
  }
}

/** Writes a step, over what the journal had of it, while the lease holds; changes nothing otherwise. */
export function stepStatement({ queries }: Pick<SqlDatabase, "queries">, run: string, epoch: number, step: StepRecord): CompiledQuery {
  const row = rowOfStep(run, step);
  const columns = Object.keys(row) as (keyof typeof row)[];
  return queries
    .insertInto("workflow_steps")
    .columns(columns)
    .expression(({ selectFrom, val }) =>
      selectFrom("workflow_runs")
        .select(columns.map((column) => val(row[column]).as(column)))
        .where("workflow_runs.id", "=", run)
        .where("workflow_runs.lease_epoch", "=", epoch)
        .forShare(),
    )
    .onConflict((conflict) =>
      conflict.columns(["run", "step"]).doUpdateSet(({ ref }) => ({
        kind: ref("excluded.kind"), position: ref("excluded.position"), state: ref("excluded.state"), attempts: ref("excluded.attempts"),
        started_at: ref("excluded.started_at"), ended_at: ref("excluded.ended_at"), wake_at: ref("excluded.wake_at"),
        result_json: ref("excluded.result_json"), error_json: ref("excluded.error_json"),
      })),
    )
    .compile();
}

/** What the outbox gets when a run ends. */
export function endOfRun(row: Pick<WorkflowRunRow, "id" | "workflow" | "version" | "team" | "owner">, state: string, error: unknown, now: EpochMs) {
  if (!isEnd(state)) throw new TypeError(`${state} is no end.`);
  return {
    type: `workflow.run.${state}`, object: `workflow:${row.workflow}`, team: row.team, actor: row.owner, time: now,
    payload: { run: row.id, workflow: row.workflow, version: row.version, ...(error === null ? {} : { error }) },
  };
}
