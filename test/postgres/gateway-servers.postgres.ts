import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { betweenLooks } from "../kit/between-looks.ts";
import { PostgresCluster } from "../kit/postgres-cluster.ts";
import { startServer, type RunningServer } from "../kit/running-server.ts";

const answer = (text: string): object => ({ kind: "scripted", script: [{ text, inputTokens: 10, outputTokens: 1 }] });
const target = (provider: string): object => ({ targets: [{ provider, model: "m" }] });

interface Answered {
  text: string;
  trace: string;
}

describe("the gateway of two servers on one Postgres", { timeout: 240_000 }, () => {
  let cluster: PostgresCluster;
  let first: RunningServer;
  let second: RunningServer;
  before(async () => {
    cluster = await PostgresCluster.start();
    const environment = { SLIPWAY_DATABASE_URL: cluster.url() };
    [first, second] = await Promise.all([startServer({ environment }), startServer({ environment })]);
    for (const [name, text] of [["plain", "fine"], ["better", "better"]] as const) await first.client.api.send("PUT", `/api/gateway/providers/${name}`, { revision: 0, settings: answer(text) });
    await first.client.api.send("PUT", "/api/gateway/routes/asked", { revision: 0, settings: target("plain") });
  });
  after(async () => {
    await Promise.all([first.stop(), second.stop()]);
    await cluster.remove();
  });

  async function ask(server: RunningServer, key: string): Promise<Answered> {
    const reply = await fetch(`${server.url}/v1/chat/completions`, { method: "POST", headers: { "content-type": "application/json", "slipway-key": key }, body: JSON.stringify({ model: "asked", messages: [{ role: "user", content: "hello" }] }) });
    // A server that has not heard of the route yet gives no choices.
    const { choices } = (await reply.json()) as { choices?: [{ message: { content: string } }] };
    return { text: choices?.[0].message.content ?? "", trace: reply.headers.get("x-slipway-trace") ?? "" };
  }

  /** The trace is written behind its answer, by the server that answered. */
  async function score(server: RunningServer, { text, trace }: Answered): Promise<void> {
    for (;;) {
      try {
        return void (await server.client.api.send("POST", `/api/traces/${trace}/feedback`, { name: "helpful", value: text === "better" }));
      } catch (error) {
        if ((error as { code?: string }).code !== "TRACE_NOT_FOUND") throw error;
        await betweenLooks();
      }
    }
  }

  async function countedOn(server: RunningServer, id: string, calls: readonly Answered[]): Promise<void> {
    const wanted = ["fine", "better"].map((said) => calls.filter(({ text }) => text === said).length);
    for (;;) {
      const { arms } = await server.client.abTests.report(id);
      if (arms.every(({ n }, index) => n === wanted[index])) return assert.deepEqual(arms.map(({ name, mean }) => [name, mean]), [["control", 0], ["b", 1]]);
      await betweenLooks();
    }
  }

  it("tells of a call that a program sent to one of them which agent's run it is of, whichever got the spans above it, before or after", async () => {
    const text = (value: string): object => ({ stringValue: value });
    const send = async (server: RunningServer, traceId: string, number: number, above: number | null, attributes: Record<string, string>): Promise<void> => {
      const idOf = (span: number): string => span.toString(16).padStart(16, "0");
      const span = {
        traceId, spanId: idOf(number), ...(above === null ? {} : { parentSpanId: idOf(above) }), name: `span ${number}`, kind: 1, startTimeUnixNano: `${Date.now()}000000`, endTimeUnixNano: `${Date.now() + 5}000000`,
        attributes: Object.entries(attributes).map(([key, value]) => ({ key, value: text(value) })),
      };
      const sent = await fetch(`${server.url}/v1/traces`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans: [span] }] }] }) });
      assert.equal(sent.status, 200);
    };
    const call = { "gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-4o", "gen_ai.usage.input_tokens": "10" };
    const agent = { "gen_ai.operation.name": "invoke_agent", "slipway.agent_run": "run-1" };
    const [before, after] = ["a".repeat(32), "b".repeat(32)];
    // Three levels, each on the other server than the one below it.
    await send(first, before, 1, null, { "session.id": "talk" });
    await send(second, before, 2, 1, agent);
    await send(first, before, 3, 2, call);
    await send(first, after, 3, 2, call);
    await send(second, after, 2, 1, agent);
    await send(first, after, 1, null, { "session.id": "talk" });
    for (const trace of [before, after]) {
      for (;;) {
        const { entries } = await second.client.api.get<{ entries: { attribution: { agentRun: string | null; session: string | null } }[] }>(`/api/costs/entries?trace=${trace}`);
        assert.ok(entries.length <= 1);
        const { agentRun = null, session = null } = entries[0]?.attribution ?? {};
        if (agentRun === "run-1" && session === "talk") break;
        await betweenLooks();
      }
    }
  });

  it("keeps feedback that one of them was sent before its run, when the other has taken the run", async () => {
    const [id, now] = [randomUUID(), new Date().toISOString()];
    const form = (name: string, content: object): RequestInit => ({
      method: "POST", headers: { "content-type": "multipart/form-data; boundary=b" }, body: `--b\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${JSON.stringify(content)}\r\n--b--\r\n`,
    });
    assert.equal((await fetch(`${first.url}/langsmith/runs/multipart`, form(`feedback.${randomUUID()}`, { trace_id: id, run_id: id, key: "early", score: 0.25 }))).status, 202);
    assert.equal((await fetch(`${second.url}/langsmith/runs/multipart`, form(`post.${id}`, { id, trace_id: id, name: "r", run_type: "chain", start_time: now, end_time: now }))).status, 202);
    for (;;) {
      const { feedback } = await second.client.traces.find(id.replaceAll("-", ""));
      if (feedback.length > 0) return assert.deepEqual(feedback.map(({ name, value }) => [name, value]), [["early", 0.25]]);
      await betweenLooks();
    }
  });

  it("leaves a target alone by what each saw itself, and says whose sight it is", async () => {
    await first.client.api.send("PUT", "/api/gateway/providers/failing", { revision: 0, settings: { kind: "scripted", script: [{ status: 500, error: "down" }], breaker: { failures: 2, openSeconds: 3600 } } });
    await first.client.api.send("PUT", "/api/gateway/routes/failing", { revision: 0, settings: { ...target("failing"), attempts: 1 } });
    for (let call = 0; call < 2; call++) await fetch(`${first.url}/v1/chat/completions`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ model: "failing", messages: [{ role: "user", content: "hello" }] }) }).then((reply) => reply.text());
    const [seen, other] = await Promise.all([first, second].map(({ client }) => client.api.get<{ server: string; targets: { provider: string; state: string }[] }>("/api/gateway/health")));
    assert.deepEqual([seen, other].map((health) => health!.targets.filter(({ provider }) => provider === "failing").map(({ state }) => state)), [["open"], []]);
    assert.match(`${seen!.server} ${other!.server}`, /^[0-9a-f]{16} [0-9a-f]{16}$/);
    assert.notEqual(seen!.server, other!.server);
  });

  it("counts scores of an A/B test whichever of them answered and whichever is told, also when the one that answered is gone", async () => {
    const { id } = await first.client.abTests.start("route:asked", { variants: [{ name: "b", change: target("better"), percent: 50 }], metric: "helpful", direction: "up" });
    const calls: Answered[] = [];
    // A server that has not heard of the test yet answers for nobody.
    for (const server of [first, second]) for (let probe = 0; (await ask(server, `probe ${probe}`)).text !== "better"; probe++) await betweenLooks();
    for (let call = 0; call < 40; call++) calls.push(await ask(call % 4 === 3 ? second : first, `caller ${call}`));
    assert.ok(calls.every(({ text }) => text !== ""));
    for (const call of calls.slice(0, 20)) await score(second, call);
    for (const server of [first, second]) await countedOn(server, id, calls.slice(0, 20));
    await first.stop();
    for (const call of calls.slice(20)) await score(second, call);
    await countedOn(second, id, calls);
  });
});
