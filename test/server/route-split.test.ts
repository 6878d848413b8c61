import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { betweenLooks } from "../kit/between-looks.ts";
import { startServer, type RunningServer } from "../kit/running-server.ts";

interface Entry {
  provider: string;
  outcome: string;
  cost: number | null;
  attribution: { traceId: string; tags: Record<string, string> };
}

const scripted = (...script: object[]): object => ({ kind: "scripted", script: script.map((answer) => ({ inputTokens: 10, outputTokens: 10, ...answer })), breaker: { failures: 1000 } });

describe("calls of a route that is rolled out, on a server", { timeout: 120_000 }, () => {
  let server: RunningServer;
  before(async () => {
    server = await startServer();
    const providers = { stable: scripted({ text: "by stable" }), candidate: scripted({ text: "by candidate" }), failing: scripted({ status: 500, error: "down" }) };
    for (const [name, settings] of Object.entries(providers)) {
      await server.client.api.send("PUT", `/api/gateway/providers/${name}`, { revision: 0, settings });
      await server.client.api.send("POST", "/api/prices", { provider: name, model: "m", rates: { input: 1000, output: 1000 } });
    }
  });
  after(() => server.stop());

  const settings = (provider: string): Record<string, unknown> => ({ targets: [{ provider, model: "m" }], attempts: 1 });

  /** A route, and beside its settings those that are tried in one phase, for as long as the test needs. */
  async function rollOut(route: string, provider: string, phase: object): Promise<string> {
    await server.client.api.send("PUT", `/api/gateway/routes/${route}`, { revision: 0, settings: settings("stable") });
    const plan = { phases: [{ minSamples: 1_000_000, gates: [], ...phase }], hard: { failures: 1_000_000 } };
    const { id } = await server.client.rollouts.start(`route:${route}`, { settings: settings(provider), plan });
    // The phase begins when all servers have it.
    while ((await server.client.rollouts.status(`route:${route}`)).rollout.state !== "running") await betweenLooks();
    return id;
  }

  async function ask(route: string, key: string, { path = "/v1/chat/completions", more = {} }: { path?: string; more?: object } = {}): Promise<{ text: string; arm: string | null; traceId: string }> {
    const body = { model: route, max_tokens: 100, messages: [{ role: "user", content: "hello" }], ...more };
    const reply = await fetch(server.url + path, { method: "POST", headers: { "content-type": "application/json", "slipway-key": key }, body: JSON.stringify(body) });
    const text = await reply.text();
    assert.equal(reply.status, 200, text);
    return { text, arm: reply.headers.get("x-slipway-arm"), traceId: reply.headers.get("x-slipway-trace")! };
  }

  /** Traces and entries are written behind the answer: asked for until they are there. */
  async function tracesWith(attributes: object): Promise<string[]> {
    for (;;) {
      const { traces } = await server.client.api.get<{ traces: { traceId: string }[] }>(`/api/traces?attributes=${encodeURIComponent(JSON.stringify(attributes))}`);
      if (traces.length > 0) return traces.map(({ traceId }) => traceId);
      await betweenLooks();
    }
  }
  async function entriesOf(query: string, isThere: (entries: Entry[]) => boolean): Promise<Entry[]> {
    for (;;) {
      const { entries } = await server.client.api.get<{ entries: Entry[] }>(`/api/costs/entries?${query}&limit=1000`);
      if (isThere(entries)) return entries;
      await betweenLooks();
    }
  }

  it("keeps a key with its arm in every protocol, and says so in headers and traces", async () => {
    await rollOut("shared", "candidate", { phase: "canary", weight: 0.5 });
    const arms = new Map<string, string>();
    for (let caller = 0; arms.size < 2 || caller < 4; caller++) {
      const { arm, text, traceId } = await ask("shared", `caller ${caller}`);
      arms.set(arm!, `caller ${caller}`);
      assert.match(text, new RegExp(`by ${arm}`));
      const again = [await ask("shared", `caller ${caller}`, { more: { stream: true } }), await ask("shared", `caller ${caller}`, { path: "/v1/messages" })];
      assert.deepEqual(again.map((other) => other.arm), [arm, arm]);
      if (arm === "candidate") while (!(await tracesWith({ "slipway.arm": "candidate", "slipway.revision": "2" })).includes(traceId)) await betweenLooks();
    }
    await server.client.api.send("POST", "/api/gateway/routes/shared/rollout/abort", { reason: "enough" });
    assert.match((await ask("shared", arms.get("candidate")!)).text, /by stable/);
    while ((await ask("shared", "caller")).arm !== null) await betweenLooks();
  });

  it("answers by stable what an arm fails at, whole and streamed, and writes both down in one trace", async () => {
    await rollOut("saved", "failing", { phase: "canary", weight: 0.5 });
    const asked = new Map<string, string>();
    for (let caller = 0; caller < 16; caller++) {
      const { arm, text, traceId } = await ask("saved", `caller ${caller}`, { more: { stream: caller % 2 === 0 } });
      assert.match(text, /stable/);
      asked.set(traceId, arm!);
    }
    assert.deepEqual(new Set(asked.values()), new Set(["stable"]));
    const failed = (await tracesWith({ "slipway.failed_arm": "candidate" })).find((traceId) => asked.has(traceId))!;
    assert.ok(failed);
    const entries = await entriesOf("route=saved", (all) => all.filter(({ attribution }) => attribution.traceId === failed).length === 2);
    const both = entries.filter(({ attribution }) => attribution.traceId === failed).map(({ provider, outcome }) => `${provider} ${outcome}`);
    assert.deepEqual(new Set(both), new Set(["failing failed", "stable ok"]));
  });

  it("asks a shadow after the answer, with a trace and a cost of its own", async () => {
    const rollout = await rollOut("mirrored", "candidate", { phase: "shadow", weight: 0, shadow: 1 });
    const { arm, text, traceId } = await ask("mirrored", "caller");
    assert.equal(arm, "stable");
    assert.match(text, /stable/);
    const [shadow] = await tracesWith({ "slipway.shadow_of": traceId });
    const [entry] = (await entriesOf(`tag=${encodeURIComponent(`slipway.shadow=${rollout}`)}`, (all) => all.some(({ attribution }) => attribution.traceId === shadow))).filter(({ attribution }) => attribution.traceId === shadow);
    assert.deepEqual([entry!.provider, entry!.outcome], ["candidate", "ok"]);
    assert.ok(entry!.cost! > 0);
  });
});
