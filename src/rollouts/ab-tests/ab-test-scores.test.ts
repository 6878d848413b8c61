import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ManualClock } from "../../core/clock.ts";
import type { Feedback, SplitPlace } from "../../tracing/index.ts";
import { CallScores } from "../figures/call-scores.ts";
import { rolloutOf } from "../rollout.fixture.ts";
import type { Rollout } from "../schemas.ts";
import { AbTestScores, figuresOf } from "./ab-test-scores.ts";

const spec = { metric: "helpful", variants: [{ name: "b", version: "2", from: 0, to: 0.5, cut: null }] };

function opened() {
  const scores = new CallScores("rol_1");
  const put = (traceId: string, value: unknown, place: Partial<SplitPlace>, { name = "helpful", revision = 1 } = {}): void =>
    scores.put({ arrived: { team: "default", receivedAt: revision, feedback: { id: name, traceId, name, kind: "feedback", value, revision } as Feedback }, places: [{ rollout: "rol_1", phase: "test", arm: "b", revision: "2", ...place }] });
  const of = (arm: string) => figuresOf(scores, spec).arms.find((one) => one.arm === arm);
  return { put, of };
}

describe("scores of an A/B test", () => {
  it("are values of callers: calls of one key are one unit, drawn ones each its own", () => {
    const { put, of } = opened();
    put("1", 1, { unit: { by: "key", fraction: 0.1 } });
    put("2", false, { unit: { by: "key", fraction: 0.1 } });
    put("3", true, { unit: { by: "draw", fraction: 0.2 } });
    put("4", 0.5, { arm: "stable", revision: "1", unit: { by: "draw", fraction: 0.7 } });
    const b = of("b")!;
    assert.deepEqual([b.all.count, b.single.count, b.buckets.map(([, count, , sum]) => [count, sum])], [3, 1, [[2, 1]]]);
    assert.deepEqual([of("stable")!.all.count, of("stable")!.all.meanY, b.requests], [1, 0.5, 0], "requests are counted where they are answered");
  });

  it("are those of the metric alone, by whom the plan gives the call to, as they are now", () => {
    const { put, of } = opened();
    put("1", 9, { unit: { by: "draw", fraction: 0.1 } }, { name: "other" });
    put("2", 1, { arm: "stable", unit: { by: "draw", fraction: 0.1 } });
    put("3", 1, {});
    assert.deepEqual([of("b"), of("stable")], [undefined, undefined]);
    put("4", 1, { unit: { by: "draw", fraction: 0.1 } });
    put("4", 0, { unit: { by: "draw", fraction: 0.1 } }, { revision: 2 });
    assert.deepEqual([of("b")!.all.count, of("b")!.all.meanY], [1, 0]);
    put("4", "no opinion", { unit: { by: "draw", fraction: 0.1 } }, { revision: 3 });
    assert.equal(of("b"), undefined);
  });

  it("are written for tests of routes by a score, and for no others", async () => {
    const written: [string, number | undefined][] = [];
    const feedback = { id: "f", traceId: "1", name: "helpful", kind: "feedback", value: true, revision: 1 } as Feedback;
    const reader = new AbTestScores({
      abTests: { writeFigures: async (test, _replica, { arms }) => void written.push([test, arms[0]?.all.meanY]) }, clock: new ManualClock(),
      feedback: {
        readSince: async () => [{ team: "default", feedback, receivedAt: 1 }], removedSince: async () => [],
        splitPlaces: async () => ["score", "cost", "latency", "model"].map((rollout) => ({ team: "default", traceId: "1", place: { rollout, phase: "test", arm: "b", revision: "2", unit: { by: "key", fraction: 0.1 } } })),
      },
    });
    const testOf = (id: string, metric: string, model = "route:chat"): Rollout => rolloutOf(id, { kind: "ab-test", model, test: { ...spec, metric } });
    reader.follow([testOf("score", "helpful"), testOf("cost", "cost"), testOf("latency", "latency"), testOf("model", "helpful", "flights")]);
    await reader.read();
    assert.deepEqual(written, [["score", 1]]);
  });
});
