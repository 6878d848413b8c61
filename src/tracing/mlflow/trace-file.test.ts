import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "../../../test/kit/fast-check.ts";
import { translate } from "../dialects/translate.ts";
import { spansOfTraceFile } from "./trace-file.ts";

const traceId = "0af7651916cd43dd8448eb211c80319c";
const attributes = { "mlflow.spanType": "\"CHAT_MODEL\"", "mlflow.spanInputs": "{\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]}", count: 3, list: [1, "a"] };

describe("traces.json of MLflow's clients", () => {
  it("is read as those of 2.x write it, and as those of 3.0 to 3.3 do, to the nanosecond", () => {
    const old = `{"spans":[
      {"name":"think","context":{"span_id":"0xb7ad6b7169203331","trace_id":"0xffffffffffffffffffffffffffffffff"},"parent_id":"0x1","start_time":1763769600123456789,"end_time":1763769600123456999,"status_code":"ERROR","status_message":"no","attributes":${JSON.stringify(attributes)},
       "events":[{"name":"exception","timestamp":1763769600123456800,"attributes":{"exception.type":"E"}}]}],"request":"{}","response":"{}"}`;
    const later = `{"spans":[
      {"name":"think","trace_id":"AAAAAAAAAAAAAAAAAAAAAQ==","span_id":"t61rcWkgMzE=","parent_span_id":"AAAAAAAAAAE=","start_time_unix_nano":1763769600123456789,"end_time_unix_nano":1763769600123456999,"status":{"code":"STATUS_CODE_ERROR","message":"no"},"attributes":${JSON.stringify(attributes)},
       "events":[{"name":"exception","time_unix_nano":1763769600123456800,"attributes":{"exception.type":"E"}}]}]}`;
    for (const text of [old, later]) {
      const [span, ...more] = spansOfTraceFile(text, traceId)!;
      assert.deepEqual(span, {
        traceId, spanId: "b7ad6b7169203331", parentSpanId: "0000000000000001", name: "think", kind: "internal", start: 1763769600123456789n, end: 1763769600123456999n, status: { code: "error", message: "no" },
        attributes: { ...attributes, list: "[1,\"a\"]" }, events: [{ name: "exception", time: 1763769600123456800n, attributes: { "exception.type": "E" } }], links: [], resource: {}, scope: { name: "mlflow", version: "" },
      });
      assert.deepEqual(more, []);
      const { attributes: translated } = translate(span!);
      assert.equal(translated["gen_ai.operation.name"], "chat");
      assert.match(String(translated["gen_ai.input.messages"]), /"Hi"/);
    }
  });

  it("leaves out what is no span, and is nothing where it is no such file", () => {
    assert.deepEqual(spansOfTraceFile(JSON.stringify({ spans: [null, 1, {}, { name: "x", context: { span_id: "0x1" } }, { name: "x", context: { span_id: "nonsense" }, start_time: 5 }] }), traceId), []);
    for (const text of ["", "{", "[]", "{}", "null", "{\"spans\":{}}"]) assert.equal(spansOfTraceFile(text, traceId), null, text);
  });

  it("takes whatever JSON there is without throwing", () => {
    fc.assert(fc.property(fc.array(fc.jsonValue(), { maxLength: 4 }), fc.jsonValue(), (spans, more) => {
      assert.ok(Array.isArray(spansOfTraceFile(JSON.stringify({ spans: [...spans, { span_id: "0x1", start_time: 1, attributes: more, events: more, status: more }] }), traceId)));
    }), { numRuns: 200 });
  });
});
