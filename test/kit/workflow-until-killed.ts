import { appendFileSync } from "node:fs";
import { z } from "zod";
import { SqliteDialect } from "../../src/adapters/sql/dialects/sqlite/sqlite-dialect.ts";
import { openSqlDatabase } from "../../src/adapters/sql/sql-database.ts";
import { systemClock } from "../../src/core/clock.ts";
import { systemTimers } from "../../src/workflows/timers.ts";
import { workflowStage } from "../../src/workflows/workflow-stage.fixture.ts";
import type { WorkflowDefinition } from "../../src/workflows/definition.ts";

/**
 * A process that works on runs and kills itself, as `kill -9` would, at the given point of the engine, counted over all points.
 * Arguments: the database, the file of effects, the number of the point, the time from which it may work (ms): the leases
 * of the processes before it have ended then. Prints `idle` when every run has ended.
 */
const [path, effects, kill] = process.argv.slice(2) as [string, string, string];
const killAt = Number(kill);
let points = 0;

/** Synced by nobody: what it wrote survives the process, as the effect on another system would. */
function effect(run: string, name: string): void {
  appendFileSync(effects, `${run} ${name}\n`);
}

export const orders: WorkflowDefinition = {
  name: "orders", version: 1, description: "For kills", input: z.object({ fails: z.boolean() }),
  async run(context, input) {
    const step = (name: string) => context.step(name, () => effect(context.runId, name), { compensate: async () => effect(context.runId, `undo ${name}`) });
    await step("reserve");
    await Promise.all([step("pay"), step("pack"), context.step("label", async () => effect(context.runId, "label"))]);
    await context.sleep("nap", 1);
    const approval = await context.waitForSignal<string>("approval", { signal: "approved", key: context.runId });
    if ((input as { fails: boolean }).fails) await context.step("refuse", () => Promise.reject(new Error("no")), { retry: { maxAttempts: 2, initialDelayMs: 1 } });
    await step("send");
    return approval;
  },
};

if (process.argv[1] === import.meta.filename) {
  const database = await openSqlDatabase(new SqliteDialect({ path }), { now: systemClock.now() });
  // The process before has died: its leases are nobody's, and waiting for their end would only make the test slow.
  await database.queries.updateTable("workflow_runs").set({ lease_until: 1 }).where("lease_until", ">", 1).execute();
  const stage = workflowStage(database, {
    clock: systemClock, timers: systemTimers, definitions: [orders],
    engine: { maxCrashes: Infinity, onPoint: () => { if (points++ === killAt) process.kill(process.pid, "SIGKILL"); } },
  });
  const wasSignalled = new Set<string>();
  stage.engine.start();
  for (;;) {
    const runs = await stage.service.list({ limit: 100 });
    for (const run of runs) {
      if (wasSignalled.has(run.id)) continue;
      wasSignalled.add(run.id);
      await stage.service.signal({ id: `approve ${run.id}`, signal: "approved", key: run.id, payload: "yes" });
    }
    if (runs.every(({ endedAt }) => endedAt !== null)) break;
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  process.stdout.write("idle\n");
  await stage.engine.stop(0);
  await database.close();
}
