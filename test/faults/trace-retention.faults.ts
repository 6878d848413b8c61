import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { it } from "node:test";
import { systemClock } from "../../src/core/clock.ts";
import { AppError } from "../../src/index.ts";
import type { WorkflowRun } from "../../src/workflows/index.ts";
import { betweenLooks } from "../kit/between-looks.ts";
import { startServer, type RunningServer } from "../kit/running-server.ts";

const dayMs = 86_400_000;
const kills = Number(process.env.SLIPWAY_TEST_KILLS ?? 3);
/** Some are removed in parts. */
const sizes = [2500, 5000, ...Array.from({ length: 400 }, () => 3)];
const traceOf = (kind: "a" | "b", number: number): string => kind + number.toString(16).padStart(31, "0");

it("removes old traces whole, and nothing of the others, when its server is killed meanwhile and while spans and feedback come", { timeout: 300_000 }, async () => {
  const environment = { SLIPWAY_TRACE_RETENTION_DAYS: "2" };
  let server: RunningServer = await startServer({ environment });
  const { directory } = server;
  const now = systemClock.now();
  const send = async (traceId: string, at: number, from: number, count: number): Promise<boolean> => {
    const spans = Array.from({ length: count }, (_, index) => ({
      traceId, spanId: (from + index + 1).toString(16).padStart(16, "0"), name: "s", startTimeUnixNano: `${at + index}000000`, endTimeUnixNano: `${at + index + 1}000000`,
      attributes: [{ key: "gen_ai.tool.name", value: { stringValue: `tool ${index % 40}` } }, { key: "session.id", value: { stringValue: "one" } }],
    }));
    const answer = await fetch(`${server.url}/v1/traces`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans }] }] }) }).catch(() => null);
    return answer?.status === 200;
  };
  const judge = async (traceId: string): Promise<boolean> => {
    try {
      await server.client.api.send("POST", `/api/traces/${traceId}/feedback`, { name: "correct", value: true });
      return true;
    } catch (error) {
      // Gone already, or its server is.
      assert.ok(!(error instanceof AppError) || ["TRACE_NOT_FOUND", "UNREACHABLE", "SERVER_UNREACHABLE"].includes(error.code), String(error));
      return false;
    }
  };
  for (const [index, size] of sizes.entries()) for (let from = 0; from < size; from += 2000) assert.ok(await send(traceOf("a", index), now - 3 * dayMs, from, Math.min(2000, size - from)));
  let judged = 0;
  for (let index = 0; index < 20; index++) {
    assert.ok(await send(traceOf("b", index), now - dayMs, 0, 3) && (await judge(traceOf("b", index))));
    judged++;
  }
  const maintain = async (): Promise<WorkflowRun> => (await server.client.api.send<{ run: WorkflowRun }>("POST", "/api/workflows/maintenance/runs", {})).run;
  const readDatabase = <Read>(read: (database: DatabaseSync) => Read): Read => {
    const database = new DatabaseSync(join(directory, "data", "slipway.db"), { readOnly: true });
    try {
      return read(database);
    } finally {
      database.close();
    }
  };
  const left = (table: string): number => readDatabase((database) => (database.prepare(`select count(*) as count from ${table} where trace_id like 'a%'`).get() as { count: number }).count);
  const most = left("trace_spans");
  let inBetween = 0;
  for (let kill = 0; kill < kills; kill++) {
    let isOver = false;
    const callers = [0, 1, 2].map(async (caller) => {
      for (let turn = caller; !isOver; turn += 3) {
        await send(traceOf("a", turn % sizes.length), now - 3 * dayMs, 9000 + turn, 2);
        await judge(traceOf("a", turn % sizes.length));
        if (await judge(traceOf("b", turn % 20))) judged++;
      }
    });
    await maintain();
    // What is killed is at its work: some is gone.
    const before = left("trace_spans");
    for (let looks = 0; looks < 500 && left("trace_spans") > before - 500 * (1 + kill); looks++) await betweenLooks();
    isOver = true;
    await server.kill();
    if (left("traces") > 0 && left("trace_spans") < most) inBetween++;
    await Promise.all(callers);
    server = await startServer({ directory, environment });
  }
  const run = await maintain();
  const ended = await server.client.workflows.wait(run.id);
  assert.equal(ended.state, "succeeded", JSON.stringify(ended));
  const listed = (await server.client.traces.search({ limit: 500 })).traces;
  assert.deepEqual([listed.length, listed.every(({ traceId, spans }) => traceId.startsWith("b") && spans === 3)], [20, true]);
  await server.stop({ keep: true });
  assert.deepEqual(["traces", "trace_spans", "trace_values", "trace_feedback", "trace_feedback_removals"].map(left), [0, 0, 0, 0, 0]);
  const { count } = readDatabase((database) => database.prepare("select count(*) as count from trace_feedback").get() as { count: number });
  assert.ok(count >= judged && count <= judged + 3 * kills, `${count} of ${judged} are kept`);
  assert.ok(inBetween > 0, "no kill met a removal under way");
  await rm(directory, { recursive: true, force: true });
});
