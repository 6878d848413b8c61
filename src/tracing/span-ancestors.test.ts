import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "../../test/kit/fast-check.ts";
import { exampleSpan } from "./example-spans.fixture.ts";
import { SpanAncestors, type LateWhole, type SpanWhole } from "./span-ancestors.ts";
import type { Attributes } from "./span.ts";
import type { StoredSpan } from "./stored-span.ts";

const span = (number: number, above: number | null, attributes: Attributes = {}, trace = 1): StoredSpan =>
  ({ ...exampleSpan(trace, number, { attributes, parentSpanId: above === null ? null : exampleSpan(1, above).spanId, name: `span ${number}` }), original: {}, translated: [] });
const agent = (more: Attributes = {}): Attributes => ({ "gen_ai.operation.name": "invoke_agent", ...more });
const nothing: SpanWhole = { session: null, agentRun: null };

describe("what spans of calls are a part of", () => {
  it("is told by the nearest that tells it, session and run each by itself", () => {
    const spans = [span(1, null, { "session.id": "outer" }), span(2, 1, agent({ "gen_ai.agent.name": "writer" })), span(3, 2, { "gen_ai.conversation.id": "inner" }), span(4, 3), span(5, 4, agent({ "gen_ai.agent.id": "a-7" })), span(6, 5, { "session.id": "own" })];
    const ancestors = new SpanAncestors();
    assert.deepEqual(ancestors.note("blue", spans), []);
    const [, second, , , fifth] = spans;
    assert.deepEqual(spans.map((each) => Object.values(ancestors.wholeOf("blue", each, "e"))), [
      ["outer", null], ["outer", `writer/${second!.spanId}`], ["inner", `writer/${second!.spanId}`], ["inner", `writer/${second!.spanId}`], ["inner", `a-7/${fifth!.spanId}`], ["own", `a-7/${fifth!.spanId}`],
    ]);
    assert.deepEqual(ancestors.wholeOf("red", span(6, 5), "e"), nothing);
    assert.deepEqual(ancestors.wholeOf("blue", span(6, 5, {}, 2), "e"), nothing);
  });

  it("is a run as the program names it, else by the span's name where the agent has none; no other operation is one", () => {
    const ancestors = new SpanAncestors();
    const runs = [{ "slipway.agent_run": "run-1" }, agent({ "slipway.agent_run": "run-2", "gen_ai.agent.name": "x" }), agent(), { "gen_ai.operation.name": "create_agent", "gen_ai.agent.name": "x" }, agent({ "slipway.agent_run": "", "gen_ai.agent.name": 7 })].map((attributes, index) => span(index + 1, null, attributes));
    ancestors.note("blue", runs);
    assert.deepEqual(runs.map((each) => ancestors.wholeOf("blue", each, "e").agentRun), ["run-1", "run-2", `span 3/${runs[2]!.spanId}`, null, `span 5/${runs[4]!.spanId}`]);
  });

  it("is told of an entry once its parents have come, in whichever order, each time that more is known", () => {
    const ancestors = new SpanAncestors();
    const [root, middle, call] = [span(1, null, { "session.id": "s" }), span(2, 1, agent({ "slipway.agent_run": "r" })), span(3, 2)];
    ancestors.note("blue", [call!]);
    assert.deepEqual(ancestors.wholeOf("blue", call!, "e"), nothing);
    assert.deepEqual(ancestors.note("red", [middle!]), []);
    assert.deepEqual(ancestors.note("blue", [middle!]), [{ entry: "e", session: null, agentRun: "r" }]);
    assert.deepEqual(ancestors.note("blue", [root!]), [{ entry: "e", session: "s", agentRun: "r" }]);
    assert.deepEqual(ancestors.note("blue", [root!, middle!]), []);
  });

  it("comes to the same for all orders of the spans of a tree, by themselves or together", () => {
    const tree = fc.array(fc.record({ above: fc.nat(), session: fc.boolean(), run: fc.boolean() }), { minLength: 1, maxLength: 8 }).map((drawn) =>
      drawn.map(({ above, session, run }, index) => span(index + 1, index === 0 ? null : (above % index) + 1, { ...(session ? { "session.id": `s${index}` } : {}), ...(run ? { "slipway.agent_run": `r${index}` } : {}) })));
    const shuffled = tree.chain((spans) => fc.record({ spans: fc.constant(spans), order: fc.shuffledSubarray(spans, { minLength: spans.length }), together: fc.integer({ min: 1, max: 4 }) }));
    fc.assert(fc.property(shuffled, ({ spans, order, together }) => {
      const known = (parts: readonly (readonly StoredSpan[])[]): Map<string, SpanWhole> => {
        const ancestors = new SpanAncestors();
        const entries = new Map<string, SpanWhole>();
        const completed = ({ entry, ...whole }: LateWhole): void => {
          const before = entries.get(entry)!;
          entries.set(entry, { session: before.session ?? whole.session, agentRun: before.agentRun ?? whole.agentRun });
        };
        for (const part of parts) {
          ancestors.note("blue", part).forEach(completed);
          for (const each of part) entries.set(each.spanId, ancestors.wholeOf("blue", each, each.spanId));
        }
        return entries;
      };
      const parts = Array.from({ length: Math.ceil(order.length / together) }, (_, index) => order.slice(index * together, (index + 1) * together));
      assert.deepEqual(new Map([...known(parts)].sort()), new Map([...known([spans])].sort()));
    }));
  });

  it("is sought where other servers write to, by its turn, until it is found or about an hour is over", () => {
    const ancestors = new SpanAncestors({ severalServers: true });
    const [root, middle, call, lost] = [span(1, null, { "session.id": "s" }), span(2, 1, agent({ "slipway.agent_run": "r" })), span(3, 2), span(4, 9)];
    const nameOf = ({ traceId, spanId }: StoredSpan): object => ({ team: "blue", traceId, spanId });
    ancestors.note("blue", [call!, lost!]);
    for (const each of [call!, lost!]) ancestors.wholeOf("blue", each, each.spanId);
    const neverThere = nameOf(span(9, null));
    assert.deepEqual([ancestors.missing(0, 1), ancestors.missing(0, 9), ancestors.missing(0, 9)], [[nameOf(middle!)], [neverThere], []]);
    assert.deepEqual(ancestors.note("blue", [middle!]), [{ entry: call!.spanId, session: null, agentRun: "r" }]);
    // The next one above it, at once.
    assert.deepEqual(ancestors.missing(0, 9), [nameOf(root!)]);
    assert.deepEqual(ancestors.note("blue", [root!]), [{ entry: call!.spanId, session: "s", agentRun: "r" }]);
    const times: number[] = [];
    for (let now = 1; now < 10_000_000; now += 1000) if (ancestors.missing(now, 9).length > 0) times.push(now);
    assert.deepEqual(times, [2001, 6001, 14_001, 30_001, 62_001, 126_001, 254_001, 510_001, 1_022_001, 2_046_001]);
    assert.deepEqual(new SpanAncestors().missing(0, 9), []);
  });

  it("is not looked for without end: neither in circles, nor in spans that never come", () => {
    const ancestors = new SpanAncestors();
    const [one, other] = [span(1, 2), span(2, 1)];
    ancestors.note("blue", [one!, other!]);
    assert.deepEqual(ancestors.wholeOf("blue", one!, "e"), nothing);
    const children = Array.from({ length: 300 }, (_, index) => span(index + 10, 5));
    ancestors.note("blue", children);
    for (const child of children) ancestors.wholeOf("blue", child, child.spanId);
    assert.equal(ancestors.note("blue", [span(5, null, { "session.id": "s" })]).length, 256);
  });
});
