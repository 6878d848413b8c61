import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { RolloutStatus } from "../../src/index.ts";
import { betweenLooks } from "../kit/between-looks.ts";
import { startServer, type RunningServer } from "../kit/running-server.ts";

const route = "route:asked";
const answer = (text: string, more: object = {}): object => ({ kind: "scripted", script: [{ text, inputTokens: 100, outputTokens: 10, ...more }] });
const target = (provider: string): object => ({ targets: [{ provider, model: "m" }] });

describe("what is learnt of a route's calls after them", { timeout: 240_000 }, () => {
  let server: RunningServer;
  before(async () => {
    server = await startServer();
    for (const [name, settings] of Object.entries({ good: answer("fine"), other: answer("other"), slow: answer("slow", { delayMs: 400 }) })) await server.client.api.send("PUT", `/api/gateway/providers/${name}`, { revision: 0, settings });
  });
  after(() => server.stop());

  const ask = async (name: string, key: string): Promise<{ text: string; traceId: string; arm: string | null }> => {
    const reply = await fetch(`${server.url}/v1/chat/completions`, {
      method: "POST", headers: { "content-type": "application/json", "slipway-key": key }, body: JSON.stringify({ model: name, messages: [{ role: "user", content: "hello" }] }),
    });
    const body = await reply.text();
    assert.equal(reply.status, 200, body);
    return { text: (JSON.parse(body) as { choices: [{ message: { content: string } }] }).choices[0].message.content, traceId: reply.headers.get("x-slipway-trace") ?? "", arm: reply.headers.get("x-slipway-arm") };
  };
  const score = (traceId: string, value: number, id: string): Promise<unknown> => server.client.api.send("POST", `/api/traces/${traceId}/feedback`, { id, name: "helpful", value });
  const statusOf = (subject: string): Promise<RolloutStatus> => server.client.rollouts.status(subject);
  const scoresOf = ({ figures }: RolloutStatus): Record<string, [number, number]> =>
    Object.fromEntries(figures.arms.flatMap(({ arm, values }) => (values?.["score helpful"] === undefined ? [] : [[arm, [values["score helpful"].count, values["score helpful"].mean]]])));
  /** Feedback is followed beside the calls. */
  const untilScores = async (wanted: Record<string, [number, number]>): Promise<RolloutStatus> => {
    for (;;) {
      const status = await statusOf(route);
      if (JSON.stringify(Object.entries(scoresOf(status)).sort()) === JSON.stringify(Object.entries(wanted).sort())) return status;
      await betweenLooks();
    }
  };

  it("counts feedback for calls from before a restart, as it is now, and the gate decides by it", async () => {
    await server.client.api.send("PUT", "/api/gateway/routes/asked", { revision: 0, settings: target("good") });
    const gates = [{ kind: "score", name: "helpful", minScores: 10, required: true }];
    const started = await server.client.rollouts.start(route, { change: target("other"), plan: { phases: [{ phase: "canary", weight: 0.5, minSamples: 100_000, gates }] } });
    const traces: Record<"fine" | "other", string[]> = { fine: [], other: [] };
    for (let call = 0; traces.fine.length < 12 || traces.other.length < 12; call++) {
      if ((await statusOf(route)).rollout.state === "preparing") {
        await betweenLooks();
        continue;
      }
      const { text, traceId, arm } = await ask("asked", `caller ${call}`);
      // Before the canary nobody is in an arm.
      if (arm !== null) traces[text as "fine" | "other"].push(traceId);
    }
    const [fine, other] = [traces.fine.slice(0, 12), traces.other.slice(0, 12)];
    // Everything that waits is written when one looks.
    await server.client.api.get("/api/traces?limit=1");
    await score(other[0]!, 1, "a");
    await untilScores({ candidate: [1, 1] });

    await server.kill();
    server = await startServer({ directory: server.directory });
    await score(other[1]!, 0, "b");
    await score(fine[0]!, 1, "c");
    await untilScores({ candidate: [2, 0.5], stable: [1, 1] });
    await score(other[1]!, 1, "b");
    await untilScores({ candidate: [2, 1], stable: [1, 1] });
    assert.equal((await fetch(`${server.url}/api/3.0/mlflow/traces/tr-${other[0]!}/assessments/a`, { method: "DELETE" })).status, 200);
    await untilScores({ candidate: [1, 1], stable: [1, 1] });
    await server.client.api.send("DELETE", `/api/traces/${fine[0]!}`);
    await untilScores({ candidate: [1, 1] });

    for (const [index, traceId] of other.slice(2).entries()) await score(traceId, 0, `o${index}`);
    for (const [index, traceId] of fine.slice(1).entries()) await score(traceId, 1, `f${index}`);
    await score(other[1]!, 0, "b");
    for (;;) {
      const rollout = await server.client.rollouts.find(started.id);
      if (rollout.rollout.state !== "rolled back") {
        await betweenLooks();
        continue;
      }
      assert.match(rollout.rollout.reason, /^score helpful: helpful is 0 beside 1 of the stable version's/);
      break;
    }
  });

  it("compares variants of an A/B test by what is said of calls from before a restart, as it is now", async () => {
    await server.client.api.send("PUT", "/api/gateway/routes/compared", { revision: 0, settings: target("good") });
    const test = await server.client.abTests.start("route:compared", { variants: [{ name: "b", change: target("other"), percent: 50 }], metric: "helpful", direction: "up" });
    const traces: Record<"fine" | "other", string[]> = { fine: [], other: [] };
    for (let call = 0; traces.fine.length < 2 || traces.other.length < 2; call++) {
      const { text, traceId, arm } = await ask("compared", `caller ${call}`);
      if (arm !== null) traces[text as "fine" | "other"].push(traceId);
    }
    const [[fine], [first, second]] = [traces.fine, traces.other] as unknown as [string[], string[]];
    await server.client.api.get("/api/traces?limit=1");
    const untilMeans = async (wanted: Record<string, [number, number | null]>): Promise<void> => {
      for (;;) {
        const { arms } = await server.client.abTests.report(test.id);
        if (JSON.stringify(arms.map(({ name, n, mean }) => [name, [n, mean]])) === JSON.stringify(Object.entries(wanted))) return;
        await betweenLooks();
      }
    };
    await score(first!, 1, "a");
    await untilMeans({ control: [0, null], b: [1, 1] });
    await server.stop({ keep: true });
    server = await startServer({ directory: server.directory });
    await score(second!, 0, "b");
    await score(fine!, 0.5, "c");
    await untilMeans({ control: [1, 0.5], b: [2, 0.5] });
    await score(second!, 1, "b");
    await untilMeans({ control: [1, 0.5], b: [2, 1] });
    assert.equal((await fetch(`${server.url}/api/3.0/mlflow/traces/tr-${first!}/assessments/a`, { method: "DELETE" })).status, 200);
    await untilMeans({ control: [1, 0.5], b: [1, 1] });
    await server.client.abTests.stop(test.id);
  });

  it("takes settings back that are slower than the present ones, by the gate of latency", async () => {
    await server.client.api.send("PUT", "/api/gateway/routes/waited", { revision: 0, settings: target("good") });
    const gates = [{ kind: "latency", quantile: "p50", maxRatio: 1.5 }];
    await server.client.rollouts.start("route:waited", { change: target("slow"), plan: { phases: [{ phase: "canary", weight: 0.5, minSamples: 100_000, gates }], hard: { failures: 1000, latencyMs: 30_000 } } });
    for (let call = 0; ; call++) {
      await Promise.all(Array.from({ length: 8 }, (_, caller) => ask("waited", `caller ${call} ${caller}`)));
      const { rollout } = await statusOf("route:waited");
      if (rollout.state === "running" || rollout.state === "preparing") continue;
      assert.equal(rollout.state, "rolled back", rollout.reason);
      assert.match(rollout.reason, /^latency p50: /);
      break;
    }
    while ((await ask("waited", "x")).text !== "fine") await betweenLooks();
  });
});
