import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "../../../test/kit/fast-check.ts";
import type { Feedback } from "../schemas.ts";
import { changedFeedback, feedbackOf, wireFeedback } from "./feedback.ts";

const id = "018f0000-0000-7000-8000-00000000000a";
const run = "018f0000-0000-7000-8000-00000000000b";

/** As the store would keep it. */
function kept({ traceId, draft }: { traceId: string; draft: ReturnType<typeof changedFeedback> }): Feedback {
  return { ...draft, id, traceId, revision: 1, createdAt: 1_700_000_000_000, updatedAt: 1_700_000_001_000 };
}

const given = (more: object): Feedback => kept(feedbackOf({ id, run_id: run, key: "correct", feedback_source: { type: "api", metadata: { from: "a test" } }, ...more }, "key:1"));
const changed = (before: Feedback, change: object): Feedback => kept({ traceId: before.traceId, draft: changedFeedback(before, { ...change }, "key:2") });
const opinionOf = (feedback: Feedback): unknown[] => {
  const { score, value, comment, correction } = wireFeedback(feedback)!;
  return [score, value, comment, correction];
};

describe("feedback of LangSmith's clients", () => {
  const score = fc.option(fc.oneof(fc.boolean(), fc.integer({ min: -9, max: 9 })));
  const value = fc.option(fc.oneof(fc.constantFrom("yes", "5", "{", "[no JSON"), fc.string().map((label) => ({ label }))));
  const comment = fc.option(fc.constantFrom("why", "so"));
  const correction = fc.option(fc.string().map((better) => ({ better })));
  const opinion = fc.record({ score, value, comment, correction });

  it("is read as it was given, and after a change as it was changed", () => {
    fc.assert(fc.property(opinion, fc.record({ score, value, comment, correction }, { requiredKeys: [] }), (first, change) => {
      const before = given(first);
      assert.deepEqual(opinionOf(before), [first.score, first.value, first.comment, first.correction]);
      const now = { ...first, ...change };
      const after = changed(before, change);
      assert.deepEqual(opinionOf(after), [now.score, now.value, now.comment, now.correction]);
      assert.deepEqual([after.actor, after.name, after.source, after.metadata.from], ["key:2", "correct", "code", "a test"]);
    }));
  });

  it("names run, trace, times and source as clients read them, and is not shown with another id than a UUID", () => {
    const { score: _score, ...told } = wireFeedback(given({ score: 1 }))!;
    assert.deepEqual(told, {
      id, run_id: run, trace_id: run, key: "correct", session_id: null, value: null, comment: null, correction: null, created_at: "2023-11-14T22:13:20.000Z", modified_at: "2023-11-14T22:13:21.000Z",
      feedback_source: { type: "api", metadata: { from: "a test" } },
    });
    const trace = "018f0000-0000-7000-8000-0000000000ff";
    const ofSpan = given({ trace_id: trace, score: 1 });
    assert.deepEqual([ofSpan.spanId, ofSpan.traceId, wireFeedback(ofSpan)!.run_id, wireFeedback(ofSpan)!.trace_id, wireFeedback(changed(ofSpan, { score: 2 }))!.run_id], ["800000000000000b", trace.replaceAll("-", ""), run, trace, run]);
    // What others gave on a span does not say which run it was.
    assert.equal(wireFeedback({ ...ofSpan, metadata: {} })!.run_id, null);
    assert.equal(wireFeedback({ ...ofSpan, id: "fb_01" }), null);
  });
});
