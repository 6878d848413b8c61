import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import fc from "../../../test/kit/fast-check.ts";
import { localCaller, type Caller } from "../../core/caller.ts";
import { readTraceParent } from "../../core/trace-context.ts";
import { ServingBench } from "../serving-service.fixture.ts";
import { trafficRoute } from "../traffic/traffic-route.fixture.ts";

const traceId = "0af7651916cd43dd8448eb211c80319c";
const parentSpanId = "b7ad6b7169203331";
const traced = { traceparent: `00-${traceId}-${parentSpanId}-01` };

let bench: ServingBench;
beforeEach(async () => {
  bench = new ServingBench();
  await bench.add("m", 3);
});
afterEach(() => bench.serving.stop());

/** Until it is so: what happens after an answer has no other sign. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve));
}

describe("spans of predictions", () => {
  it("one within the trace of the caller says what came of it, and the log names the trace", async () => {
    const { predictionId } = await bench.infer("m", [1, 2], { headers: traced, caller: localCaller });
    await until(() => bench.spans.length === 1);
    const [span] = bench.spans;
    const { attributes } = span!;
    assert.deepEqual(
      [span!.name, span!.traceId, span!.parentSpanId, span!.kind, span!.status.code, span!.team, attributes["slipway.model"], attributes["slipway.version"], attributes["slipway.rows"], attributes["slipway.batch_rows"], attributes["slipway.outcome"], attributes["slipway.prediction_id"], attributes["slipway.door"]],
      ["slipway.predict m", traceId, parentSpanId, "server", "ok", "default", "m", "1", 2, 2, "ok", predictionId, "rest"],
    );
    assert.ok(span!.end! >= span!.start && typeof attributes["slipway.queue_ms"] === "number" && attributes["slipway.run_ms"] === 0.01);
    assert.equal(bench.entries[0]!.traceId, traceId);
  });

  it("there is none for callers without a trace, or who do not keep theirs, and nothing is written of one", async () => {
    for (const headers of [{}, { traceparent: `00-${traceId}-${parentSpanId}-00` }, { traceparent: "00-nonsense" }, { traceparent: [traced.traceparent, traced.traceparent] }]) await bench.infer("m", [1], { headers });
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(bench.spans, []);
    assert.deepEqual(bench.entries.map((entry) => entry.traceId), [null, null, null, null]);
  });

  it("a share of the others has a trace of its own", async () => {
    for (const [share, least, most] of [[1, 400, 400], [0.5, 120, 280]] as const) {
      const own = new ServingBench(undefined, share);
      await own.add("m", 1);
      for (let index = 0; index < 400; index++) await own.infer("m", [index]);
      await until(() => own.spans.length >= least);
      assert.ok(own.spans.length <= most, `${own.spans.length} of 400 at ${share}`);
      assert.ok(own.spans.every((span) => span.parentSpanId === null));
      assert.equal(new Set(own.spans.map((span) => span.traceId)).size, own.spans.length);
      // Who says that the trace is not kept is believed.
      const before = own.spans.length;
      await own.infer("m", [1], { headers: { traceparent: `00-${traceId}-${parentSpanId}-00` } });
      await new Promise((resolve) => setImmediate(resolve));
      assert.equal(own.spans.length, before);
      await own.serving.stop();
    }
  });

  it("goes to the team to which its caller's own spans go, and to the model's where the caller writes none", async () => {
    const callers: [Caller, header: string | undefined, team: string][] = [
      [{ actor: "key:a", name: "a", grants: [{ role: "contributor", team: "red" }] }, undefined, "red"], [{ actor: "key:b", name: "b", grants: [{ role: "viewer", team: "red" }] }, undefined, "owners"],
      [localCaller, "blue", "blue"], [{ actor: "key:a", name: "a", grants: [{ role: "contributor", team: "red" }] }, "blue", "owners"],
    ];
    for (const [caller, header, team] of callers) {
      bench.spans.length = 0;
      await bench.infer("m", [1], { headers: { ...traced, ...(header === undefined ? {} : { "x-slipway-team": header }) }, caller });
      await until(() => bench.spans.length === 1);
      assert.equal(bench.spans[0]!.team, team);
    }
  });

  it("a failure is one, also where no version was asked", async () => {
    bench.behaviours.set("m/1", "refuses");
    await assert.rejects(bench.infer("m", [1], { headers: traced }), { code: "MODEL_RUN_FAILED" });
    await assert.rejects(bench.infer("m", [1], { headers: traced, version: "9" }), { code: "VERSION_NOT_FOUND" });
    await until(() => bench.spans.length === 2);
    assert.deepEqual(bench.spans.map(({ status, attributes }) => [status.code, attributes["slipway.outcome"], attributes["error.type"]]), [["error", "MODEL_RUN_FAILED", "MODEL_RUN_FAILED"], ["error", "VERSION_NOT_FOUND", "VERSION_NOT_FOUND"]]);
  });

  it("a retry on the stable version stands below it with what failed, and so does a shadow", async () => {
    await bench.serving.applyRoute(trafficRoute({ revision: 1, arms: [{ name: "candidate", version: "2", from: 0, to: 1 }] }));
    bench.behaviours.set("m/2", "throws");
    await bench.infer("m", [1], { headers: traced });
    await until(() => bench.spans.length === 3);
    const below = bench.spans.filter(({ name }) => name.startsWith("slipway.ask"));
    const whole = bench.spans.find(({ name }) => name === "slipway.predict m")!;
    assert.deepEqual(below.map(({ parentSpanId: parent, attributes, status }) => [parent, attributes["slipway.asked_as"], attributes["slipway.version"], status.code]), [[whole.spanId, "candidate", "2", "error"], [whole.spanId, "stable", "1", "ok"]]);
    assert.deepEqual([whole.attributes["slipway.arm"], whole.attributes["slipway.version"], whole.attributes["slipway.rollout"], whole.status.code], ["stable", "1", "rol_01ktz0000000000000000000ab", "ok"]);
    bench.spans.length = 0;
    bench.entries.length = 0;
    await bench.serving.applyRoute(trafficRoute({ revision: 2, shadow: { arm: "candidate", version: "3", share: 1, maxConcurrent: 4, maxPerSecond: 1000 } }));
    await bench.infer("m", [1], { headers: traced });
    await until(() => bench.spans.length === 2 && bench.entries.length === 2);
    const shadow = bench.spans.find(({ attributes }) => attributes["slipway.asked_as"] === "shadow")!;
    const answered = bench.spans.find(({ name }) => name === "slipway.predict m")!;
    assert.deepEqual([shadow.parentSpanId, shadow.traceId, shadow.attributes["slipway.version"], shadow.attributes["slipway.prediction_id"]], [answered.spanId, traceId, "3", bench.entries[1]!.id]);
    assert.deepEqual(bench.entries.map((entry) => entry.traceId), [traceId, traceId]);
  });

  it("a fallback model stands below it", async () => {
    await bench.add("other", 1);
    await bench.setPolicy("m", { fallback: { model: "other" } });
    bench.behaviours.set("m/1", "throws");
    const { arm } = await bench.infer("m", [1], { headers: traced });
    await until(() => bench.spans.length === 2);
    assert.equal(arm, "fallback model");
    assert.deepEqual(bench.spans.map(({ name, attributes }) => [name, attributes["slipway.asked_as"] ?? attributes["slipway.arm"]]), [["slipway.ask fallback", "fallback"], ["slipway.predict m", "fallback model"]]);
  });
});

describe("traceparent", () => {
  const hex = (bytes: number) => fc.uint8Array({ minLength: bytes, maxLength: bytes }).map((given) => Buffer.from(given).toString("hex")).filter((text) => !/^0+$/.test(text));
  it("is read back as it was written, of later versions too", () => {
    fc.assert(fc.property(hex(16), hex(8), fc.integer({ min: 0, max: 255 }), fc.constantFrom("00", "01", "fe"), (trace, span, flags, version) => {
      const header = `${version}-${trace}-${span}-${flags.toString(16).padStart(2, "0")}${version === "00" ? "" : "-more"}`;
      assert.deepEqual(readTraceParent(header), { traceId: trace, spanId: span, sampled: flags % 2 === 1 });
    }));
  });

  it("is nothing where it is not one", () => {
    const wrong = [undefined, "", `ff-${traceId}-${parentSpanId}-01`, `00-${"0".repeat(32)}-${parentSpanId}-01`, `00-${traceId}-${"0".repeat(16)}-01`, `00-${traceId}-${parentSpanId}-01-more`, `00-${traceId.toUpperCase()}-${parentSpanId}-01`, `00-${traceId}-${parentSpanId}`, `01-${traceId}-${parentSpanId}-01more`, `01-${traceId}-${parentSpanId}-01-${"x".repeat(300)}`];
    for (const header of wrong) assert.equal(readTraceParent(header), null, header);
  });
});
