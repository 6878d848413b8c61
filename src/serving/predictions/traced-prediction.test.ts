import assert from "node:assert/strict";
import { it } from "node:test";
import { ManualClock } from "../../core/clock.ts";
import { AppError } from "../../core/errors.ts";
import type { Span, SpanSink } from "../../tracing/index.ts";
import { TracedPrediction } from "./traced-prediction.ts";

it("the spans of a prediction tell who was asked, when and for how long, and in which words it failed", async () => {
  const clock = new ManualClock();
  const began = BigInt(clock.now()) * 1_000_000n;
  const spans: Span[] = [];
  const sink = { emit: (_team: string, span: Span) => void spans.push(span) } as unknown as SpanSink;
  const prediction = new TracedPrediction({ sink, clock }, { parent: { traceId: "0af7651916cd43dd8448eb211c80319c", parentSpanId: null }, team: Promise.resolve("blue"), model: "m", door: "rest" });
  clock.advance(20);
  const timing = { totalUs: 15_000, queueUs: 2500, runUs: 1250, batchRows: 4 } as Parameters<TracedPrediction["asked"]>[0]["timing"];
  const failure = new AppError("MODEL_RUN_FAILED", "The model gave up.");
  prediction.asked({ as: "candidate", model: "other", version: "2", outcome: "MODEL_RUN_FAILED", failure, timing });
  // A clock that was set in between must not make a span begin before its parent.
  prediction.asked({ as: "stable", model: "m", version: "1", outcome: "ok", failure: undefined, timing: { ...timing, totalUs: 90_000 } });
  clock.advance(5);
  prediction.end(failure);
  await Promise.resolve();
  const [candidate, stable, whole] = spans;
  assert.deepEqual(spans.map(({ start, end }) => [start - began, end! - began]), [[5_000_000n, 20_000_000n], [0n, 20_000_000n], [0n, 25_000_000n]]);
  assert.deepEqual([candidate!.attributes, candidate!.status, candidate!.parentSpanId], [
    { "slipway.model": "other", "slipway.version": "2", "slipway.asked_as": "candidate", "slipway.outcome": "MODEL_RUN_FAILED", "slipway.batch_rows": 4, "slipway.queue_ms": 2.5, "slipway.run_ms": 1.25, "error.type": "MODEL_RUN_FAILED" },
    { code: "error", message: "The model gave up." }, whole!.spanId,
  ]);
  assert.deepEqual([stable!.attributes["slipway.outcome"], stable!.status, whole!.kind, whole!.status.message, whole!.attributes["slipway.door"]], ["ok", { code: "ok", message: "" }, "internal", "The model gave up.", "rest"]);
});
