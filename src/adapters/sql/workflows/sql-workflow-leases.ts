import type { Transaction } from "kysely";
import { epochMs, type EpochMs } from "../../../core/clock.ts";
import type { LeasedRun, WorkflowStore } from "../workflow-ports.ts";
import type { DatabaseSchema, WorkflowRunRow } from "../database-schema.ts";
import type { SqlDatabase } from "../sql-database.ts";
import { never, openStates, runOf, startedStates } from "./sql-workflow-rows.ts";

type LeaseRequest = Parameters<WorkflowStore["lease"]>[0];
type Group = Pick<WorkflowRunRow, "workflow" | "concurrency_key">;

const candidatesPerPage = 256;
const mostPages = 8;
/** Groups that are full are left out by the query, up to so many; the others are passed over after it. */
const mostExcluded = 300;

/** Who works on which run. Replicas lease one after the other, so limits hold and no run is given twice. */
export class SqlWorkflowLeases {
  readonly #database: SqlDatabase;

  constructor(database: SqlDatabase) {
    this.#database = database;
  }

  async lease(request: LeaseRequest): Promise<LeasedRun[]> {
    if (request.workflows.length === 0 || request.limit <= 0) return [];
    // Most of the time nothing is due, and looking takes no lock.
    const due = await dueRuns(this.#database.queries, request, openStates).select("id").limit(1).executeTakeFirst();
    if (due === undefined) return [];
    return this.#database.transaction(async (transaction) => {
      await transaction.updateTable("sequences").set(({ eb }) => ({ value: eb("value", "+", 1) })).where("name", "=", "workflow_leases").execute();
      const started = await inOrder(dueRuns(transaction, request, startedStates)).limit(request.limit).execute();
      const queued = await startable(transaction, request);
      const chosen = [...started, ...queued].sort(byTurn).slice(0, request.limit);
      if (chosen.length === 0) return [];
      const crashes = await countCrashes(transaction, chosen);
      const leased = await transaction
        .updateTable("workflow_runs")
        .set(({ eb, fn, val, ref }) => ({
          state: eb.case().when("state", "=", "compensating").then(ref("state")).else(val("running")).end(),
          lease_owner: request.owner,
          lease_until: request.now + request.leaseMs,
          lease_epoch: eb("lease_epoch", "+", 1),
          started_at: fn.coalesce("started_at", val<number>(request.now)),
        }))
        // Their old owners do not wait for the lock: what they ended or renewed meanwhile is left to them.
        .where("id", "in", chosen.map(({ id }) => id))
        .where("lease_until", "<=", request.now)
        .where("state", "in", openStates)
        .returningAll()
        .execute();
      return leased.sort(byTurn).map((row) => ({ run: runOf(row), epoch: row.lease_epoch, crashes: crashes.get(row.id) ?? 0 }));
    });
  }

  async renew({ owner, now, leaseMs, runs }: Parameters<WorkflowStore["renew"]>[0]): Promise<{ id: string; cancelRequested: boolean }[]> {
    if (runs.length === 0) return [];
    const rows = await this.#database.queries
      .updateTable("workflow_runs")
      .set({ lease_until: now + leaseMs })
      .where("id", "in", runs.map(({ id }) => id))
      .where("lease_owner", "=", owner)
      .returning(["id", "lease_epoch", "cancel_requested"])
      .execute();
    // An owner that leased the run again after it had lost it holds both epochs' row: the newer one is renewed.
    const epochs = new Map(runs.map(({ id, epoch }) => [id, epoch]));
    return rows.filter((row) => epochs.get(row.id) === row.lease_epoch).map((row) => ({ id: row.id, cancelRequested: row.cancel_requested === 1 }));
  }

  async endLeases(now: EpochMs): Promise<number> {
    const { numUpdatedRows } = await this.#database.queries
      .updateTable("workflow_runs").set({ lease_until: now }).where("state", "in", startedStates).where("lease_until", ">", now).executeTakeFirstOrThrow();
    return Number(numUpdatedRows);
  }

  async nextDueAt(now: EpochMs): Promise<EpochMs | null> {
    const { queries } = this.#database;
    const [{ due }, { lease }] = await Promise.all([
      queries
        .selectFrom("workflow_runs")
        .select(({ fn }) => fn.min("due_at").as("due"))
        .where("state", "in", ["queued", "sleeping", "compensating"])
        .where("due_at", ">", now)
        .where("due_at", "<", never)
        .executeTakeFirstOrThrow(),
      queries
        .selectFrom("workflow_runs")
        .select(({ fn }) => fn.min("lease_until").as("lease"))
        .where("state", "in", ["running", "compensating"])
        .where("lease_until", ">", now)
        .executeTakeFirstOrThrow(),
    ]);
    const times = [due, lease].filter((time): time is number => time !== null).map(Number);
    return times.length === 0 ? null : epochMs(Math.min(...times));
  }
}

/** Due, held by nobody, and of a workflow that the asker knows. */
function dueRuns(queries: Pick<Transaction<DatabaseSchema>, "selectFrom">, { now, workflows }: LeaseRequest, states: readonly string[]) {
  return queries
    .selectFrom("workflow_runs")
    .where("state", "in", states)
    .where("due_at", "<=", now)
    .where("lease_until", "<=", now)
    .where(({ eb, or, and }) => or(workflows.map(({ name, version }) => and([eb("workflow", "=", name), eb("version", "=", version)]))));
}

function inOrder(query: ReturnType<typeof dueRuns>) {
  return query.select(["id", "workflow", "concurrency_key", "priority", "lease_owner", "crashes", "crash_progress"]).orderBy("priority", "desc").orderBy("id");
}

type Candidate = Awaited<ReturnType<ReturnType<typeof inOrder>["execute"]>>[number];

/** Ids sort by the time of their making. */
function byTurn(left: { priority: number; id: string }, right: { priority: number; id: string }): number {
  return right.priority - left.priority || (left.id < right.id ? -1 : 1);
}

/** Queued runs that may begin within their workflows' limits, in their order. */
async function startable(transaction: Transaction<DatabaseSchema>, request: LeaseRequest): Promise<Candidate[]> {
  const limits = new Map(request.workflows.flatMap(({ name, concurrencyLimit }) => (concurrencyLimit === null ? [] : [[name, concurrencyLimit] as const])));
  const underWay = new Map<string, { group: Group; runs: number }>();
  if (limits.size > 0) {
    const counts = await transaction
      .selectFrom("workflow_runs")
      .select(({ fn }) => ["workflow", "concurrency_key", fn.countAll<number>().as("runs")])
      .where("workflow", "in", [...limits.keys()])
      .where("state", "in", startedStates)
      .groupBy(["workflow", "concurrency_key"])
      .execute();
    for (const { runs, ...group } of counts) underWay.set(keyOf(group), { group, runs: Number(runs) });
  }
  const full = [...underWay.values()].filter(({ group, runs }) => runs >= limits.get(group.workflow)!).slice(0, mostExcluded);
  const chosen: Candidate[] = [];
  let last: Candidate | undefined;
  for (let page = 0; page < mostPages && chosen.length < request.limit; page++) {
    const after = last;
    const candidates = await inOrder(
      dueRuns(transaction, request, ["queued"])
        .where(({ not, and, eb }) =>
          and(full.map(({ group }) => not(and([eb("workflow", "=", group.workflow), eb("concurrency_key", group.concurrency_key === null ? "is" : "=", group.concurrency_key)])))),
        )
        .$if(after !== undefined, (query) =>
          query.where(({ eb, or, and }) => or([eb("priority", "<", after!.priority), and([eb("priority", "=", after!.priority), eb("id", ">", after!.id)])])),
        ),
    )
      .limit(limits.size === 0 ? request.limit : candidatesPerPage)
      .execute();
    for (const candidate of candidates) {
      if (chosen.length === request.limit) break;
      const limit = limits.get(candidate.workflow);
      if (limit !== undefined) {
        const key = keyOf(candidate);
        const runs = underWay.get(key)?.runs ?? 0;
        if (runs >= limit) continue;
        underWay.set(key, { group: candidate, runs: runs + 1 });
      }
      chosen.push(candidate);
    }
    last = candidates.at(-1);
    if (last === undefined || candidates.length < candidatesPerPage) break;
  }
  return chosen;
}

function keyOf({ workflow, concurrency_key }: Group): string {
  return JSON.stringify([workflow, concurrency_key]);
}

/** Runs whose owner went away without a word: counts it, from the beginning again where the journal has grown since the last time. */
async function countCrashes(transaction: Transaction<DatabaseSchema>, chosen: readonly Candidate[]): Promise<Map<string, number>> {
  const counted = new Map<string, number>();
  for (const { id, lease_owner, crashes, crash_progress } of chosen) {
    if (lease_owner === null) continue;
    const { steps, attempts } = await transaction
      .selectFrom("workflow_steps").select(({ fn }) => [fn.countAll<number>().as("steps"), fn.sum<number | null>("attempts").as("attempts")]).where("run", "=", id).executeTakeFirstOrThrow();
    const progress = Number(steps) + Number(attempts ?? 0);
    counted.set(id, progress > crash_progress ? 1 : crashes + 1);
    await transaction.updateTable("workflow_runs").set({ crashes: counted.get(id)!, crash_progress: progress }).where("id", "=", id).execute();
  }
  return counted;
}
