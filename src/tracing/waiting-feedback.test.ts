import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import { TemporaryDatabases } from "../adapters/sql/dialects/sqlite/temporary-databases.fixture.ts";
import { SqlTraceStore } from "../adapters/sql/tracing/sql-trace-store.ts";
import { SqlWaitingFeedbackStore } from "../adapters/sql/tracing/sql-waiting-feedback-store.ts";
import { epochMs, ManualClock } from "../core/clock.ts";
import { TimeOrderedIds } from "../core/ids.ts";
import { mostFeedback } from "./bounded-facts.ts";
import { exampleFeedback, exampleRecord, keyOf, now } from "./example-spans.fixture.ts";
import { WaitingFeedback } from "./waiting-feedback.ts";
import type { FeedbackDraft, WaitingFeedbackStore } from "./waiting-feedback-store.ts";

const dayMs = 86_400_000;
const said = (name: string, more: Partial<FeedbackDraft> = {}): FeedbackDraft => ({ spanId: null, name, kind: "feedback", value: 1, source: "code", sourceId: "langsmith", comment: "", metadata: {}, actor: "local", ...more });

describe("feedback whose trace is not there yet", () => {
  const databases = new TemporaryDatabases();
  afterEach(() => databases.remove());

  async function open() {
    const database = await databases.open();
    const store = new SqlTraceStore(database);
    const kept = new SqlWaitingFeedbackStore(database);
    const ids = new TimeOrderedIds(new ManualClock());
    /** What the next call of one of these does instead. */
    const instead: { [name in keyof WaitingFeedbackStore]?: () => Promise<never> } = {};
    /** As if something else came in between. */
    const between: { then: (() => Promise<void>) | null } = { then: null };
    const faulty = new Proxy(kept, {
      get: (target, name: keyof WaitingFeedbackStore) => (...given: never[]) => {
        const other = instead[name];
        delete instead[name];
        return other?.() ?? (target[name] as (...of: never[]) => Promise<unknown>).apply(target, given);
      },
    });
    const serverOf = () => new WaitingFeedback({
      store: faulty, ids,
      write: async (key, { id, ...draft }, at) => {
        try {
          await store.addFeedback(key, { ...draft, traceId: key.traceId, id: id ?? ids.next("feedback"), createdAt: at, updatedAt: at });
        } finally {
          await between.then?.();
        }
      },
    });
    const arrive = (trace: number, team = "default"): Promise<void> => store.write([{ ...exampleRecord(trace, 1), team }], now);
    const written = async (trace: number, team = "default"): Promise<string[]> => (await store.feedback({ ...keyOf(trace), team })).map(({ name, revision }) => `${name} ${revision}`);
    return { store, kept, waiting: serverOf(), serverOf, instead, between, arrive, written };
  }

  it("is written when the trace has come, in its order and for its team alone, and at once where it is there", async () => {
    const { waiting, arrive, written } = await open();
    for (const name of ["first", "second"]) await waiting.add(keyOf(1), said(name), now);
    await waiting.add({ ...keyOf(1), team: "blue" }, said("theirs"), now);
    await arrive(2);
    await waiting.arrived(keyOf(2), now);
    assert.deepEqual([await written(1), waiting.size], [[], 2]);
    await arrive(1);
    await waiting.arrived(keyOf(1), epochMs(now + 5));
    await waiting.add(keyOf(1), said("third"), now);
    assert.deepEqual([await written(1), await written(1, "blue"), waiting.size], [["first 1", "second 1", "third 1"], [], 1]);
  });

  it("is written also where the trace comes while it is looked for", async () => {
    const { waiting, arrive, written, between } = await open();
    between.then = () => arrive(1);
    await waiting.add(keyOf(1), said("early"), now);
    assert.deepEqual(await written(1), ["early 1"]);
  });

  it("has the revisions that were said of one id, and the time at which it was written, for those who follow feedback", async () => {
    const { waiting, arrive, store } = await open();
    for (const value of [1, 2]) await waiting.add(keyOf(1), said("same", { id: "f1", value }), now);
    await arrive(1);
    await waiting.arrived(keyOf(1), epochMs(now + 7));
    assert.deepEqual((await store.feedback(keyOf(1))).map(({ id, revision, value, updatedAt }) => [id, revision, value, updatedAt]), [["f1", 1, 1, now + 7], ["f1", 2, 2, now + 7]]);
  });

  it("outlives the server that took it, and is found by the next one and by others on its database", async () => {
    const { waiting, serverOf, arrive, written } = await open();
    for (const trace of [1, 2]) await waiting.add(keyOf(trace), said(`of ${trace}`), now);
    await arrive(1);
    const others = [serverOf(), serverOf()];
    await Promise.all(others.map((other) => other.lookForTraces(now)));
    assert.deepEqual([await written(1), await written(2)], [["of 1 1"], []]);
    await waiting.arrived(keyOf(1), now);
    await arrive(2);
    await Promise.all([waiting.arrived(keyOf(2), now), ...others.map((other) => other.lookForTraces(now))]);
    assert.deepEqual([await written(1), await written(2), waiting.size], [["of 1 1"], ["of 2 1"], 0]);
  });

  it("is not taken where it cannot be kept", async () => {
    const { waiting, kept, instead } = await open();
    instead.keep = () => Promise.reject(new Error("no database"));
    await assert.rejects(waiting.add(keyOf(1), said("first"), now), { message: "no database" });
    await assert.rejects(waiting.add(keyOf(1), said("huge", { comment: "x".repeat(mostFeedback.bytes) }), now), { code: "INVALID_PARAMETER" });
    assert.deepEqual([await kept.of(keyOf(1)), waiting.size], [[], 0]);
  });

  it("waits on while it cannot be written, and is let go where its trace has no room", async () => {
    const { waiting, store, kept, arrive, written, instead } = await open();
    for (const name of ["first", "second"]) await waiting.add(keyOf(1), said(name), now);
    await arrive(1);
    for (const way of ["of", "write"] as const) {
      instead[way] = () => Promise.reject(new Error("no database"));
      await waiting.arrived(keyOf(1), now);
      assert.deepEqual([await written(1), waiting.size], [[], 1], way);
    }
    instead.write = () => Promise.reject(new Error("no database"));
    await assert.rejects(waiting.lookForTraces(now), { message: "no database" });
    await store.addFeedback(keyOf(1), exampleFeedback("f1", { comment: "x".repeat(mostFeedback.bytes - 700) }));
    await waiting.arrived(keyOf(1), now);
    assert.deepEqual([(await written(1)).length, await kept.of(keyOf(1))], [2, []]);
  });

  it("is let go after a day", async () => {
    const { waiting, kept } = await open();
    await waiting.add(keyOf(1), said("first"), now);
    await waiting.prune(epochMs(now + dayMs));
    assert.equal((await kept.of(keyOf(1))).length, 1);
    await waiting.prune(epochMs(now + dayMs + 1));
    assert.deepEqual(await kept.of(keyOf(1)), []);
  });
});
