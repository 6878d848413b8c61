import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { epochMs } from "../core/clock.ts";
import { AppError } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import { BufferedSpanSink, type SpanSinkParts } from "./buffered-span-sink.ts";
import { exampleSpan } from "./example-spans.fixture.ts";
import { samplingRates, TailSampling } from "./tail-sampling.ts";

const silent = { warn: () => undefined } as unknown as Logger;

/** `writing` goes on before each write. */
function sinkWith(parts: Partial<SpanSinkParts> = {}, writing: () => Promise<void> | void = () => undefined) {
  const written: number[] = [];
  const alarms: (() => void)[] = [];
  const sink = new BufferedSpanSink({
    traces: { pack: (team, spans) => spans.map(({ name }) => `${team} ${name}`), write: async (spans) => { await writing(); if (spans.length > 0) written.push(spans.length); } }, sampling: { passesOver: () => false }, now: () => epochMs(0), logger: silent,
    alarm: (_ms, ring) => { alarms.push(ring); return () => void alarms.splice(alarms.indexOf(ring), 1); }, ...parts,
  });
  return { sink, written, alarms };
}

describe("BufferedSpanSink", () => {
  it("gathers spans until its alarm rings, and sets one alarm for all", async () => {
    const { sink, written, alarms } = sinkWith();
    for (let span = 1; span <= 3; span++) sink.emit("a", exampleSpan(1, span));
    assert.deepEqual([written, alarms.length], [[], 1]);
    alarms[0]!();
    await sink.settled();
    assert.deepEqual([written, alarms.length], [[3], 0]);
  });

  it("makes spans that are given as a function when who emits them is done, and once", async () => {
    const { sink, written, alarms } = sinkWith();
    let made = 0;
    sink.emit("a", () => { made++; return [exampleSpan(1, 1), exampleSpan(1, 2)]; });
    sink.emit("a", exampleSpan(1, 3));
    assert.equal(made, 0);
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual([made, written], [1, []]);
    sink.emit("a", () => { made++; return [exampleSpan(1, 4)]; });
    alarms[0]!();
    await sink.settled();
    assert.deepEqual([made, written], [2, [4]]);
  });

  it("tells of spans that could not be made, or not be written, and goes on with the others", async () => {
    const told: [string, unknown][] = [];
    let fails = false;
    const { sink, written } = sinkWith({ logger: { warn: (event: string, fields: { spans: number }) => void told.push([event, fields.spans]) } as unknown as Logger }, () => { if (fails) throw new Error("away"); });
    sink.emit("a", () => { throw new Error("no such field"); });
    sink.emit("a", exampleSpan(1, 1));
    await sink.settled();
    assert.deepEqual([told, sink.lost, written], [[["traces.not_written", 1]], 1, [1]]);
    fails = true;
    for (let span = 1; span <= 65; span++) sink.emit("a", exampleSpan(1, span));
    await sink.settled();
    assert.deepEqual([told.slice(1), sink.lost, written], [[["traces.not_written", 64], ["traces.not_written", 1]], 66, [1]]);
  });

  it("writes once more what it could not while the database was away, and nothing else", async () => {
    const failures = [new AppError("DATABASE_UNAVAILABLE", "away"), null, new AppError("STORAGE_FULL", "full"), new AppError("DATABASE_UNAVAILABLE", "away"), new AppError("DATABASE_UNAVAILABLE", "away")];
    const { sink, written } = sinkWith({}, () => { const failure = failures.shift(); if (failure instanceof AppError) throw failure; });
    const outcomes: [written: number, lost: number][] = [];
    for (let span = 1; span <= 4; span++) {
      sink.emit("a", exampleSpan(1, span));
      await sink.settled();
      outcomes.push([written.length, sink.lost]);
    }
    assert.deepEqual(outcomes, [[1, 0], [1, 1], [1, 2], [2, 2]]);
  });

  it("passes over what is too long together, however few spans it is, and goes on when that is written", async () => {
    const { sink, written } = sinkWith({ maxWaitingCharacters: 100, traces: { pack: (_team, spans) => spans.map(() => "x".repeat(60)), write: (spans) => Promise.resolve(void written.push(spans.length)) } });
    for (const round of [1, 2]) {
      for (let span = 1; span <= 3; span++) sink.emit("a", exampleSpan(1, span));
      await sink.settled();
      assert.deepEqual([written.length, sink.lost], [round, 2 * round]);
    }
  });

  it("passes over what there is no room for, and counts it", async () => {
    const { sink, written } = sinkWith({ maxWaiting: 2 });
    for (let span = 1; span <= 5; span++) sink.emit("a", exampleSpan(1, span));
    await sink.settled();
    assert.deepEqual([sink.lost, written], [3, [2]]);
  });

  it("does not keep a full batch waiting", async () => {
    const { sink, written, alarms } = sinkWith();
    for (let span = 1; span <= 512; span++) sink.emit("a", exampleSpan(1, span));
    assert.equal(alarms.length, 0);
    await sink.settled();
    assert.deepEqual(written, Array.from({ length: 8 }, () => 64));
  });

  it("answers who waits for what was emitted before, however much goes on coming", async () => {
    const { sink, written } = sinkWith({}, () => sink.emit("a", exampleSpan(2, 1)));
    sink.emit("a", exampleSpan(1, 1));
    await sink.settled();
    assert.ok(written.length >= 1 && written.length <= 2, String(written.length));
  });

  it("waits for what is emitted while a write is under way too", async () => {
    const gate = Promise.withResolvers<void>();
    const { sink, written } = sinkWith({}, () => gate.promise);
    sink.emit("a", exampleSpan(1, 1));
    const first = sink.settled();
    sink.emit("a", exampleSpan(1, 2));
    const second = sink.settled();
    gate.resolve();
    await first;
    await second;
    assert.deepEqual(written, [1, 1]);
  });

  it("says of a trace that has ended what the sampling of its spans would", () => {
    const sampling = new TailSampling({ rates: samplingRates(["0.5", "route:all=1"]), slowMs: 1000, maxWaiting: 10 });
    const { sink } = sinkWith({ sampling });
    const ended = { team: "a", traceId: "0".repeat(19) + "1" + "f".repeat(12), route: "some", failed: false, duration: 5 };
    const low = { ...ended, traceId: "0".repeat(19) + "1" + "1".repeat(12) };
    assert.deepEqual([
      sink.passesOver(ended, 2), sink.passesOver(low, 2), sink.passesOver({ ...ended, failed: true }, 2), sink.passesOver({ ...ended, duration: 1001 }, 2), sink.passesOver({ ...ended, route: "all" }, 2),
    ], [true, false, false, false, false]);
    assert.equal(sampling.dropped, 2);
  });
});
