import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";
import { PriceBook, type EntryWhole, type LedgerEntry } from "../ledger/index.ts";
import { priceTableVersion } from "../ledger/prices/price-table.ts";
import type { AnsweredCall } from "./answered-costs.ts";
import { translate } from "./dialects/translate.ts";
import { spanOfRun } from "./langsmith/runs.ts";
import { ServedCalls } from "./served-calls.ts";
import { costOf } from "./span-facts.ts";
import { SpanCosts, type CostedSpan } from "./span-costs.ts";
import type { Attributes, Span } from "./span.ts";
import { exampleSpan } from "./example-spans.fixture.ts";
import type { KeptSpan } from "./trace-store.ts";

const of = { team: "blue", sender: "key:key_1" };
/** 1000 tokens in and 100 out; gpt-4o costs 2.5 and 10 dollars for a million. */
const chat: Attributes = { "gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-4o", "gen_ai.usage.input_tokens": 1000, "gen_ai.usage.output_tokens": 100 };
const chatCost = 1000 * 2500 + 100 * 10_000;

let entries: LedgerEntry[];
let completed: EntryWhole[];
let served: ServedCalls;
let answeredElsewhere: Map<string, AnsweredCall>;
let asked: string[][];
let costs: SpanCosts;
/** When the ledger has what it was told. */
let recorded: Promise<void>;
let elsewhere: KeptSpan[];
beforeEach(() => {
  entries = [];
  recorded = Promise.resolve();
  elsewhere = [];
  completed = [];
  served = new ServedCalls();
  answeredElsewhere = new Map();
  asked = [];
  costs = new SpanCosts({
    prices: new PriceBook(), served, record: (entry) => (entries.push(entry), recorded), complete: (told) => void completed.push(...told),
    answered: (ids) => {
      asked.push([...ids]);
      return Promise.resolve(answeredElsewhere);
    },
    kept: (names) => Promise.resolve(elsewhere.filter(({ team, span }) => names.some((name) => name.team === team && name.traceId === span.traceId && name.spanId === span.spanId))),
  });
});

const take = (spans: readonly Span[], more: object = {}): Promise<readonly CostedSpan[]> => costs.take({ ...of, ...more }, spans.map(translate));
const costOfFirst = ([first]: readonly CostedSpan[]): unknown => first!.span.attributes["slipway.cost_nano_dollars"];
const span = (number: number, attributes: Attributes, more: Partial<Span> = {}): Span => exampleSpan(1, number, { attributes, resource: { "service.name": "shop" }, ...more });

describe("costs of calls that others made", () => {
  it("are those of the dated table, in the span and in the ledger, for whom the span names", async () => {
    const taken = await take([span(2, { ...chat, "gen_ai.conversation.id": "s1", "user.id": "ann" })], { experiment: "7" });
    assert.equal(costOfFirst(taken), chatCost);
    // It goes out as it came.
    assert.deepEqual([taken[0]!.counts, taken[0]!.span.translated], [true, ["slipway.cost_nano_dollars", "slipway.ledger_entry"]]);
    const [{ id, time, totalMs, ...entry }] = entries as [LedgerEntry];
    assert.match(id, /^trc_[0-9a-f]{26}$/);
    assert.equal(taken[0]!.span.attributes["slipway.ledger_entry"], id);
    assert.ok(time > 0 && totalMs >= 0);
    assert.deepEqual(entry, {
      kind: "llm", source: "trace", provider: "openai", model: "gpt-4o", outcome: "ok", estimated: false, tokens: { input: 1000, cacheRead: null, cacheWrite: null, output: 100 }, cost: chatCost, priceVersion: priceTableVersion, firstByteMs: null,
      attribution: { actor: "key:key_1", team: "blue", project: "shop", route: null, user: "ann", session: "s1", traceId: span(2, {}).traceId, agentRun: null, tags: { experiment: "7" } },
    });
  });

  it("are of the session and the agent's run above them, told at once or when the parent comes", async () => {
    const agent = span(3, { "gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "researcher", "gen_ai.conversation.id": "s1" });
    const call = span(4, chat, { parentSpanId: agent.spanId });
    const run = `researcher/${agent.spanId}`;
    await take([call, agent]);
    assert.deepEqual([entries.map(({ attribution: { session, agentRun } }) => [session, agentRun]), completed], [[["s1", run]], []]);
    const other = { team: "red" };
    await take([call], other);
    await take([agent], other);
    const [, { id, attribution: { session, agentRun } }] = entries as [LedgerEntry, LedgerEntry];
    assert.deepEqual([session, agentRun, completed], [null, null, [{ id, session: "s1", agentRun: run }]]);
  });

  it("are told of what is above them once the ledger has them, wherever it came to", async () => {
    const agent = span(3, { "gen_ai.operation.name": "invoke_agent", "gen_ai.conversation.id": "s1", "slipway.agent_run": "r" });
    const whole = { session: "s1", agentRun: "r" };
    let write = (): void => undefined;
    recorded = new Promise((resolve) => (write = resolve));
    const taken = take([span(4, chat, { parentSpanId: agent.spanId })]);
    await Promise.resolve();
    assert.equal(entries.length, 1);
    await take([agent]);
    assert.deepEqual(completed, []);
    write();
    await taken;
    assert.deepEqual(completed, [{ id: entries[0]!.id, ...whole }]);
    recorded = Promise.resolve();
    await take([span(4, chat, { parentSpanId: agent.spanId })], { team: "red" });
    await costs.lookElsewhere(0);
    assert.equal(completed.length, 1);
    elsewhere = [{ team: "blue", span: translate(agent) }, { team: "red", span: translate(agent) }];
    await costs.lookElsewhere(1999);
    assert.equal(completed.length, 1);
    await costs.lookElsewhere(2000);
    assert.deepEqual(completed[1], { id: entries[1]!.id, ...whole });
  });

  it("count cached tokens once, at their own rate", async () => {
    await take([span(2, { ...chat, "gen_ai.usage.cache_read.input_tokens": 600 })]);
    assert.deepEqual([entries[0]!.tokens, entries[0]!.cost], [{ input: 400, cacheRead: 600, cacheWrite: null, output: 100 }, 400 * 2500 + 600 * 1250 + 100 * 10_000]);
  });

  it("are those of the way that the provider says it served the call, whatever was asked for", async () => {
    const told = (attributes: object): Promise<number | null> => take([span(entries.length + 2, { ...chat, ...attributes })]).then(() => entries.at(-1)!.cost);
    const asked = { "openai.request.service_tier": "priority" };
    assert.deepEqual([await told({ "openai.response.service_tier": "priority" }), await told({ "gen_ai.openai.response.service_tier": "priority" })], [1000 * 4250 + 100 * 17_000, 1000 * 4250 + 100 * 17_000]);
    assert.deepEqual([await told({ "openai.response.service_tier": "default", ...asked }), await told(asked), await told({ "openai.response.service_tier": "unheard-of" })], [chatCost, chatCost, chatCost]);
  });

  it("find the price under the names that the dialects have for providers and models", async () => {
    const { "gen_ai.provider.name": _provider, ...unnamed } = chat;
    const named: [provider: string | null, model: string, cost: number | null][] = [
      ["azure.ai.openai", "gpt-4o", chatCost], [null, "gpt-4o-2024-08-06", chatCost], [null, "openai/gpt-4o", chatCost], ["openrouter", "openai/gpt-4o", chatCost], ["ollama", "gpt-4o", 0],
      ["openai", "my-own-model", null], ["anthropic", "gpt-4o", null], ["constructor", "gpt-4o", null],
    ];
    for (const [index, [provider, model, cost]] of named.entries()) {
      await take([span(index + 1, { ...unnamed, ...(provider === null ? {} : { "gen_ai.provider.name": provider }), "gen_ai.request.model": model })]);
      assert.deepEqual([entries.at(-1)!.cost, entries.length], [cost, index + 1], `${provider} ${model}`);
    }
    // The model that answered counts, and the one that was asked for where it has no price.
    await take([span(20, { ...chat, "gen_ai.response.model": "gpt-4o-mini" })]);
    await take([span(21, { ...chat, "gen_ai.response.model": "something-inner" })]);
    assert.deepEqual(entries.slice(-2).map(({ model, cost }) => [model, cost === chatCost]), [["gpt-4o-mini", false], ["gpt-4o", true]]);
  });

  it("find the price by the model alone where the framework of the program stands for the provider", async () => {
    for (const framework of ["strands-agents", "gcp.vertex.agent"]) assert.equal(costOfFirst(await take([span(2, { ...chat, "gen_ai.provider.name": framework })])), chatCost, framework);
    assert.deepEqual(entries.map(({ provider }) => provider), ["openai", "openai"]);
    // Another provider's model of that name has a price of its own.
    assert.equal(costOfFirst(await take([span(3, { ...chat, "gen_ai.provider.name": "somebody" })])), undefined);
  });

  it("are what the program says where it says it", async () => {
    const taken = await take([span(2, { ...chat, "gen_ai.usage.cost": 0.5 })]);
    assert.deepEqual([costOfFirst(taken), entries[0]!.cost, entries[0]!.priceVersion], [undefined, 5e8, "reported"]);
    await take([span(3, { ...chat, "slipway.cost_nano_dollars": 9e15 })]);
    assert.deepEqual([entries[1]!.cost, entries[1]!.priceVersion], [chatCost, priceTableVersion]);
  });

  it("are none of spans that have not ended, are no calls, or sum others up", async () => {
    const others = [span(1, chat, { end: null }), span(2, { ...chat, "gen_ai.operation.name": "invoke_agent" }), span(3, { ...chat, "gen_ai.operation.name": "execute_tool" }), span(4, { "gen_ai.request.model": "gpt-4o" }), span(5, { "gen_ai.usage.input_tokens": 5 })];
    assert.deepEqual((await take(others)).map(({ counts }) => counts), [true, true, true, true, true]);
    assert.deepEqual([entries, asked], [[], []]);
  });

  it("have the same entry when a span comes again, and another in another team", async () => {
    for (const more of [{}, {}, { team: "red" }]) await take([span(2, chat)], more);
    const [first, again, red] = entries.map(({ id }) => id);
    assert.deepEqual([first === again, first === red], [true, false]);
  });

  it("of LangSmith's runs and MLflow's spans too", async () => {
    const id = "018f0000-0000-7000-8000-00000000000a";
    await take([spanOfRun({
      id, trace_id: id, run_type: "llm", name: "ChatOpenAI", start_time: "2026-11-22T00:00:00", end_time: "2026-11-22T00:00:01", session_name: "app",
      extra: { metadata: { ls_provider: "openai", ls_model_name: "gpt-4o" } }, outputs: { generations: [[{ message: { kwargs: { usage_metadata: { input_tokens: 1000, output_tokens: 100 }, response_metadata: { id: "chatcmpl-ls" } } } }]] },
    })]);
    await take([span(3, { "mlflow.spanType": "\"CHAT_MODEL\"", "mlflow.llm.model": "\"gpt-4o\"", "mlflow.chat.tokenUsage": "{\"input_tokens\":1000,\"output_tokens\":100}", "mlflow.spanOutputs": "{\"id\":\"chatcmpl-ml\",\"choices\":[]}" })]);
    assert.deepEqual(entries.map(({ cost, attribution }) => [cost, attribution.project]), [[chatCost, "app"], [chatCost, "shop"]]);
    assert.deepEqual(asked, [["chatcmpl-ls"], ["chatcmpl-ml"]]);
  });

  it("of LangSmith's runs have cached tokens at their own rate, as LangChain and OpenAI's wrapper tell them", async () => {
    const id = "018f0000-0000-7000-8000-00000000000a";
    const call = (provider: string, model: string, usage: object, place: "usage_metadata" | "usage"): Span => spanOfRun({
      id, trace_id: id, run_type: "llm", name: "call", start_time: "2026-11-22T00:00:00", end_time: "2026-11-22T00:00:01", extra: { metadata: { ls_provider: provider, ls_model_name: model } }, outputs: { [place]: usage },
    });
    const cases = [
      call("openai", "gpt-4o", { input_tokens: 1000, output_tokens: 100, input_token_details: { cache_read: 600 }, output_token_details: { reasoning: 40 } }, "usage_metadata"),
      call("openai", "gpt-4o", { prompt_tokens: 1000, completion_tokens: 100, prompt_tokens_details: { cached_tokens: 600 }, completion_tokens_details: { reasoning_tokens: 40 } }, "usage"),
      call("anthropic", "claude-sonnet-4-6", { input_tokens: 1000, output_tokens: 0, input_token_details: { cache_read: 0, cache_creation: 0, ephemeral_5m_input_tokens: 800 } }, "usage_metadata"),
    ];
    for (const each of cases) await take([each]);
    assert.equal(cases[0]!.attributes["gen_ai.usage.reasoning.output_tokens"], 40);
    const cached = 400 * 2500 + 600 * 1250 + 100 * 10_000;
    assert.deepEqual(entries.map(({ cost }) => cost), [cached, cached, 200 * 3000 + 800 * 3750]);
  });
});

describe("calls that the gateway answered", () => {
  const { traceId } = span(1, {});
  const note = (more: { traceId?: string; team?: string; actor?: string; cost?: number | null; parentSpanId?: string | null; answerId?: string | null }): void =>
    served.note({ traceId, team: "blue", actor: of.sender, cost: 77, ...more }, { parentSpanId: null, answerId: null, ...more });

  it("are in the ledger already: the caller's span around the gateway's is counted no more", async () => {
    const outer = span(5, chat);
    note({ parentSpanId: outer.spanId });
    const [taken] = await take([outer]);
    assert.deepEqual([taken!.counts, taken!.span.attributes["slipway.cost_nano_dollars"], entries], [false, 77, []]);
  });

  it("also where the request of HTTP has a span between, whichever comes first", async () => {
    const outer = span(5, chat);
    const http = span(6, { "http.request.method": "POST" }, { parentSpanId: outer.spanId, name: "POST" });
    note({ parentSpanId: http.spanId });
    for (const spans of [[outer, http], [http, outer]]) assert.deepEqual((await take(spans)).map(({ span: { spanId }, counts }) => [spanId === outer.spanId, counts]), spans.map((each) => [each === outer, each !== outer]));
    assert.deepEqual(entries, []);
  });

  it("are known by the id of their answer in traces of their own, and shown there with what they cost", async () => {
    note({ traceId: "f".repeat(32), answerId: "chatcmpl-1" });
    const [byAttribute, byOutput, another] = await take([
      span(2, { ...chat, "gen_ai.response.id": "chatcmpl-1" }), exampleSpan(2, 3, { attributes: { ...chat, "mlflow.spanOutputs": "{\"id\":\"chatcmpl-1\"}" } }), span(4, { ...chat, "gen_ai.response.id": "chatcmpl-2" }),
    ]);
    assert.deepEqual([byAttribute, byOutput, another].map((each) => [each!.counts, each!.span.attributes["slipway.cost_nano_dollars"]]), [[true, 77], [true, 77], [true, chatCost]]);
    assert.equal(entries.length, 1);
    assert.deepEqual(asked, [["chatcmpl-2"]]);
  });

  it("within the same trace count once, of another team's trace of that id in each", async () => {
    note({ answerId: "chatcmpl-1" });
    const spans = [span(2, { ...chat, "gen_ai.response.id": "chatcmpl-1" })];
    assert.deepEqual([(await take(spans))[0]!.counts, (await take(spans, { team: "red" }))[0]!.counts, entries], [false, true, []]);
  });

  it("are told of by their team and by who called: the spans of others are calls of their own, and are not shown what was paid", async () => {
    const other = { team: "red", sender: "key:key_2" };
    const around = span(7, chat);
    const above = span(8, chat);
    note({ answerId: "chatcmpl-1" });
    note({ parentSpanId: around.spanId });
    answeredElsewhere.set("chatcmpl-2", { team: "blue", traceId: "e".repeat(32), actor: of.sender, cost: 600 });
    const spans = [span(2, { ...chat, "gen_ai.response.id": "chatcmpl-1" }), span(3, { ...chat, "gen_ai.response.id": "chatcmpl-2" }), around, { ...above, spanId: "a".repeat(16) }];
    for (const [who, made, costsOfEach] of [[other, 4, [chatCost, chatCost, chatCost, chatCost]], [{ ...other, team: "blue" }, 1, [77, 600, 77, chatCost]], [{ ...other, sender: of.sender }, 1, [77, 600, 77, chatCost]]] as const) {
      entries = [];
      const taken = await take(spans, who);
      assert.deepEqual([entries.length, taken.map((each) => each.span.attributes["slipway.cost_nano_dollars"])], [made, costsOfEach], JSON.stringify(who));
    }
    // What is around a call of others is not thought to sum it up.
    entries = [];
    const outside = span(9, chat);
    const within = span(10, {}, { parentSpanId: outside.spanId });
    note({ parentSpanId: within.spanId });
    await take([outside, within], other);
    assert.equal(entries.length, 1);
  });

  it("are known by the id that LangChain keeps with the message", async () => {
    note({ traceId: "f".repeat(32), answerId: "chatcmpl-1" });
    const message = { lc: 1, type: "constructor", kwargs: { content: "A", id: "lc_run--1", response_metadata: { id: "chatcmpl-1" } } };
    for (const [number, output] of [{ generations: [[{ text: "A", message }]], llm_output: null }, { generations: [[{ text: "A" }]], llm_output: { id: "chatcmpl-1" } }].entries()) {
      const [taken] = await take([exampleSpan(number + 1, 2, { attributes: { ...chat, "output.value": JSON.stringify(output) } })]);
      assert.deepEqual([taken!.counts, costOf(taken!.span.attributes), entries], [true, 77, []]);
    }
  });

  it("by another server cost what the gateway says there, whatever the caller's span makes of its tokens", async () => {
    answeredElsewhere.set("msg_1", { team: "blue", traceId: "e".repeat(32), cost: 600 });
    assert.deepEqual([costOfFirst(await take([span(2, { ...chat, "gen_ai.response.id": "msg_1" })])), entries], [600, []]);
  });

  it("have no cost where the gateway knows no price of them, whatever the span says or the table has: their trace has none", async () => {
    const [around, told] = [span(5, chat), span(6, { ...chat, "gen_ai.usage.cost": 0.5 })];
    const dialect = span(7, { "mlflow.spanType": "\"CHAT_MODEL\"", "mlflow.llm.model": "\"gpt-4o\"", "mlflow.chat.tokenUsage": "{\"input_tokens\":1000,\"output_tokens\":100}", "mlflow.llm.cost": "{\"total_cost\":0.5}" });
    for (const { spanId } of [around, told, dialect]) note({ parentSpanId: spanId, cost: null });
    answeredElsewhere.set("chatcmpl-9", { team: "blue", traceId });
    const taken = await take([around, told, dialect, span(8, { ...chat, "gen_ai.response.id": "chatcmpl-9" })]);
    assert.deepEqual(taken.map(({ span: { attributes } }) => costOf(attributes)), [null, null, null, null]);
    assert.deepEqual([taken.map(({ counts }) => counts), entries], [[false, false, false, false], []]);
    // It goes out as it came.
    const [, kept, ofDialect] = taken.map((each) => each.span);
    assert.deepEqual([kept!.original, kept!.translated, kept!.attributes["gen_ai.usage.input_tokens"]], [{ "gen_ai.usage.cost": 0.5 }, [], 1000]);
    assert.ok(ofDialect!.translated.every((key) => key in ofDialect!.attributes) && "mlflow.llm.cost" in ofDialect!.original);
  });

  it("by another server are found in their traces", async () => {
    answeredElsewhere.set("chatcmpl-1", { team: "blue", traceId: "e".repeat(32) });
    const taken = await take([span(2, { ...chat, "gen_ai.response.id": "chatcmpl-1" })]);
    assert.deepEqual([costOfFirst(taken), entries], [chatCost, []]);
  });
});
