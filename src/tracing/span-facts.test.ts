import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { exampleSpan } from "./example-spans.fixture.ts";
import { modelCallOf } from "./model-call.ts";
import type { Attributes, Span } from "./span.ts";
import { factsOf, indexedProviders } from "./span-facts.ts";
import { spanViewOf } from "./span-view.ts";
import type { SpanFacts, StoredSpan } from "./stored-span.ts";

const span = (attributes: Attributes, more: Partial<Span> = {}): StoredSpan => ({ ...exampleSpan(1, 1, { attributes, ...more }), original: {}, translated: [] });
const message = (role: string, content: string, more: object = {}): object => ({ role, parts: [{ type: "text", content }], ...more });
const facts = (attributes: Attributes, more: Partial<Span> = {}, of = { isOwn: true, counts: true }): SpanFacts => factsOf({ span: span(attributes, more), ...of });
const indexed = (attributes: Attributes, more: Partial<Span> = {}): Record<string, string> => Object.fromEntries(facts(attributes, more).indexed);

describe("what a summary has of a span", () => {
  it("is its session, its user and its service, by each name that the conventions have for them", () => {
    const of = (attributes: Attributes): unknown[] => {
      const { session, user, service } = facts(attributes);
      return [session, user, service];
    };
    assert.deepEqual(of({ "gen_ai.conversation.id": "c", "session.id": "s", "user.id": "u", "enduser.id": "e" }), ["c", "u", "shop"]);
    assert.deepEqual(of({ "session.id": "s", "enduser.id": "e" }), ["s", "e", "shop"]);
    assert.deepEqual(of({}), [null, null, "shop"]);
  });

  it("are its tokens and its cost, unless it sums others up", () => {
    const usage = { "gen_ai.usage.input_tokens": 7, "gen_ai.usage.output_tokens": 8, "gen_ai.usage.cost": 0.5 };
    const of = (attributes: Attributes): unknown[] => {
      const { inputTokens, outputTokens, cost } = facts(attributes);
      return [inputTokens, outputTokens, cost];
    };
    for (const operation of ["chat", "text_completion", "generate_content", "embeddings", "retrieval", "execute_tool"]) assert.deepEqual(of({ ...usage, "gen_ai.operation.name": operation }), [7, 8, 5e8], operation);
    for (const operation of ["invoke_agent", "invoke_workflow", "create_agent"]) assert.deepEqual(of({ ...usage, "gen_ai.operation.name": operation }), [null, null, null], operation);
    assert.deepEqual(facts(usage, {}, { isOwn: true, counts: false }).cost, null);
    // What this server priced is exact, and counts more than dollars; what nobody would believe is no cost.
    assert.deepEqual([of({ "slipway.cost_nano_dollars": 3, "gen_ai.usage.cost": 9 })[2], of({ "gen_ai.usage.cost": -1 })[2], of({ "gen_ai.usage.cost": 1e6 })[2], of({ "gen_ai.usage.input_tokens": "12" })[0], of({ "gen_ai.usage.input_tokens": -1 })[0]], [3, null, null, 12, null]);
  });

  it("is the model that answered, else the one that was asked for, and whatever it is found by", () => {
    assert.equal(indexed({ "gen_ai.request.model": "asked", "gen_ai.response.model": "answered" }).model, "answered");
    assert.equal(indexed({ "gen_ai.request.model": "asked" }).model, "asked");
    // Another span of the trace tells of the same call, by the name of the model that answered: here it may be that of a route.
    assert.deepEqual(factsOf({ span: span({ "gen_ai.request.model": "support" }), isOwn: false, counts: false }).indexed.filter(([key]) => key === "model"), []);
    const keys = ["gen_ai.operation.name", "gen_ai.provider.name", "gen_ai.tool.name", "gen_ai.agent.name", "gen_ai.agent.id", "gen_ai.data_source.id", "gen_ai.workflow.name", "error.type", "slipway.route", "slipway.model", "http.route", "http.request.method", "mlflow.spanType", "openinference.span.kind"];
    const ofOthers = (attributes: Attributes, more: Partial<Span> = {}): Record<string, string> => Object.fromEntries(facts(attributes, more, { isOwn: false, counts: true }).indexed);
    for (const key of keys) assert.equal(ofOthers({ [key]: "v" })[key], "v", key);
    for (const key of ["service.name", "service.version", "deployment.environment.name", "deployment.environment"]) assert.equal(ofOthers({}, { resource: { [key]: "v" } })[key], "v", key);
    assert.equal(indexed({ "gen_ai.response.id": "r" })["slipway.answer"], undefined);
  });

  it("is for the gateway's own calls what no other column or span is read for", () => {
    const resource = { "service.name": "slipway", "service.version": "1", "deployment.environment": "d" };
    const whole = { "gen_ai.operation.name": "chat", "error.type": "timeout", "gen_ai.provider.name": "openai", "slipway.provider": "east", "gen_ai.response.model": "m", "gen_ai.response.id": "r" };
    const found = { "gen_ai.provider.name": "openai", "slipway.provider": "east", "service.name": "slipway", model: "m" };
    assert.deepEqual(indexed({ ...whole, "slipway.route": "support" }, { resource }), { ...found, "slipway.answer": "r" });
    assert.deepEqual(indexed({ ...whole, "slipway.attempt": true }, { resource }), found);
    for (const name of indexedProviders.attributes) assert.equal(indexed({ "slipway.route": "r", [name]: "p".repeat(indexedProviders.mostCharacters) })[name]?.length, indexedProviders.mostCharacters);
    // Another span of this server has what it is, as those of other programs have.
    assert.equal(indexed({ "slipway.model": "wine" }, { resource })["slipway.model"], "wine");
  });

  it("previews the last that was said, else what went in or came out", () => {
    const of = (attributes: Attributes): unknown[] => {
      const { inputPreview, outputPreview } = facts(attributes);
      return [inputPreview, outputPreview];
    };
    assert.deepEqual(of({ "gen_ai.input.messages": JSON.stringify([message("user", "first"), message("assistant", "so"), message("user", "last"), message("tool", "t")]), "gen_ai.output.messages": JSON.stringify([message("assistant", "out")]) }), ["last", "out"]);
    assert.deepEqual(of({ "input.value": "in", "output.value": "out" }), ["in", "out"]);
    assert.deepEqual(of({ "gen_ai.tool.call.arguments": "{}", "gen_ai.tool.call.result": "2" }), ["{}", "2"]);
    assert.deepEqual(of({ "gen_ai.input.messages": "no JSON" }), ["no JSON", null]);
  });

  it("previews the first of a list of texts: the question of a reranking, and not its last document", () => {
    const messages = JSON.stringify([{ role: "user", parts: [{ type: "blob" }, ...["Where is snow?", "In Oslo.", "In Rome."].map((content) => ({ type: "text", content }))] }]);
    const of = (operation: string): unknown => facts({ "gen_ai.operation.name": operation, "gen_ai.input.messages": messages }).inputPreview;
    assert.deepEqual(["rerank", "embeddings", "chat"].map(of), ["Where is snow?", "Where is snow?", "In Rome."]);
  });
});

describe("a span for people", () => {
  it("has all that was told of it, each in its place", () => {
    const { start } = exampleSpan(1, 1);
    const view = spanViewOf({
      ...span({
        "gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "asked", "gen_ai.response.model": "answered", "gen_ai.usage.input_tokens": 7, "gen_ai.usage.output_tokens": 8, "gen_ai.usage.cost": 0.5, "input.value": "in", "output.value": "out",
        "gen_ai.input.messages": JSON.stringify([message("user", "Q")]), "gen_ai.output.messages": JSON.stringify([message("assistant", "A", { finish_reason: "stop" })]),
      }, { end: start + 1_500_000n, links: [{ traceId: "f".repeat(32), spanId: "e".repeat(16), attributes: { why: 1 } }], events: [{ name: "e", time: start, attributes: { a: true } }], status: { code: "error", message: "no" } }),
      original: { "ai.operationId": "x" },
    }, start - 2_000_000n);
    const { operation, provider, model, inputTokens, outputTokens, cost, input, output, inputMessages, outputMessages, offsetMs, durationMs, original, links, events, status } = view;
    assert.deepEqual([operation, provider, model, inputTokens, outputTokens, cost, input, output, offsetMs, durationMs, status], ["chat", "openai", "answered", 7, 8, 5e8, "in", "out", 2, 1.5, { code: "error", message: "no" }]);
    assert.deepEqual([inputMessages, outputMessages], [[message("user", "Q", { finishReason: null })], [message("assistant", "A", { finishReason: "stop" })]]);
    assert.deepEqual([original, links, events.map(({ name, attributes }) => [name, attributes])], [{ "ai.operationId": "x" }, [{ traceId: "f".repeat(32), spanId: "e".repeat(16), attributes: { why: 1 } }], [["e", { a: true }]]]);
    const tool = spanViewOf(span({ "gen_ai.tool.call.arguments": "{}", "gen_ai.tool.call.result": "2", "gen_ai.request.model": "asked" }), start);
    assert.deepEqual([tool.input, tool.output, tool.model, tool.inputMessages, tool.cost], ["{}", "2", "asked", null, null]);
  });
});

describe("a call of a model", () => {
  const call = { "gen_ai.request.model": "m", "gen_ai.usage.input_tokens": 10, "gen_ai.usage.output_tokens": 2 };
  it("is a span with a model and tokens, of which the cached are a part, and no operation that sums up or is none", () => {
    assert.deepEqual(modelCallOf(span({ ...call, "gen_ai.provider.name": "openai", "gen_ai.usage.cache_read.input_tokens": 4, "gen_ai.usage.cache_creation.input_tokens": 3 })), { provider: "openai", models: ["m"], usage: { inputTokens: 10, outputTokens: 2, cacheReadTokens: 4, cacheWriteTokens: 3 } });
    for (const operation of ["chat", "text_completion", "generate_content", "embeddings"]) assert.notEqual(modelCallOf(span({ ...call, "gen_ai.operation.name": operation })), null, operation);
    for (const operation of ["invoke_agent", "invoke_workflow", "create_agent", "execute_tool", "retrieval"]) assert.equal(modelCallOf(span({ ...call, "gen_ai.operation.name": operation })), null, operation);
    assert.equal(modelCallOf(span(call, { end: null })), null);
  });
});
