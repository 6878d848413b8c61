import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "../../../test/kit/fast-check.ts";
import { translate } from "../dialects/translate.ts";
import { began, exampleFeedback, exampleSpan, second } from "../example-spans.fixture.ts";
import type { Span } from "../span.ts";
import type { StoredTrace } from "../trace-store.ts";
import { RunsOfTrace } from "./run-facts.ts";
import { wireRun } from "./wire-run.ts";

const summary = { traceId: exampleSpan(1, 1).traceId, team: "default", name: "root 1", service: "shop", session: "s1", inputTokens: 5, outputTokens: null, cost: 250_000_000, feedback: 0, spans: 3 };
const runsOf = (...spans: Span[]): RunsOfTrace => new RunsOfTrace({ summary, metadata: {} } as unknown as StoredTrace, spans.map((span) => translate(span)));
const span = (number: number, parent: number | null, more: Partial<Span> = {}): Span => exampleSpan(1, number, { parentSpanId: parent === null ? null : parent.toString(16).padStart(16, "0"), ...more });
const uuid = (own: number): string => `00000000-0000-0000-0000-${own.toString(16).padStart(12, "0")}`;

describe("spans as LangSmith's runs", () => {
  it("are told with times to the microsecond, their place, what they used, and what was thought of them", () => {
    const runs = runsOf(span(1, null, { end: began + 61n * second + 1000n }), span(2, 1, { end: null, status: { code: "error", message: "" }, events: [{ name: "exception", time: began, attributes: { "exception.type": "E", count: 3n } }], attributes: { "gen_ai.operation.name": "execute_tool", "gen_ai.usage.input_tokens": 7, team_size: 4, "langsmith.tags": ["a"] } }));
    const [root, tool] = runs.spans.map((each) => wireRun(runs, { span: each, project: "p", feedback: [{ ...exampleFeedback("1", { value: 1 }), revision: 1 }, { ...exampleFeedback("2", { value: false }), revision: 1 }, { ...exampleFeedback("3", { value: "x", spanId: each.spanId }), revision: 1 }, { ...exampleFeedback("4", { kind: "expectation" }), revision: 1 }] }));
    assert.deepEqual([root!.id, root!.trace_id, root!.parent_run_id, root!.start_time, root!.end_time, root!.status, root!.total_tokens, root!.total_cost, root!.thread_id, root!.dotted_order], [uuid(1), uuid(1), null, "2023-11-14T22:14:20.000001Z", "2023-11-14T22:14:21.000001Z", "success", 5, 0.25, "s1", `20231114T221420000001Z${uuid(1)}`]);
    assert.deepEqual([tool!.id, tool!.parent_run_id, tool!.parent_run_ids, tool!.run_type, tool!.status, tool!.error, tool!.end_time, tool!.prompt_tokens, tool!.total_cost, tool!.tags], [uuid(2), uuid(1), [uuid(1)], "tool", "error", "error", null, 7, null, ["a"]]);
    assert.deepEqual([tool!.dotted_order, tool!.extra, tool!.events], [`${String(root!.dotted_order)}.20231114T221420000002Z${uuid(2)}`, { metadata: { team_size: 4 } }, [{ "exception.type": "E", count: "3", name: "exception", time: "2023-11-14T22:13:20.000000Z" }]]);
    assert.deepEqual([root!.feedback_stats, tool!.feedback_stats], [{ good: { n: 3, avg: 0.5, values: { x: 1 } } }, { good: { n: 1, avg: null, values: { x: 1 } } }]);
  });

  it("have types, times, threads, tags and metadata, whichever program they came from", () => {
    const ofLangsmith = { "langsmith.run_type": "retriever", "langsmith.metadata.topic": "sums", "gen_ai.provider.name": "openai", "langsmith.tags": ["a", "b"], "gen_ai.operation.name": "chat" };
    const ofOthers = { "gen_ai.operation.name": "retrieval", "gen_ai.provider.name": "openai", "gen_ai.request.model": "small", "gen_ai.conversation.id": "c1", team_size: 4, "langsmith.span.tags": "a, b", "input.value": "x", "gen_ai.usage.output_tokens": 3 };
    const runs = runsOf(span(1, null), span(2, 1, { attributes: ofLangsmith, end: null }), span(3, 1, { attributes: ofOthers, start: began, end: began + 1_500_000_000n }));
    const [root, theirs, others] = runs.spans.map((each) => runs.factsOf(each));
    assert.deepEqual([root!.run_type, root!.status, root!.thread_id, root!.latency], ["chain", "success", "s1", 0.999_999]);
    assert.deepEqual([theirs!.run_type, theirs!.status, theirs!.thread_id, theirs!.latency, theirs!.tags, theirs!.metadata], ["retriever", "pending", null, null, ["a", "b"], { topic: "sums" }]);
    assert.deepEqual([others!.run_type, others!.status, others!.thread_id, others!.latency, others!.tags, others!.total_tokens], ["retriever", "success", "c1", 1.5, ["a", "b"], 3]);
    assert.deepEqual([others!.metadata.ls_provider, others!.metadata.ls_model_name, others!.metadata.team_size, Object.hasOwn(others!.metadata, "input.value")], ["openai", "small", 4, false]);
  });

  it("have messages in OpenAI's form, objects as they came, and everything else under a name", () => {
    const bodies = (attributes: Span["attributes"]): unknown[] => {
      const runs = runsOf(span(1, null, { attributes }));
      const { inputs, outputs } = wireRun(runs, { span: runs.root!, project: null, feedback: [] });
      return [inputs, outputs];
    };
    assert.deepEqual(bodies({}), [{}, null]);
    assert.deepEqual(bodies({ "input.value": '{"a":[1]}', "output.value": "[1]" }), [{ a: [1] }, { output: [1] }]);
    assert.deepEqual(bodies({ "input.value": "plain {", "output.value": "null" }), [{ input: "plain {" }, { output: null }]);
    const call = { type: "tool_call", id: "c1", name: "look", arguments: { word: "x" } };
    assert.deepEqual(bodies({
      "gen_ai.input.messages": JSON.stringify([{ role: "user", parts: [{ type: "text", content: "a" }, { type: "text", content: "b" }] }, { role: "tool", parts: [{ type: "tool_call_response", id: "c1", response: { found: 1 } }, { type: "tool_call_response", id: "c2", response: "none" }] }]),
      "gen_ai.output.messages": JSON.stringify([{ role: "assistant", parts: [call], finish_reason: "tool_calls" }]),
    }), [
      { messages: [{ role: "user", content: "ab" }, { role: "tool", tool_call_id: "c1", content: '{"found":1}' }, { role: "tool", tool_call_id: "c2", content: "none" }] },
      { choices: [{ index: 0, message: { role: "assistant", content: null, tool_calls: [{ id: "c1", type: "function", function: { name: "look", arguments: '{"word":"x"}' } }] }, finish_reason: "tool_calls" }] },
    ]);
  });

  it("hang in one tree below the root, whatever their parents, and no chain is told without end", () => {
    fc.assert(fc.property(fc.array(fc.option(fc.integer({ min: 1, max: 12 })), { minLength: 1, maxLength: 10 }), (parents) => {
      const runs = runsOf(...parents.map((parent, index) => span(index + 1, parent, { traceId: "0af7651916cd43dd8448eb211c80319c" })));
      const facts = runs.spans.map((each) => runs.factsOf(each));
      const ids = new Set(facts.map(({ id }) => id));
      assert.equal(ids.size, parents.length);
      assert.deepEqual(facts.filter(({ is_root: isRoot }) => isRoot).map(({ parent_run_id: parent }) => parent), [null]);
      for (const { is_root: isRoot, parent_run_id: parent, id } of facts) if (!isRoot) assert.ok(ids.has(parent!) && parent !== id);
      for (const each of runs.spans) assert.ok(runs.parentsOf(each).length < 11 && (each === runs.root || runs.parentsOf(each)[0] === runs.root));
    }));
    const deep = runsOf(...Array.from({ length: 3000 }, (_, index) => span(index + 1, index === 0 ? null : index)));
    assert.equal(deep.parentsOf(deep.spans.at(-1)!).length, 101);
  });
});
