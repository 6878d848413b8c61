import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";
import { PriceBook, type LedgerEntry } from "../ledger/index.ts";
import { translate } from "./dialects/translate.ts";
import { exampleSpan } from "./example-spans.fixture.ts";
import { ServedCalls } from "./served-calls.ts";
import { costOf } from "./span-facts.ts";
import { SpanCosts, type CostedSpan } from "./span-costs.ts";
import type { Attributes, Span } from "./span.ts";

const of = { team: "blue", sender: "key:key_1" };
/** 1000 tokens in and 100 out of gpt-4o. */
const chat: Attributes = { "gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-4o", "gen_ai.usage.input_tokens": 1000, "gen_ai.usage.output_tokens": 100 };
const chatCost = 1000 * 2500 + 100 * 10_000;

let entries: LedgerEntry[];
let served: ServedCalls;
let costs: SpanCosts;
const renew = (): void => {
  entries = [];
  served = new ServedCalls();
  costs = new SpanCosts({ prices: new PriceBook(), served, record: (entry) => (entries.push(entry), Promise.resolve()), complete: () => undefined, answered: () => Promise.resolve(new Map()) });
};
beforeEach(renew);

const take = (spans: readonly Span[], more: object = {}): Promise<readonly CostedSpan[]> => costs.take({ ...of, ...more }, spans.map(translate));
const span = (number: number, attributes: Attributes, more: Partial<Span> = {}): Span => exampleSpan(1, number, { attributes, ...more });

describe("calls of the gateway that nothing names", () => {
  it("are known by their model, tokens and time, each for one span", async () => {
    const started = exampleSpan(1, 2).start;
    const start = Number(started / 1_000_000n);
    const figures = { route: "support", target: { provider: "first", model: "gpt-4o" }, inputTokens: 1000, outputTokens: 100, start: start + 10, end: start + 900 };
    const call = (more: object = {}): Span => exampleSpan(2, 2, { attributes: { ...chat, ...more }, start: started, end: started + 1_000_000_000n });
    const { traceId } = span(1, {});
    const answer = (parentSpanId: string | null = null): void => {
      renew();
      served.note({ traceId, team: "blue", actor: of.sender, cost: 77 }, { parentSpanId, answerId: "chatcmpl-1" }, figures);
    };
    const made = async (given: Span, more: object = {}): Promise<number> => {
      answer();
      await take([given], more);
      return entries.length;
    };
    for (const model of ["support", "openai/support", "gpt-4o", "first/gpt-4o", "gpt-4o-2024-08-06"]) assert.equal(await made(call({ "gen_ai.request.model": model })), 0, model);
    assert.equal(await made(call(), { team: "red" }), 0, "the same sender");
    assert.equal(await made(call({ "gen_ai.operation.name": "embeddings", "gen_ai.response.id": "of the program" })), 0, "embeddings have no id");
    const others: [string, Span, object?][] = [
      ["model", call({ "gen_ai.request.model": "gpt-5" })], ["tokens", call({ "gen_ai.usage.output_tokens": 101 })], ["answer", call({ "gen_ai.response.id": "chatcmpl-2" })],
      ["before", { ...call(), end: started + 500_000_000n }], ["after", { ...call(), start: started + 500_000_000n }], ["sender", call(), { team: "red", sender: "key:key_2" }],
    ];
    for (const [what, given, more] of others) assert.equal(await made(given, more), 1, what);
    // Clocks of two machines are not quite the same; what has the provider's own name for the model may have gone there.
    const [late, slightly] = [{ ...call(), start: started + 100_000_000n }, { ...call(), start: started + 25_000_000n }];
    const asked = { ...late, attributes: { ...late.attributes, "gen_ai.request.model": "support" } };
    assert.deepEqual([await made(late), await made(slightly), await made(asked)], [1, 0, 0]);
    // A call is known by its name first.
    answer();
    await take([exampleSpan(3, 2, { attributes: { ...chat, "gen_ai.response.id": "chatcmpl-1" } }), call()]);
    assert.equal(entries.length, 1, "named");
    // One call is told of once: a second one like it went elsewhere.
    answer();
    const [taken] = await take([call()]);
    assert.deepEqual([taken!.counts, costOf(taken!.span.attributes)], [true, 77]);
    await take([call()]);
    assert.equal(entries.length, 0, "comes again");
    await take([{ ...call(), spanId: "b".repeat(16) }]);
    assert.equal(entries.length, 1, "another");
    // A program that hands its trace on tells of the call there.
    answer("c".repeat(16));
    await take([call()]);
    assert.equal(entries.length, 1, "of another trace");
    answer("c".repeat(16));
    assert.deepEqual([(await take([{ ...call(), traceId }]))[0]!.counts, entries.length], [false, 0]);
  });
});

describe("programs that are traced twice", () => {
  it("tell of each call twice: the inner one counts", async () => {
    const outer = span(2, chat);
    const inner = span(3, chat, { parentSpanId: outer.spanId });
    const beside = span(4, chat);
    assert.deepEqual((await take([outer, inner, beside])).map(({ counts }) => counts), [false, true, true]);
    assert.equal(entries.length, 2);
  });

  it("tell so also where the outer one is sent later", async () => {
    const outer = span(2, chat);
    const step = span(3, {}, { parentSpanId: outer.spanId });
    const inner = span(4, chat, { parentSpanId: step.spanId });
    const counts: boolean[] = [];
    for (const each of [inner, step, outer]) counts.push((await take([each]))[0]!.counts);
    assert.deepEqual([counts, entries.length], [[true, true, false], 1]);
  });

  it("by two libraries tell of a call beside each other: it counts once in its trace, and once in the ledger whatever their traces", async () => {
    const [one, other] = [span(2, { ...chat, "gen_ai.response.id": "msg_1" }), span(3, { ...chat, "gen_ai.response.id": "msg_1" })];
    assert.deepEqual((await take([one, other])).map(({ counts }) => counts), [true, false]);
    const elsewhere = { ...other, traceId: "e".repeat(32) };
    const [counts, again, inTrace] = [(await take([other]))[0]!.counts, (await take([one]))[0]!, (await take([elsewhere]))[0]!];
    assert.deepEqual([counts, again.counts, inTrace.counts, costOf(inTrace.span.attributes)], [false, true, true, chatCost]);
    assert.deepEqual([...new Set(entries.map(({ id }) => id))], [again.span.attributes["slipway.ledger_entry"]]);
    // Of a server that has one id for all its answers.
    entries = [];
    const later = span(4, one.attributes, { start: one.end! + 1_000_000_000n, end: one.end! + 2_000_000_000n });
    assert.deepEqual([(await take([later]))[0]!.counts, entries.length], [true, 1]);
    entries = [];
    assert.deepEqual([(await take([one], { team: "red" }))[0]!.counts, entries.length], [true, 1]);
  });

  it("by two libraries, of which one knows no answer's id, tell the same of it at the same time; calls that one library tells of are several", async () => {
    const [told, untold] = [span(2, { ...chat, "gen_ai.response.id": "msg_1" }, { scope: { name: "anthropic", version: "" } }), span(3, chat, { scope: { name: "langchain", version: "" } })];
    assert.deepEqual((await take([told, untold])).map(({ counts }) => counts), [true, false]);
    const others = [{ ...untold, spanId: "a".repeat(16), scope: told.scope }, { ...untold, spanId: "b".repeat(16), traceId: "e".repeat(32) }, { ...untold, spanId: "c".repeat(16), attributes: { ...chat, "gen_ai.request.model": "gpt-4o-mini" } }];
    assert.deepEqual((await take(others)).map(({ counts }) => counts), [true, true, true]);
    assert.equal(entries.length, 4);
  });

  it("do not hang on spans that are their own parents", async () => {
    const one = span(2, chat);
    const other = span(3, chat, { parentSpanId: one.spanId });
    await take([{ ...one, parentSpanId: other.spanId }, other]);
    assert.equal(entries.length, 0);
  });
});
