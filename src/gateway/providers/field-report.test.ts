import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { emptyRequest } from "../protocols/answer-streams.fixture.ts";
import { FieldReport } from "./field-report.ts";
import { callerText, jsonText, readAnswer, readEvent, requestText, rowOf } from "./wire-value.ts";

describe("a report of fields", () => {
  it("names what was dropped and emulated once, and refuses all problems together", () => {
    const report = new FieldReport();
    report.drop("user");
    report.drop("user");
    report.emulate("temperature", "1");
    report.foreign({ store: true, n: 1, logit_bias: {}, logprobs: false, modalities: ["text"], metadata: { a: "b" }, seen: 4 }, new Set(["seen"]));
    assert.deepEqual([report.dropped, report.emulated], [["user", "store", "metadata"], ["temperature (1)"]]);
    report.settle("X");
    const many = new FieldReport();
    for (const path of ["a", "b", "c", "d", "e"]) many.refuse(path, `not ${path}`);
    assert.throws(() => many.settle("X"), { message: "X cannot be asked for a, b, c, d, e." });
    many.refuse("f", "not f");
    assert.throws(() => many.settle("X"), { message: "X cannot be asked for a, b, c, d, e and others.", problems: ["a", "b", "c", "d", "e", "f"].map((path) => ({ path, message: `not ${path}` })) });
    report.foreign({ n: 2, modalities: ["text", "audio"] });
    assert.throws(() => report.settle("X"), { code: "GATEWAY_FIELD_UNSUPPORTED", message: "X cannot be asked for n, modalities." });
  });

  it("drops every field that changes nothing in an answer, and refuses one that it does not know", () => {
    const harmless = [
      "metadata", "store", "service_tier", "prompt_cache_key", "prompt_cache_retention", "prompt_cache_options", "safety_identifier", "stream_options", "prediction", "user", "user_id", "inference_geo", "speed", "encoding_format", "return_documents", "client_metadata", "background",
    ];
    const report = new FieldReport();
    report.foreign(Object.fromEntries(harmless.map((name) => [name, "x"])));
    report.settle("X");
    assert.deepEqual(report.dropped, harmless);
    // The gateway tells the usage of a stream, or not, by itself.
    const chat = new FieldReport();
    chat.chat(emptyRequest());
    assert.deepEqual(chat.dropped, []);
    report.foreign({ users: "x" });
    assert.throws(() => report.settle("X"), { message: "X cannot be asked for users." });
  });
});

describe("what a provider sent", () => {
  it("is an object of JSON or an error", () => {
    for (const text of ["", "[]", "1", "{", "null"]) {
      assert.throws(() => readAnswer(Buffer.from(text)), { code: "PROVIDER_ANSWER_INVALID" });
      assert.throws(() => readEvent(text), { code: "PROVIDER_STREAM_FAILED" });
    }
  });

  it("is never nested too deeply to be an error of its own", () => {
    assert.equal(jsonText(JSON.parse("[".repeat(200_000) + "]".repeat(200_000))), null);
    assert.equal(jsonText({ a: [1] }), '{"a":[1]}');
    assert.throws(() => requestText({ deep: JSON.parse("[".repeat(200_000) + "]".repeat(200_000)) as unknown }), { code: "INVALID_REQUEST" });
  });

  it("finds in tables what they hold alone", () => {
    assert.deepEqual([rowOf({ a: 1 }, "a"), rowOf({ a: 1 }, "constructor"), rowOf({ a: 1 }, "__proto__")], [1, undefined, undefined]);
    assert.throws(() => {
      const report = new FieldReport();
      report.foreign({ __defineGetter__: 1 });
      report.settle("X");
    }, { code: "GATEWAY_FIELD_UNSUPPORTED" });
  });

  it("reaches callers shortened and without secrets", () => {
    const secrets = ["AIzaSyD1234567890abcd", "AKIAIOSFODNN7EXAMPLE", "sk-proj-abcdefgh12345", "bedrock-api-key-YmVkcm9jaw==", "arn:aws:iam::123456789012:user/ada"];
    const shown = callerText(`Wrong:\n ${secrets.join(" ")} key=abcdefghijkl`);
    for (const secret of [...secrets, "abcdefghijkl"]) assert.ok(!shown.includes(secret), shown);
    assert.equal(callerText("x".repeat(5000)).length, 500);
  });
});
