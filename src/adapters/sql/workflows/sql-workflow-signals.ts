import type { Transaction } from "kysely";
import type { EpochMs } from "../../../core/clock.ts";
import { LeaseLost, type SignalStore } from "../workflow-ports.ts";
import type { DatabaseSchema } from "../database-schema.ts";
import { teamNotFound } from "../access/hold-team.ts";
import type { SqlDatabase } from "../sql-database.ts";
import { openStates } from "./sql-workflow-rows.ts";
import { stepStatement } from "./sql-workflow-store.ts";

/**
 * Signals in SQL. Senders and those who begin to wait come one after the other: else each could miss the other, and a run
 * would sleep beside its signal.
 */
export class SqlWorkflowSignals implements SignalStore {
  readonly #database: SqlDatabase;

  constructor(database: SqlDatabase) {
    this.#database = database;
  }

  async send({ id, name, key, payload, now, team }: Parameters<SignalStore["send"]>[0]): Promise<void> {
    await this.#database.transaction(async (transaction) => {
      await takeTurn(transaction);
      // Kept from being removed until the commit, as when a run is added; `*` is no team.
      const isThere = team === "*" || (await transaction.selectFrom("teams").select("name").where("name", "=", team).forShare().executeTakeFirst()) !== undefined;
      if (!isThere) throw teamNotFound(team);
      const added = await transaction
        .insertInto("workflow_signals")
        .values({ id, name, key, payload_json: JSON.stringify(payload ?? null), received_at: now, taken_by: null })
        .onConflict((conflict) => conflict.column("id").doNothing())
        .returning("id")
        .executeTakeFirst();
      if (added === undefined) return;
      const waiting = await transaction.selectFrom("workflow_waits").select("run").distinct().where("name", "=", name).where("key", "=", key).execute();
      await wake(transaction, waiting.map(({ run }) => run), now);
    });
  }

  async wait(run: string, epoch: number, { step, name, key }: Parameters<SignalStore["wait"]>[2]): Promise<void> {
    await this.#database.transaction(async (transaction) => {
      await takeTurn(transaction);
      await holdLease(transaction, run, epoch);
      await transaction
        .insertInto("workflow_waits").values({ run, step, name, key })
        .onConflict((conflict) => conflict.columns(["run", "step"]).doUpdateSet({ name, key }))
        .execute();
    });
  }

  take(run: string, epoch: number, { name, key }: { name: string; key: string }, record: Parameters<SignalStore["take"]>[3]): Promise<{ payload: unknown } | null> {
    return this.#database.transaction(async (transaction) => {
      await holdLease(transaction, run, epoch);
      for (;;) {
        const oldest = await transaction
          .selectFrom("workflow_signals").select(["id", "payload_json"])
          .where("name", "=", name).where("key", "=", key).where("taken_by", "is", null)
          .orderBy("received_at").orderBy("id").limit(1)
          .executeTakeFirst();
        if (oldest === undefined) return null;
        // Another run may have been faster; then the next one is looked for.
        const taken = await transaction
          .updateTable("workflow_signals").set({ taken_by: run }).where("id", "=", oldest.id).where("taken_by", "is", null).returning("id").executeTakeFirst();
        if (taken === undefined) continue;
        const payload = JSON.parse(oldest.payload_json) as unknown;
        const step = record(payload);
        await transaction.executeQuery(stepStatement({ queries: transaction }, run, epoch, step));
        await transaction.deleteFrom("workflow_waits").where("run", "=", run).where("step", "=", step.step).execute();
        return { payload };
      }
    });
  }

  async prune(before: EpochMs): Promise<number> {
    const { numDeletedRows } = await this.#database.queries
      .deleteFrom("workflow_signals").where("received_at", "<", before).where("taken_by", "is", null).executeTakeFirst();
    return Number(numDeletedRows);
  }
}

async function takeTurn(transaction: Transaction<DatabaseSchema>): Promise<void> {
  await transaction.updateTable("sequences").set(({ eb }) => ({ value: eb("value", "+", 1) })).where("name", "=", "workflow_signals").execute();
}

/** Throws LeaseLost, or keeps the run from a new lease until the transaction's end. */
async function holdLease(transaction: Transaction<DatabaseSchema>, run: string, epoch: number): Promise<void> {
  const found = await transaction
    .selectFrom("workflow_runs").select("id").where("id", "=", run).where("lease_epoch", "=", epoch).forShare().executeTakeFirst();
  if (found === undefined) throw new LeaseLost("The lease of the run is another's.");
}

async function wake(transaction: Transaction<DatabaseSchema>, runs: readonly string[], now: EpochMs): Promise<void> {
  // One by one in the order of their ids, as everybody locks them.
  for (const run of [...runs].sort()) {
    await transaction
      .updateTable("workflow_runs").set({ due_at: now })
      .where("id", "=", run).where("state", "in", openStates).where("state", "!=", "compensating").where("due_at", ">", now)
      .execute();
  }
}
