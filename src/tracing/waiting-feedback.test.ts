import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { epochMs, ManualClock } from "../core/clock.ts";
import type { ErrorCode } from "../core/error-catalogue.ts";
import { AppError } from "../core/errors.ts";
import type { TraceKey } from "./trace-store.ts";
import { WaitingFeedback, type FeedbackDraft } from "./waiting-feedback.ts";

const now = epochMs(1_700_000_000_000);
const keyOf = (traceId: string, team = "default"): TraceKey => ({ team, traceId });
const said = (name: string, value: unknown = 1): FeedbackDraft => ({ spanId: null, name, kind: "feedback", value, source: "code", sourceId: "langsmith", comment: "", metadata: {}, actor: "local" });

function opened({ mostCharacters = 1 << 20 } = {}) {
  const clock = new ManualClock();
  const there = new Set<string>();
  const written: string[] = [];
  const fails: { next: ErrorCode | Error | null } = { next: null };
  /** Is called before each look for a trace, as if something else came in between. */
  const between: { then: (() => void) | null } = { then: null };
  const waiting = new WaitingFeedback({
    mostCharacters, monotonic: () => clock.monotonic(),
    write: async ({ team, traceId }, { name }) => {
      const isThere = there.has(`${team} ${traceId}`);
      await Promise.resolve();
      between.then?.();
      const { next } = fails;
      fails.next = null;
      if (next !== null) throw next instanceof Error ? next : new AppError(next, "Not now.");
      if (!isThere) throw new AppError("TRACE_NOT_FOUND", "There is no such trace.");
      written.push(`${team} ${traceId} ${name}`);
    },
  });
  const arrive = (traceId: string, team = "default"): Promise<void> => {
    there.add(`${team} ${traceId}`);
    return waiting.arrived(keyOf(traceId, team), now);
  };
  return { clock, there, written, fails, between, waiting, arrive };
}

describe("feedback whose trace is not there yet", () => {
  it("is written when the trace has come, in its order and for its team alone, and at once where it is there", async () => {
    const { waiting, written, arrive } = opened();
    for (const name of ["first", "second"]) await waiting.add(keyOf("1"), said(name), now);
    await waiting.add(keyOf("1", "blue"), said("theirs"), now);
    await arrive("2");
    assert.deepEqual([written, waiting.size], [[], 3]);
    await arrive("1");
    await waiting.add(keyOf("1"), said("third"), now);
    assert.deepEqual([written, waiting.size], [["default 1 first", "default 1 second", "default 1 third"], 1]);
  });

  it("is written also where the trace comes while it is looked for", async () => {
    const { waiting, written, between, there } = opened();
    between.then = () => void there.add("default 1");
    await waiting.add(keyOf("1"), said("early"), now);
    assert.deepEqual([written, waiting.size], [["default 1 early"], 0]);
  });

  it("waits on while it cannot be written, before what is said later, and is let go where it is refused", async () => {
    const { waiting, written, fails, arrive } = opened();
    for (const name of ["first", "second"]) await waiting.add(keyOf("1"), said(name), now);
    fails.next = new Error("no database");
    await arrive("1");
    assert.deepEqual([written, waiting.size], [[], 2]);
    fails.next = "INVALID_PARAMETER";
    await arrive("1");
    assert.deepEqual([written, waiting.size], [["default 1 second"], 0]);
    fails.next = "INVALID_PARAMETER";
    await assert.rejects(waiting.add(keyOf("1"), said("too much"), now), { code: "INVALID_PARAMETER" });
    assert.equal(waiting.size, 0);
  });

  it("is looked for elsewhere, ever more seldom, and forgotten after an hour", async () => {
    const { waiting, written, clock, there } = opened();
    await waiting.add(keyOf("1"), said("found"), now);
    await waiting.add(keyOf("2"), said("lost"), now);
    await waiting.lookForTraces(now);
    there.add("default 1");
    await waiting.lookForTraces(now);
    assert.deepEqual(written, []);
    clock.advance(2000);
    await waiting.lookForTraces(now);
    assert.deepEqual([written, waiting.size], [["default 1 found"], 1]);
    for (let second = 0; second < 3000; second++) {
      clock.advance(1000);
      await waiting.lookForTraces(now);
    }
    assert.equal(waiting.size, 1);
    for (let second = 0; second < 3000; second++) {
      clock.advance(1000);
      await waiting.lookForTraces(now);
    }
    assert.equal(waiting.size, 0);
  });

  it("takes a bounded room: what waits for longest is forgotten", async () => {
    const { waiting, written, arrive } = opened({ mostCharacters: 10_000 });
    for (let trace = 0; trace < 50; trace++) await waiting.add(keyOf(String(trace)), said("long", "x".repeat(1000)), now);
    assert.ok(waiting.size < 10 && waiting.size > 0, String(waiting.size));
    for (const trace of [0, 49]) await arrive(String(trace));
    assert.deepEqual(written, ["default 49 long"]);
    await waiting.add(keyOf("huge"), said("huge", "x".repeat(20_000)), now);
    assert.equal(waiting.size, 0);
  });
});
