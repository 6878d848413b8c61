import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startSlipway } from "../../src/compose.ts";
import { Config } from "../../src/config/index.ts";
import { systemClock } from "../../src/core/clock.ts";
import { AppError, SlipwayClient } from "../../src/index.ts";
import type { CostRow } from "../../src/ledger/index.ts";
import type { WorkflowRun } from "../../src/workflows/index.ts";

const dayMs = 86_400_000;
const oldTrace = "0af7651916cd43dd8448eb211c80310a";
const newTrace = "0af7651916cd43dd8448eb211c80310b";

/** A whole server with traces of an hour before and a moment behind their time: what `traceRetentionDays` takes when the maintenance runs, and what stays of it. */
export async function traceRetentionScenario(settings: Record<string, unknown> = {}): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "slipway-retention-"));
  const slipway = await startSlipway(Config.parse({ port: 0, grpcPort: 0, data: join(directory, "data"), logLevel: "silent", traceRetentionDays: 10, ...settings }));
  try {
    const client = new SlipwayClient({ url: slipway.url });
    // Run by hand below, and not in between.
    await client.workflows.schedule("maintenance", { workflow: "maintenance", cron: "17 * * * *", team: "*", paused: true });
    const began = systemClock.now();
    const send = (traceId: string, at: number): Promise<unknown> => {
      const text = (key: string, stringValue: string): object => ({ key, value: { stringValue } });
      const count = (key: string, intValue: number): object => ({ key, value: { intValue: String(intValue) } });
      const attributes = [text("gen_ai.operation.name", "chat"), text("gen_ai.provider.name", "openai"), text("gen_ai.request.model", "gpt-4o"), count("gen_ai.usage.input_tokens", 1000), count("gen_ai.usage.output_tokens", 100), text("input.value", "asked"), text("output.value", "said"), text("session.id", "one")];
      return client.api.send("POST", "/v1/traces", { resourceSpans: [{ scopeSpans: [{ spans: [{ traceId, spanId: "b7ad6b7169203331", name: "chat", startTimeUnixNano: `${at}000000`, endTimeUnixNano: `${at + 5}000000`, attributes }] }] }] });
    };
    await send(oldTrace, began - 10 * dayMs - 1);
    await send(newTrace, began - 10 * dayMs + 3_600_000);
    for (const trace of [oldTrace, newTrace]) await client.api.send("POST", `/api/traces/${trace}/feedback`, { name: "correct", value: true });
    await client.api.send("POST", `/api/traces/${oldTrace}/dataset-row`, { dataset: "golden" });
    const maintain = async (): Promise<void> => {
      const { run } = await client.api.send<{ run: WorkflowRun }>("POST", "/api/workflows/maintenance/runs", {});
      const ended = await client.workflows.wait(run.id);
      assert.equal(ended.state, "succeeded", JSON.stringify(ended));
      assert.ok("remove old traces" in (ended.output as { removed: Record<string, number> }).removed);
    };
    const kept = async (): Promise<unknown> => {
      const found = (traces: { traceId: string }[]): string[] => traces.map(({ traceId }) => traceId.slice(-1));
      const { sessions } = await client.api.get<{ sessions: { traces: number }[] }>("/api/sessions");
      return { all: found((await client.traces.search({})).traces), judged: found((await client.traces.search({ feedback: "correct" })).traces), byModel: found((await client.traces.search({ model: "gpt-4o" })).traces), sessions: sessions.map(({ traces }) => traces) };
    };
    const spent = async (): Promise<unknown> => {
      const { rows } = await client.api.get<{ rows: CostRow[] }>("/api/costs", { by: "source", since: began - 30 * dayMs });
      return rows.map(({ group, calls, cost }) => [group.source, calls, cost]);
    };
    const both = { all: ["b", "a"], judged: ["b", "a"], byModel: ["b", "a"], sessions: [2] };
    const paid = [["trace", 2, 2 * (1000 * 2500 + 100 * 10_000)]];

    assert.deepEqual([await kept(), await spent()], [both, paid]);
    await maintain();
    assert.deepEqual(await kept(), { all: ["b"], judged: ["b"], byModel: ["b"], sessions: [1] });
    await assert.rejects(client.traces.find(oldTrace), (error) => error instanceof AppError && error.code === "TRACE_NOT_FOUND");
    assert.equal((await client.traces.find(newTrace)).spans.length, 1);
    // What was paid for it, and the row that was made of it, stay.
    assert.deepEqual(await spent(), paid);
    const content = await (await fetch(`${slipway.url}/api/datasets/golden/versions/1/content`)).text();
    assert.ok(content.includes(`"${oldTrace}","asked","said",""`), content);
  } finally {
    await slipway.stop();
    await rm(directory, { recursive: true, force: true });
  }
}
