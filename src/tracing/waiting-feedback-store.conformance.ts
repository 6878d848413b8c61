import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { epochMs } from "../core/clock.ts";
import { AppError } from "../core/errors.ts";
import { mostFeedback } from "./bounded-facts.ts";
import { exampleFeedback, exampleRecord, keyOf, now } from "./example-spans.fixture.ts";
import type { TraceStore } from "./trace-store.ts";
import type { WaitingDraft, WaitingFeedbackStore } from "./waiting-feedback-store.ts";

const failsWith = (code: string) => (error: unknown) => error instanceof AppError && error.code === code;
const ids = (drafts: readonly WaitingDraft[]): string[] => drafts.map(({ id }) => id);

function draftOf(id: string): WaitingDraft["draft"] {
  const { traceId: _, createdAt: _created, updatedAt: _updated, ...draft } = exampleFeedback(id, { metadata: { "nul \0": "half \ud800" } });
  return draft;
}

/** What every WaitingFeedbackStore promises. `openBoth` gives an empty one, with the store of the traces. */
export function waitingFeedbackStoreConformance(adapter: string, openBoth: () => Promise<{ store: TraceStore; waiting: WaitingFeedbackStore }>): void {
  describe(`WaitingFeedbackStore: ${adapter}`, () => {
    const keep = (waiting: WaitingFeedbackStore, id: string, trace: number, team = keyOf(trace).team, at = now): Promise<void> => waiting.keep({ id, key: { ...keyOf(trace), team }, draft: draftOf(`of ${id}`) }, at);
    const write = (waiting: WaitingFeedbackStore, id: string, trace: number, more: object = {}): Promise<void> => waiting.write({ id, key: keyOf(trace) }, exampleFeedback(`of ${id}`, more));

    it("gives back what waits for a trace, as it was given and in order, and says when the trace is there", async () => {
      const { store, waiting } = await openBoth();
      for (const [id, trace] of [["w3", 1], ["w1", 1], ["w2", 2]] as const) await keep(waiting, id, trace);
      await keep(waiting, "w4", 1, "blue");
      assert.deepEqual([ids(await waiting.of(keyOf(1))), ids(await waiting.of(keyOf(3))), await waiting.arrived(9)], [["w1", "w3"], [], []]);
      assert.deepEqual((await waiting.of(keyOf(2)))[0], { id: "w2", key: keyOf(2), draft: JSON.parse(JSON.stringify(draftOf("of w2"))) as unknown });
      await store.write([exampleRecord(1, 1)], now);
      assert.deepEqual([ids(await waiting.arrived(9)), ids(await waiting.arrived(1))], [["w1", "w3"], ["w1"]]);
    });

    it("adds it to its trace once, however many try, and lets it go", async () => {
      const { store, waiting } = await openBoth();
      await keep(waiting, "w1", 1);
      await keep(waiting, "w2", 1);
      await assert.rejects(write(waiting, "w1", 1), failsWith("TRACE_NOT_FOUND"));
      await store.write([exampleRecord(1, 1)], now);
      await Promise.all([1, 2, 3, 4].map(() => write(waiting, "w1", 1)));
      await write(waiting, "w1", 1);
      assert.deepEqual([(await store.feedback(keyOf(1))).map(({ id, revision }) => [id, revision]), ids(await waiting.of(keyOf(1)))], [[["of w1", 1]], ["w2"]]);
      await waiting.forget("w2");
      await write(waiting, "w2", 1);
      assert.deepEqual([(await store.feedback(keyOf(1))).length, await waiting.of(keyOf(1))], [1, []]);
    });

    it("keeps it where its trace has no room, and takes none that no trace has room for", async () => {
      const { store, waiting } = await openBoth();
      await store.write([exampleRecord(1, 1)], now);
      await keep(waiting, "w1", 1);
      const long = "x".repeat(mostFeedback.bytes);
      await assert.rejects(write(waiting, "w1", 1, { comment: long }), failsWith("INVALID_PARAMETER"));
      assert.deepEqual(ids(await waiting.of(keyOf(1))), ["w1"]);
      await assert.rejects(waiting.keep({ id: "w2", key: keyOf(1), draft: { ...draftOf("of w2"), comment: long } }, now), failsWith("INVALID_PARAMETER"));
    });

    it("passes over a trace that is being removed", async () => {
      const { store, waiting } = await openBoth();
      await store.write([exampleRecord(1, 1)], now);
      await keep(waiting, "w1", 1);
      await store.remove([keyOf(1)], now);
      assert.deepEqual([await waiting.arrived(9), ids(await waiting.of(keyOf(1)))], [[], ["w1"]]);
    });

    it("lets go what came before a time, and the oldest of too many", async () => {
      const { waiting } = await openBoth();
      for (const [index, id] of ["w1", "w2", "w3", "w4"].entries()) await keep(waiting, id, 1, undefined, epochMs(now + index));
      await waiting.prune(epochMs(now + 1), 9);
      assert.deepEqual(ids(await waiting.of(keyOf(1))), ["w2", "w3", "w4"]);
      await waiting.prune(epochMs(now + 1), 1);
      assert.deepEqual(ids(await waiting.of(keyOf(1))), ["w4"]);
    });
  });
}
