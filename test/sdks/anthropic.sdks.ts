import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import Anthropic from "@anthropic-ai/sdk";
import { answerEvents, answerJson } from "../server/gateway-upstream.ts";
import { models, startSdkServer, upstreams, type SdkServer } from "./upstreams.ts";

const tools: Anthropic.Tool[] = [{ name: "weather", description: "Tells the weather.", input_schema: { type: "object", properties: { city: { type: "string" } }, required: ["city"] } }];

describe("Anthropic's SDK", () => {
  let all: SdkServer;
  let client: Anthropic;
  before(async () => {
    all = await startSdkServer();
    client = new Anthropic({ apiKey: "none", baseURL: all.server.url, maxRetries: 1 });
  });
  after(() => all.stop());

  for (const upstream of upstreams) {
    const ask = (content: string): { model: string; max_tokens: number; system: string; messages: Anthropic.MessageParam[] } => ({ model: models[upstream], max_tokens: 100, system: "Be short.", messages: [{ role: "user", content }] });

    it(`chats and streams, with usage, over a provider of ${upstream}`, async () => {
      const whole = await client.messages.create(ask("hello there"));
      assert.deepEqual([whole.content.map((block) => (block.type === "text" ? block.text : block.type)), whole.stop_reason, whole.usage.input_tokens, whole.usage.output_tokens], [["You said: hello there"], "end_turn", 11, 7]);
      const stream = client.messages.stream(ask("hello there"));
      const texts: string[] = [];
      stream.on("text", (text) => texts.push(text));
      const final = await stream.finalMessage();
      assert.deepEqual([texts.join(""), await stream.finalText(), final.usage.output_tokens, final.stop_reason], ["You said: hello there", "You said: hello there", 7, "end_turn"]);
      assert.ok(texts.length > 1);
    });

    it(`calls tools and gives their results, over a provider of ${upstream}`, async () => {
      const asked = ask("weather in Paris?");
      for (const stream of [false, true]) {
        const message = stream ? await client.messages.stream({ ...asked, tools }).finalMessage() : await client.messages.create({ ...asked, tools });
        const call = message.content.find((block) => block.type === "tool_use");
        assert.deepEqual([message.stop_reason, call?.name, call?.input], ["tool_use", "weather", { city: "Paris" }]);
        const answered = await client.messages.create({ ...asked, tools, messages: [...asked.messages, { role: "assistant", content: message.content }, { role: "user", content: [{ type: "tool_result", tool_use_id: call!.id, content: "sunny" }] }] });
        assert.deepEqual(answered.content.map((block) => (block.type === "text" ? block.text : "")), ["The tool says sunny."]);
      }
    });

    it(`gives documents of a schema, over a provider of ${upstream}`, async () => {
      const schema = { type: "object", properties: { name: { type: "string" }, age: { type: "integer" } }, required: ["name", "age"], additionalProperties: false };
      const message = await client.messages.create({ ...ask("who?"), output_config: { format: { type: "json_schema", schema } } });
      const [block] = message.content;
      assert.ok(block?.type === "text");
      assert.deepEqual(JSON.parse(block.text), { name: "Ann", age: 41 });
    });

    it(`throws its own errors and asks as often as it should, over a provider of ${upstream}`, async () => {
      const failed = (status: number): Promise<unknown> => client.messages.create({ ...ask(`fail ${status}`), model: `fails-${upstream}` });
      const asked = upstream === "openai" ? all.openAi.calls : all.anthropic.calls;
      const before = asked.length;
      await assert.rejects(failed(400), (error) => error instanceof Anthropic.BadRequestError && error.message.includes("Failed with 400"));
      assert.equal(asked.length, before + 1);
      await assert.rejects(failed(429), Anthropic.RateLimitError);
      await assert.rejects(failed(529), Anthropic.InternalServerError);
      assert.ok(asked.length <= before + 5, String(asked.length - before));
    });
  }

  it("reads an estimate where the provider tells no tokens, whole and in a stream", async () => {
    const { answer } = all.openAi;
    const head = { id: "c", created: 1, model: "m" };
    all.openAi.answer = ({ body }, response) => {
      if (body.stream !== true) return answerJson(response, { ...head, object: "chat.completion", choices: [{ index: 0, message: { role: "assistant", content: "Rain, and wind." }, finish_reason: "stop" }] });
      const chunks = [{ delta: { role: "assistant", content: "Rain, and wind." }, finish_reason: null }, { delta: {}, finish_reason: "stop" }].map((choice) => `data: ${JSON.stringify({ ...head, object: "chat.completion.chunk", choices: [{ index: 0, ...choice }] })}\n\n`);
      answerEvents(response, [...chunks, "data: [DONE]\n\n"]);
    };
    try {
      const asked = { model: models.openai, max_tokens: 100, messages: [{ role: "user" as const, content: "How is the weather?" }] };
      const whole = await client.messages.create(asked);
      const streamed = await client.messages.stream(asked).finalMessage();
      assert.ok(whole.usage.input_tokens > 3 && whole.usage.output_tokens > 2, JSON.stringify(whole.usage));
      assert.deepEqual([streamed.usage.input_tokens, streamed.usage.output_tokens], [whole.usage.input_tokens, whole.usage.output_tokens]);
      assert.equal((whole.usage as { estimated?: true }).estimated, true);
    } finally {
      all.openAi.answer = answer;
    }
  });

  it("asks once where a quota or a budget is used up, and knows the ids of its calls", async () => {
    const patient = new Anthropic({ apiKey: "none", baseURL: all.server.url, maxRetries: 3 });
    for (const [model, status, asks] of [["fails-anthropic", 429, 1], ["spent", 402, 0]] as const) {
      const before = all.anthropic.calls.length;
      const failed = patient.messages.create({ model, max_tokens: 100, messages: [{ role: "user", content: "fail 402" }] });
      await assert.rejects(failed, (error) => error instanceof Anthropic.APIError && error.status === status && /^req_/.test(error.requestID ?? ""));
      assert.equal(all.anthropic.calls.length, before + asks);
    }
    assert.match((await client.messages.create({ model: models.anthropic, max_tokens: 100, messages: [{ role: "user", content: "hello" }] }))._request_id ?? "", /^req_/);
  });

  it("reads what is left of its route's limits, on answers, streams and errors", async () => {
    const once = { requestsPerMinute: 0.01, tokensPerMinute: 1e9 };
    for (const name of ["once-whole", "once-stream"]) await all.server.client.api.send("PUT", `/api/gateway/routes/${name}`, { revision: 0, settings: { targets: [{ provider: "openai-upstream", model: "m" }], limits: once } });
    const ask = (model: string): { model: string; max_tokens: number; messages: Anthropic.MessageParam[] } => ({ model, max_tokens: 100, messages: [{ role: "user", content: "hello" }] });
    const before = Date.now();
    const whole = await client.messages.create(ask("once-whole")).withResponse();
    const streamed = await client.messages.create({ ...ask("once-stream"), stream: true }).withResponse();
    const refused = await client.messages.create(ask("once-whole")).then(() => assert.fail("it was let in"), (error: unknown) => error);
    assert.ok(refused instanceof Anthropic.RateLimitError);
    for (const headers of [whole.response.headers, streamed.response.headers, refused.headers]) {
      assert.deepEqual(["requests-limit", "requests-remaining", "tokens-limit"].map((name) => headers.get(`anthropic-ratelimit-${name}`)), ["1", "0", "1000000000"]);
      const reset = Date.parse(headers.get("anthropic-ratelimit-requests-reset") ?? "");
      assert.ok(reset > before && reset <= Date.now() + 6_001_000, String(reset));
      assert.ok(Number(headers.get("anthropic-ratelimit-tokens-remaining")) > 999_900_000);
    }
    streamed.data.controller.abort();
  });

  it("asks once where the provider takes no key, or limits the rate for longer than anybody waits", async () => {
    const patient = new Anthropic({ apiKey: "none", baseURL: all.server.url, maxRetries: 3 });
    const usual = all.anthropic.answer;
    try {
      for (const [model, status, retryAfter, told] of [["locked", 401, null, 502], ["limited", 429, "3600", 429]] as const) {
        all.anthropic.answer = (_call, response) => answerJson(response, { type: "error", error: { type: "no", message: "Not now." } }, status, retryAfter === null ? {} : { "retry-after": retryAfter });
        const before = all.anthropic.calls.length;
        await assert.rejects(patient.messages.create({ model: `anthropic-upstream/${model}`, max_tokens: 100, messages: [{ role: "user", content: "hello" }] }), (error) => error instanceof Anthropic.APIError && error.status === told);
        assert.equal(all.anthropic.calls.length, before + 1, model);
      }
    } finally {
      all.anthropic.answer = usual;
    }
  });

  it("counts tokens, which is an estimate where the provider does not count", async () => {
    const short = await client.messages.countTokens({ model: models.anthropic, messages: [{ role: "user", content: "hello" }] });
    const long = await client.messages.countTokens({ model: models.openai, messages: [{ role: "user", content: "hello ".repeat(100) }], tools });
    assert.ok(short.input_tokens > 0 && long.input_tokens > short.input_tokens + 90, `${short.input_tokens} ${long.input_tokens}`);
  });

  it("lists models, and is told which is not there", async () => {
    const listed = [];
    for await (const { id, type } of client.models.list()) listed.push(`${type} ${id}`);
    assert.ok(listed.includes("model echo/echo"), listed.join());
    await assert.rejects(client.messages.create({ model: "nothing", max_tokens: 5, messages: [{ role: "user", content: "x" }] }), Anthropic.NotFoundError);
  });
});
