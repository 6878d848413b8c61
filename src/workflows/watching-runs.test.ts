import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { z } from "zod";
import { TemporaryDatabases } from "../adapters/sql/dialects/sqlite/temporary-databases.fixture.ts";
import type { SqlDatabase } from "../adapters/sql/sql-database.ts";
import { workflow, type WorkflowDefinition } from "./definition.ts";
import { ManualTimers } from "./manual-timers.fixture.ts";
import { until, workflowStage } from "./workflow-stage.fixture.ts";

const databases = new TemporaryDatabases();
let database: SqlDatabase;
before(async () => { database = await databases.open(); });
after(() => databases.remove());

/** Settles when it is told to, or throws when its signal aborts. */
function watcher(name: string, calls: { signal: AbortSignal; finish: () => void }[]): WorkflowDefinition {
  return workflow<unknown, string>({
    name, version: 1, description: "watches", input: z.unknown(), isWatching: true,
    run: (context) => context.step("watch", ({ signal }) => new Promise<string>((resolve, reject) => {
      calls.push({ signal, finish: () => resolve("seen") });
      signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
    }), { endsAtStop: true, timeoutMs: 3_600_000 }),
  }) as WorkflowDefinition;
}

describe("runs that watch", { timeout: 120_000 }, () => {
  it("end as soon as the server goes down, and begin again elsewhere", async () => {
    const calls: { signal: AbortSignal; finish: () => void }[] = [];
    const timers = new ManualTimers();
    const begin = () => {
      const stage = workflowStage(database, { clock: timers.clock, timers, definitions: [watcher("first", calls)] });
      stage.engine.start();
      return stage;
    };
    const stage = begin();
    const { run } = await stage.service.start("first", { input: {} }, "a");
    await until(() => calls.length === 1, "the watch");
    // The clock stands still: a grace would never be over.
    await stage.engine.stop(60_000);
    assert.equal(calls[0]!.signal.aborted, true);
    const next = begin();
    await until(() => calls.length === 2, "the watch of the next server");
    calls[1]!.finish();
    const ended = await until(async () => { const found = await next.service.find(run.id); return found.state === "succeeded" && found; }, "the end");
    assert.equal(ended.output, "seen");
    assert.equal((await next.service.steps(run.id)).filter(({ state }) => state === "succeeded").length, 1);
    await next.engine.stop(0);
  });

  it("take no place among the runs that a server has at once", async () => {
    const calls: { signal: AbortSignal; finish: () => void }[] = [];
    const timers = new ManualTimers();
    const plain = workflow<unknown, string>({ name: "plain", version: 1, description: "works", input: z.unknown(), run: (context) => context.step("work", () => "done") }) as WorkflowDefinition;
    const stage = workflowStage(database, { clock: timers.clock, timers, definitions: [watcher("second", calls), plain], engine: { maxRuns: 1 } });
    stage.engine.start();
    for (let count = 0; count < 3; count++) await stage.service.start("second", { input: {} }, "a");
    await until(() => calls.length === 3, "three watches");
    const { run } = await stage.service.start("plain", { input: {} }, "a");
    await until(async () => (await stage.service.find(run.id)).state === "succeeded", "the end of the other");
    assert.equal(calls.length, 3);
    await stage.engine.stop(0);
  });
});
