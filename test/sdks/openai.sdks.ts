import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import OpenAI, { AzureOpenAI } from "openai";
import { zodResponseFormat } from "openai/helpers/zod";
import { z } from "zod";
import { answerJson } from "../server/gateway-upstream.ts";
import { models, startSdkServer, upstreams, type SdkServer } from "./upstreams.ts";

const Person = z.object({ name: z.string(), age: z.number() });
const parameters = { type: "object", properties: { city: { type: "string" } }, required: ["city"], additionalProperties: false };
const tools: OpenAI.ChatCompletionTool[] = [{ type: "function", function: { name: "weather", description: "Tells the weather.", parameters } }];

describe("OpenAI's SDK", () => {
  let all: SdkServer;
  let client: OpenAI;
  before(async () => {
    all = await startSdkServer();
    client = new OpenAI({ apiKey: "none", baseURL: `${all.server.url}/v1`, maxRetries: 1 });
  });
  after(() => all.stop());

  for (const upstream of upstreams) {
    const model = models[upstream];
    const ask = (content: string): { model: string; messages: OpenAI.ChatCompletionMessageParam[] } => ({ model, messages: [{ role: "system", content: "Be short." }, { role: "user", content }] });

    it(`chats and streams, with usage, over a provider of ${upstream}`, async () => {
      const whole = await client.chat.completions.create(ask("hello there"));
      assert.deepEqual([whole.choices[0]!.message.content, whole.choices[0]!.finish_reason, whole.usage?.total_tokens], ["You said: hello there", "stop", 18]);
      const stream = client.chat.completions.stream({ ...ask("hello there"), stream_options: { include_usage: true } });
      const deltas: string[] = [];
      stream.on("content", (delta) => deltas.push(delta));
      const final = await stream.finalChatCompletion();
      assert.deepEqual([final.choices[0]!.message.content, deltas.join(""), final.usage?.completion_tokens], ["You said: hello there", "You said: hello there", 7]);
      assert.ok(deltas.length > 1);
    });

    it(`retrieves one model, by the name of a provider of ${upstream}`, async () => {
      const retrieved = await client.models.retrieve(model);
      assert.deepEqual([retrieved.id, retrieved.object, retrieved.owned_by], [model, "model", model.split("/")[0]]);
    });

    it(`calls tools and gives their results, over a provider of ${upstream}`, async () => {
      const asked = ask("weather in Paris?");
      for (const stream of [false, true]) {
        const completion = stream ? await client.chat.completions.stream({ ...asked, tools }).finalChatCompletion() : await client.chat.completions.create({ ...asked, tools });
        const [choice] = completion.choices;
        assert.equal(choice!.finish_reason, "tool_calls");
        const [call] = choice!.message.tool_calls!;
        assert.ok(call?.type === "function");
        assert.deepEqual([call.function.name, JSON.parse(call.function.arguments)], ["weather", { city: "Paris" }]);
        const answered = await client.chat.completions.create({ model, tools, messages: [...asked.messages, choice!.message, { role: "tool", tool_call_id: call.id, content: "sunny" }] });
        assert.equal(answered.choices[0]!.message.content, "The tool says sunny.");
      }
    });

    it(`runs tools by itself, over a provider of ${upstream}`, async () => {
      const runner = client.chat.completions.runTools({ ...ask("weather?"), tools: [{ type: "function", function: { name: "weather", description: "", parameters, parse: JSON.parse, function: ({ city }: { city: string }) => `rain in ${city}` } }] });
      assert.equal(await runner.finalContent(), "The tool says rain in Paris.");
    });

    it(`parses documents of a schema, over a provider of ${upstream}`, async () => {
      const completion = await client.chat.completions.parse({ ...ask("who?"), response_format: zodResponseFormat(Person, "person") });
      assert.deepEqual(completion.choices[0]!.message.parsed, { name: "Ann", age: 41 });
    });

    it(`throws its own errors and asks as often as it should, over a provider of ${upstream}`, async () => {
      const route = `fails-${upstream}`;
      const failed = (status: number): Promise<unknown> => client.chat.completions.create({ model: route, messages: [{ role: "user", content: `fail ${status}` }] });
      const asked = upstream === "openai" ? all.openAi.calls : all.anthropic.calls;
      const before = asked.length;
      await assert.rejects(failed(400), (error) => error instanceof OpenAI.BadRequestError && error.message.includes("Failed with 400"));
      assert.equal(asked.length, before + 1);
      await assert.rejects(failed(429), OpenAI.RateLimitError);
      await assert.rejects(failed(500), OpenAI.InternalServerError);
      // Two tries of the SDK at most for each of these two.
      assert.ok(asked.length <= before + 5, String(asked.length - before));
    });
  }

  it("asks once where a quota or a budget is used up, and knows the ids of its calls", async () => {
    const patient = new OpenAI({ apiKey: "none", baseURL: `${all.server.url}/v1`, maxRetries: 3 });
    for (const [model, status, asks] of [["fails-openai", 429, 1], ["spent", 402, 0]] as const) {
      const before = all.openAi.calls.length + all.anthropic.calls.length;
      const failed = patient.chat.completions.create({ model, messages: [{ role: "user", content: "fail 402" }] });
      await assert.rejects(failed, (error) => error instanceof OpenAI.APIError && error.status === status && error.code === "insufficient_quota" && /^req_/.test(error.requestID ?? ""));
      assert.equal(all.openAi.calls.length + all.anthropic.calls.length, before + asks);
    }
    assert.match((await client.chat.completions.create({ model: models.openai, messages: [{ role: "user", content: "hello" }] }))._request_id ?? "", /^req_/);
  });

  it("reads what is left of its route's limits, on answers, streams and errors", async () => {
    const once = { requestsPerMinute: 0.01, tokensPerMinute: 1e9 };
    for (const name of ["once-whole", "once-stream", "once-response"]) await all.server.client.api.send("PUT", `/api/gateway/routes/${name}`, { revision: 0, settings: { targets: [{ provider: "openai-upstream", model: "m" }], limits: once } });
    const ask = (model: string): { model: string; messages: OpenAI.ChatCompletionMessageParam[] } => ({ model, messages: [{ role: "user", content: "hello" }] });
    const answers = [
      await client.chat.completions.create(ask("once-whole")).withResponse(), await client.chat.completions.create({ ...ask("once-stream"), stream: true }).withResponse(), await client.responses.create({ model: "once-response", input: "hello" }).withResponse(),
    ];
    const refused = await client.chat.completions.create(ask("once-whole")).then(() => assert.fail("it was let in"), (error: unknown) => error);
    assert.ok(refused instanceof OpenAI.RateLimitError);
    for (const headers of [...answers.map(({ response }) => response.headers), refused.headers]) {
      assert.deepEqual(["limit-requests", "remaining-requests", "limit-tokens"].map((name) => headers.get(`x-ratelimit-${name}`)), ["1", "0", "1000000000"]);
      assert.match(headers.get("x-ratelimit-reset-requests") ?? "", /^1h(?:39m\d|40m0s)/);
      assert.ok(Number(headers.get("x-ratelimit-remaining-tokens")) > 999_900_000);
    }
    (answers[1]!.data as { controller: AbortController }).controller.abort();
  });

  it("asks once where the provider takes no key, or limits the rate for longer than anybody waits", async () => {
    const patient = new OpenAI({ apiKey: "none", baseURL: `${all.server.url}/v1`, maxRetries: 3 });
    const usual = all.openAi.answer;
    try {
      for (const [model, status, retryAfter, told] of [["locked", 401, null, 502], ["limited", 429, "3600", 429]] as const) {
        all.openAi.answer = (_call, response) => answerJson(response, { error: { message: "Not now.", code: "no" } }, status, retryAfter === null ? {} : { "retry-after": retryAfter });
        const before = all.openAi.calls.length;
        await assert.rejects(patient.chat.completions.create({ model: `openai-upstream/${model}`, messages: [{ role: "user", content: "hello" }] }), (error) => error instanceof OpenAI.APIError && error.status === told);
        assert.equal(all.openAi.calls.length, before + 1, model);
      }
    } finally {
      all.openAi.answer = usual;
    }
  });

  it("answers Azure's client, which puts the model into the path as it is", async () => {
    const azure = new AzureOpenAI({ apiKey: "none", endpoint: all.server.url, apiVersion: "2024-10-21", maxRetries: 0 });
    for (const model of Object.values(models)) {
      const { data, response } = await azure.chat.completions.create({ model, messages: [{ role: "user", content: "hello" }] }).withResponse();
      assert.deepEqual([data.choices[0]!.message.content, response.headers.get("x-slipway-target")], ["You said: hello", model]);
    }
    assert.equal((await azure.embeddings.create({ model: "echo/echo", input: ["one", "two"] })).data.length, 2);
  });

  it("answers in the responses protocol, over a provider of another", async () => {
    const model = models.anthropic;
    const response = await client.responses.create({ model, instructions: "Be short.", input: "hello" });
    assert.equal(response.output_text, "You said: hello");
    let text = "";
    const usages: unknown[] = [];
    for await (const event of await client.responses.create({ model, input: "hello", stream: true })) {
      if (event.type === "response.output_text.delta") text += event.delta;
      if ("response" in event) usages.push(event.response.usage);
    }
    const usage: OpenAI.Responses.ResponseUsage = { input_tokens: 11, input_tokens_details: { cached_tokens: 0, cache_write_tokens: 0 }, output_tokens: 7, output_tokens_details: { reasoning_tokens: 0 }, total_tokens: 18 };
    assert.deepEqual([text, usages], ["You said: hello", [null, null, usage]]);
    const collected = await client.responses.stream({ model, input: "hello" }).finalResponse();
    const { id: _id, created_at: _created, ...whole } = await client.responses.create({ model, input: "hello" });
    const { id: _streamed, created_at: _time, output_parsed: _parsed, ...streamed } = collected;
    const withoutIds = (response: { output: readonly object[] }): object => ({ ...response, output: response.output.map((item) => ({ ...item, id: "", content: "content" in item ? (item.content as object[]).map((part) => ({ ...part, parsed: null })) : null })) });
    assert.deepEqual(withoutIds(streamed), withoutIds(whole));
    for (const field of [{ store: true }, { previous_response_id: "resp_1" }, { input: [{ type: "item_reference" as const, id: "msg_1" }] }]) {
      await assert.rejects(client.responses.create({ model, input: "hello", ...field }), (error) => error instanceof OpenAI.BadRequestError && error.message.includes("send the whole conversation as input"));
    }
    const called = await client.responses.create({ model, input: "weather?", tools: [{ type: "function", name: "weather", parameters, strict: true }] });
    const [call] = called.output.filter((item) => item.type === "function_call");
    assert.deepEqual([call?.name, call?.arguments === undefined ? null : JSON.parse(call.arguments)], ["weather", { city: "Paris" }]);
  });

  it("repairs a document that does not keep to its schema, before the SDK sees it", async () => {
    const completion = await client.chat.completions.parse({ model: "planned/any", messages: [{ role: "user", content: "who?" }], response_format: zodResponseFormat(Person, "person") });
    assert.deepEqual(completion.choices[0]!.message.parsed, { name: "Bob", age: 7 });
  });

  it("makes embeddings, in floats and as it sends them by itself", async () => {
    const made = await client.embeddings.create({ model: "echo", input: ["one", "two words"] });
    assert.equal(made.data.length, 2);
    const floats = await client.embeddings.create({ model: "echo", input: ["one"], encoding_format: "float" });
    made.data[0]!.embedding.forEach((value, index) => assert.ok(Math.abs(value - floats.data[0]!.embedding[index]!) < 1e-6));
    assert.deepEqual((await client.embeddings.create({ model: models.openai, input: "four", encoding_format: "float" })).data[0]!.embedding, [4, 0.5, -1]);
  });

  it("lists models, and is told which is not there", async () => {
    const listed = [];
    for await (const { id } of client.models.list()) listed.push(id);
    assert.ok(listed.includes("echo/echo") && listed.includes("fails-openai"), listed.join());
    await assert.rejects(client.chat.completions.create({ model: "nothing", messages: [{ role: "user", content: "x" }] }), (error) => error instanceof OpenAI.NotFoundError && error.code === "model_not_found");
    await assert.rejects(client.chat.completions.create({ model: "echo", messages: "x" as never }), OpenAI.BadRequestError);
  });

  it("completes texts in the older protocol", async () => {
    assert.equal((await client.completions.create({ model: "echo", prompt: "once upon" })).choices[0]!.text, "once upon");
  });
});
