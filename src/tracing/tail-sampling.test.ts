import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { exampleRecord, exampleSpan } from "./example-spans.fixture.ts";
import type { SpanRecord } from "./stored-span.ts";
import { samplingRates, TailSampling } from "./tail-sampling.ts";

const ids = (records: readonly SpanRecord[]): string[] => records.map(({ team, span }) => `${Number.parseInt(span.traceId, 16)}.${Number.parseInt(span.spanId, 16)}${team === "default" ? "" : ` ${team}`}`);
const sampling = (...rates: readonly string[]): TailSampling => new TailSampling({ rates: samplingRates(rates), slowMs: 60_000, maxWaiting: 100 });
const failed = { status: { code: "error", message: "" } } as const;
/** A root as the gateway tells of it before its spans are made. */
const ended = (trace: number, more: object = {}) => ({ team: "default", traceId: exampleSpan(trace, 1).traceId, route: null, failed: false, duration: 5, ...more });

describe("TailSampling, of traces whose spans come one after the other", () => {
  it("keeps what comes late of a trace that is kept, and lets go what comes late of one that is not", () => {
    const tail = sampling("0");
    assert.deepEqual(ids(tail.take([exampleRecord(1, 1, failed), exampleRecord(2, 1)])), ["1.1"]);
    assert.deepEqual(ids(tail.take([exampleRecord(1, 2), exampleRecord(2, 2)])), ["1.2"]);
    assert.equal(tail.dropped, 2);
    // What fails late is kept, though the root is gone.
    assert.deepEqual(ids(tail.take([exampleRecord(2, 3, failed), exampleRecord(2, 4)])), ["2.3", "2.4"]);
  });

  it("decides when the root has ended, and not while it is under way", () => {
    const tail = sampling("0");
    assert.deepEqual(ids(tail.take([exampleRecord(1, 1, { end: null }), exampleRecord(1, 2)])), []);
    assert.equal(tail.dropped, 0);
    assert.deepEqual(ids(tail.take([exampleRecord(1, 3, failed)])), ["1.1", "1.2", "1.3"]);
  });

  it("keeps all of a trace in which something failed or was slow, also where its root comes first in what is sent together", () => {
    const tail = sampling("0");
    assert.deepEqual(ids(tail.take([exampleRecord(1, 1), exampleRecord(1, 2, failed), exampleRecord(2, 1), exampleRecord(1, 3)])), ["1.1", "1.2", "1.3"]);
    assert.equal(tail.dropped, 1);
  });

  it("asks for the route before the team, and for the team before the rest", () => {
    const route = { attributes: { "slipway.route": "chat" } };
    const kept = (...rates: readonly string[]): string[] => ids(sampling(...rates).take([exampleRecord(1, 1, route), exampleRecord(2, 1), exampleRecord(3, 1, {}, { team: "blue" }), exampleRecord(4, 1, route, { team: "blue" })]));
    assert.deepEqual(kept("0", "route:chat=1"), ["1.1", "4.1 blue"]);
    assert.deepEqual(kept("0", "blue=1", "route:chat=0"), ["3.1 blue"]);
    assert.deepEqual(kept("1", "blue=0"), ["1.1", "2.1"]);
    assert.deepEqual(kept("blue=0"), ["1.1", "2.1"], "all where nothing is said");
  });

  it("lets go the oldest where what waits is too long together, however few spans it is", () => {
    const tail = new TailSampling({ rates: samplingRates(["0"]), slowMs: 60_000, maxWaiting: 100, maxWaitingCharacters: 10_000 });
    const long = { attributes: { "input.value": "x".repeat(4000) } };
    assert.deepEqual(ids(tail.take([exampleRecord(1, 2, long), exampleRecord(2, 2, long), exampleRecord(3, 2, long)])), []);
    assert.equal(tail.dropped, 1);
    assert.deepEqual(ids(tail.take([exampleRecord(2, 3, failed), exampleRecord(3, 3, failed)])), ["2.2", "2.3", "3.2", "3.3"]);
    assert.deepEqual(ids(tail.take([exampleRecord(4, 2, { attributes: { "input.value": "x".repeat(11_000) } }), exampleRecord(5, 2, long), exampleRecord(6, 2, long)])), []);
    assert.equal(tail.dropped, 2);
  });

  it("decides of each team's trace of one id by itself", () => {
    const tail = sampling("0");
    assert.deepEqual(ids(tail.take([exampleRecord(1, 1, failed), exampleRecord(1, 2, {}, { team: "blue" }), exampleRecord(1, 3)])), ["1.1", "1.3"]);
  });

  it("passes over a call before its spans are made just where it would let them go", () => {
    const tail = sampling("0", "route:kept=1");
    assert.deepEqual([ended(1), ended(2, { failed: true }), ended(3, { duration: 60_001 }), ended(4, { route: "kept" })].map((trace) => tail.passesOver(trace, 3)), [true, false, false, false]);
    assert.equal(tail.dropped, 3);
    assert.deepEqual(ids(tail.take([exampleRecord(1, 2)])), [], "what comes later of it");
    assert.equal(tail.dropped, 4);
    tail.take([exampleRecord(5, 2, failed)]);
    assert.equal(tail.passesOver(ended(5), 1), false, "a trace of which something is kept");
    tail.take([exampleRecord(6, 2)]);
    assert.equal(tail.passesOver(ended(6), 1), true);
    assert.equal(tail.dropped, 6, "with what waited for it");
  });
});
