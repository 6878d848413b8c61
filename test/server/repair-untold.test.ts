import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { borrowServer, type BorrowedServer } from "../kit/shared-server.ts";
import { answerJson, GatewayUpstream } from "./gateway-upstream.ts";

interface Entry {
  outcome: string;
  estimated: boolean;
  cost: number;
  tokens: { input: number; output: number };
}

const format = { type: "json_schema", json_schema: { name: "a", schema: { type: "object", properties: { age: { type: "integer" } }, required: ["age"] } } };
const told = { prompt_tokens: 100, completion_tokens: 10, total_tokens: 110 };
const [wrong, right] = ['{"age": "I do not know"}', '{"age": 4}'];

describe("rounds of repair of which the provider tells no tokens", () => {
  let server: BorrowedServer;
  const upstream = new GatewayUpstream((_call, response) => response.destroy());

  before(async () => {
    server = await borrowServer();
    const baseUrl = `${await upstream.start()}/v1`;
    await server.client.api.send("PUT", "/api/gateway/providers/untold", { revision: 0, settings: { kind: "compatible", baseUrl } });
    await server.client.api.send("POST", "/api/prices", { provider: "untold", model: "m", rates: { input: 1, output: 10 } });
    await server.client.api.send("PUT", "/api/gateway/routes/untold", { revision: 0, settings: { targets: [{ provider: "untold", model: "m" }], attempts: 1, repair: 1, budget: { month: 100 } } });
  });
  after(async () => {
    await server.giveBack();
    upstream.stop();
  });

  /** One call, whose rounds are answered with these texts, and with `told` where it is said. */
  async function call(...rounds: readonly { text: string; usage?: object }[]): Promise<{ status: number; entry: Entry; spent: number }> {
    const spentBefore = await spent();
    const answers = [...rounds];
    upstream.answer = (_call, response) => {
      const { text, usage } = answers.shift()!;
      answerJson(response, { id: "c", object: "chat.completion", created: 1, model: "m", choices: [{ index: 0, message: { role: "assistant", content: text }, finish_reason: "stop" }], ...(usage === undefined ? {} : { usage }) });
    };
    const trace = randomBytes(16).toString("hex");
    const headers = { "content-type": "application/json", traceparent: `00-${trace}-${randomBytes(8).toString("hex")}-01` };
    const { status } = await fetch(`${server.url}/v1/chat/completions`, { method: "POST", headers, body: JSON.stringify({ model: "untold", messages: [{ role: "user", content: "how old?" }], response_format: format }) });
    assert.equal(answers.length, 0, "each round was asked for");
    const { entries } = await server.client.api.get<{ entries: Entry[] }>(`/api/costs/entries?trace=${trace}`);
    assert.equal(entries.length, 1);
    return { status, entry: entries[0]!, spent: (await spent()) - spentBefore };
  }

  async function spent(): Promise<number> {
    const { callBudgets } = await server.client.api.get<{ callBudgets: { name: string; use: { spent: number }[] }[] }>("/api/budgets");
    return callBudgets.find(({ name }) => name === "untold")!.use[0]!.spent;
  }

  it("counts each by estimate, whether the call succeeds or not", async () => {
    const one = await call({ text: right });
    assert.deepEqual([one.status, one.entry.outcome, one.entry.estimated], [200, "ok", true]);
    for (const [last, status, outcome] of [[right, 200, "ok"], [wrong, 502, "failed"]] as const) {
      const two = await call({ text: wrong }, { text: last });
      assert.deepEqual([two.status, two.entry.outcome, two.entry.estimated], [status, outcome, true]);
      // The second has the first's question and answer in it.
      assert.ok(two.entry.tokens.input > 2 * one.entry.tokens.input, `${two.entry.tokens.input} beside ${one.entry.tokens.input}`);
      assert.ok(two.entry.tokens.output > one.entry.tokens.output, `${two.entry.tokens.output} beside ${one.entry.tokens.output}`);
      assert.equal(two.entry.cost, two.entry.tokens.input * 1000 + two.entry.tokens.output * 10_000);
      assert.equal(two.spent, two.entry.cost);
    }
  });

  it("counts those that it tells as told, and the others beside them", async () => {
    const first = await call({ text: wrong, usage: told }, { text: right });
    const second = await call({ text: wrong }, { text: right, usage: told });
    const both = await call({ text: wrong, usage: told }, { text: right, usage: told });
    for (const { entry, spent: used } of [first, second]) {
      assert.deepEqual([entry.outcome, entry.estimated], ["ok", true]);
      assert.ok(entry.tokens.input > 100 && entry.tokens.output > 10, JSON.stringify(entry.tokens));
      assert.equal(used, entry.cost);
    }
    assert.deepEqual([both.entry.estimated, both.entry.tokens.input, both.entry.tokens.output], [false, 200, 20]);
  });
});
