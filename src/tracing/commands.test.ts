import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ApiClient } from "../core/api-client.ts";
import { traceCommands } from "./commands.ts";
import type { SpanView, TraceMessage, TraceView } from "./schemas.ts";

const commandOf = (words: string) => traceCommands.find((command) => command.words.join(" ") === words)!;

/** What the command asks of the server. */
async function asked(words: string, positionals: string[], options: object = {}): Promise<unknown> {
  const api = {
    get: (path: string, query: object) => Promise.resolve({ path, query: Object.fromEntries(Object.entries(query).filter(([, value]) => value !== undefined)) }),
    send: (...sent: unknown[]) => Promise.resolve(sent),
  } as unknown as ApiClient;
  return JSON.parse(JSON.stringify(await commandOf(words).run({ api, progress: () => undefined, print: () => undefined }, { positionals, options: options as Record<string, string> })));
}
const refused = (message: RegExp) => (error: Error & { code?: string }) => error.code === "INVALID_REQUEST" && message.test(error.message);

describe("slipway traces", () => {
  it("asks for all that the server's search knows, in the server's units", async () => {
    const options = { errors: false, slower: "1m", minCost: "0.05", minTokens: "100", attribute: ["gen_ai.tool.name=search", "note=a=b"], route: "support", name: "chat", feedback: "correct", experiment: "3", team: "blue", session: "s", user: "u", service: "x", model: "m", order: "cost", limit: "5" };
    assert.deepEqual(await asked("traces", ["refund"], options), { path: "/api/traces", order: "cost", query: {
      text: "refund", errors: "false", slowerThanMs: 60_000, minCost: 50_000_000, minTokens: "100", attributes: JSON.stringify({ "slipway.route": "support", "gen_ai.tool.name": "search", note: "a=b" }),
      name: "chat", feedback: "correct", experiment: "3", team: "blue", session: "s", user: "u", service: "x", model: "m", order: "cost", limit: "5",
    } });
    assert.deepEqual(await asked("traces", [], { text: "sessions", errors: true }), { path: "/api/traces", query: { text: "sessions", errors: "true" } });
    assert.deepEqual(await asked("traces sessions", [], { user: "ann", limit: "20" }), { path: "/api/sessions", query: { user: "ann", limit: "20" } });
  });

  it("says what is no attribute, and what are no dollars", async () => {
    for (const attribute of ["search", "=x"]) await assert.rejects(asked("traces", [], { attribute: [attribute] }), refused(/is no attribute: write KEY=VALUE/));
    for (const minCost of ["5ct", "-1", "", "1e3"]) await assert.rejects(asked("traces", [], { minCost }), refused(/^--min-cost takes US dollars/), minCost);
  });
});

describe("slipway traces feedback", () => {
  const said = async (value: string, options: object = {}): Promise<Record<string, unknown>> => ((await asked("traces feedback", ["t1", "correct", value], { source: "human", ...options })) as [string, string, Record<string, unknown>])[2];

  it("takes a value for what it looks like, and for a text where that is asked for", async () => {
    assert.deepEqual(await Promise.all(["true", "false", "0.5", "-3", "good", "", " ", "Infinity"].map(async (value) => (await said(value)).value)), [true, false, 0.5, -3, "good", "", " ", "Infinity"]);
    assert.equal((await said("7", { asText: true })).value, "7");
  });

  it("says of what, by whom and why, and what should have come out", async () => {
    assert.deepEqual(await asked("traces feedback", ["t1", "answer", "On Tuesday"], { source: "llm", from: "judge", span: "a1", comment: "late", expected: true, id: "fb_1", team: "a b" }), [
      "POST", "/api/traces/t1/feedback", { name: "answer", value: "On Tuesday", kind: "expectation", source: "llm", spanId: "a1", comment: "late", sourceId: "judge", id: "fb_1" }, { team: "a b" },
    ]);
    await assert.rejects(said("1", { source: "robot" }), refused(/^--source is human, code or llm/));
  });
});

describe("slipway traces to-dataset", () => {
  it("says where the row is, and that nothing was added where the trace is there already", async () => {
    assert.deepEqual(await asked("traces to-dataset", ["t1", "golden"], {}), ["POST", "/api/traces/t1/dataset-row", { dataset: "golden" }, {}]);
    assert.deepEqual(await asked("traces to-dataset", ["t1", "golden"], { again: true, team: "blue" }), ["POST", "/api/traces/t1/dataset-row", { dataset: "golden", again: true }, { team: "blue" }]);
    const { render } = commandOf("traces to-dataset");
    assert.equal(render({ dataset: "golden", version: 2, rows: 1, added: true }), "A row of golden, version 2, which has 1 row.");
    assert.match(render({ dataset: "golden", version: 2, rows: 1, added: false }), /^golden has the trace already: nothing was added to version 2\. .*--again$/);
  });
});

describe("slipway traces show", () => {
  const says = (role: string, content: string, finishReason: string | null = null): TraceMessage => ({ role, parts: [{ type: "text", content }], finishReason });
  const span = (name: string, more: Partial<SpanView> = {}): SpanView => ({
    spanId: `id-of-${name}`, parentSpanId: null, name, kind: "internal", operation: null, start: 0, offsetMs: 0, durationMs: 1500, status: { code: "ok", message: "" }, provider: null, model: null, inputTokens: null, outputTokens: null, cost: null,
    inputMessages: null, outputMessages: null, input: null, output: null, attributes: {}, original: {}, events: [], links: [], resource: {}, scope: { name: "", version: "" }, ...more,
  });
  const view = (spans: SpanView[], feedback: unknown[] = []): TraceView => ({
    trace: { name: "agent", status: "ok", durationMs: 12, inputTokens: 5, outputTokens: 7, cost: 2_000_000, session: "s1", user: "ann" }, spans, feedback, moreSpans: false,
  }) as unknown as TraceView;
  const { render } = commandOf("traces show");

  it("has what was asked and answered, each message once, with tokens and cost of each span", () => {
    const called: TraceMessage = { role: "assistant", parts: [{ type: "reasoning", content: "hm" }, { type: "tool_call", id: "c1", name: "lookup", arguments: { order: 7 } }], finishReason: "tool_calls" };
    const answered: TraceMessage = { role: "tool", parts: [{ type: "tool_call_response", id: "c1", response: "sent" }, { type: "uri", modality: "image", uri: "data:image/png;base64,AAAA" }], finishReason: null };
    const text = render(view([
      span("agent", { input: "{\"order\":7}", output: "line 1\nline 2" }),
      span("first", { parentSpanId: "id-of-agent", model: "m", inputTokens: 3, outputTokens: 4, cost: 1_000_000, inputMessages: [says("system", "Be brief."), says("user", "Where?")], outputMessages: [called] }),
      span("second", { parentSpanId: "id-of-agent", inputMessages: [says("system", "Be brief."), says("user", "Where?"), { ...called, finishReason: null }, answered], outputMessages: [says("assistant", "On its way.", "length")] }),
    ]));
    assert.match(text, /^agent: ok, 12\.0 ms, 5\+7 tokens, \$0\.002, session s1, user ann$/m);
    assert.match(text, /^ {2}first +id-of-first +\+0\.0 ms +1\.50 s +m +3\+4 +\$0\.001 +ok$/m);
    const [, , agent, first, second] = text.split("\n\n");
    assert.equal(agent, "agent (id-of-agent)\n  in: {\"order\":7}\n  out:\n    line 1\n    line 2");
    assert.equal(first, "first (id-of-first)\n  system: Be brief.\n  user: Where?\n  assistant thinks (tool_calls): hm\n  assistant calls lookup (tool_calls): {\"order\":7}");
    assert.equal(second, "second (id-of-second)\n  after 3 messages of above\n  tool answers: sent\n  tool image: data:image/png;base64\n  assistant (length): On its way.");
  });

  it("cuts long texts, but where the whole is asked for, and leaves messages out", () => {
    const long = view([span("call", { inputMessages: [says("user", "x".repeat(2500))] })]);
    assert.match(render(long), /^ {4}x{2000}…\n {4}\(500 more characters: --whole\)$/m);
    assert.match(render(long, { whole: true }), /^ {4}x{2500}$/m);
    assert.doesNotMatch(render(long, { messages: false }), /xxx/);
  });

  it("has feedback with what it is of, by whom, and the id to say it anew", () => {
    const given = { id: "fb_1", name: "correct", kind: "feedback", value: false, spanId: "id-of-call", source: "llm", sourceId: "judge", comment: "late" };
    const text = render(view([span("call")], [given, { ...given, id: "fb_2", name: "answer", kind: "expectation", value: "x", spanId: null }]));
    assert.match(text, /^correct +false +call +llm judge +late +fb_1$/m);
    assert.match(text, /^answer \(expected\) +"x" +the trace +llm judge +late +fb_2$/m);
  });
});
