import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "../../../test/kit/fast-check.ts";
import { AppError } from "../../core/errors.ts";
import type { NativeBodyEdit, NativeBodyProtocol } from "./native-body.ts";
import { editNativeBody } from "./native-body.ts";

function edited(body: string, edit: NativeBodyEdit, protocol: NativeBodyProtocol = "openai-chat"): string {
  return Buffer.from(editNativeBody(Buffer.from(body), protocol, edit)).toString("utf8");
}

describe("editNativeBody", () => {
  it("changes what is asked for and nothing else", () => {
    const body = ' {"a" : 12345678901234567890, "model":"x" ,\n"b":[1.0,1e2,{"model":"y","s":"}\\"]\\\\"}],"é":"日本🎈"}\n';
    assert.equal(edited(body, { model: 'the "other"' }), body.replace('"x"', '"the \\"other\\""'));
    assert.equal(edited(body, { streamUsage: true }), body.replace(/\}\n$/, ',"stream_options":{"include_usage":true}}\n'));
    assert.equal(edited(body, {}), body);
    assert.equal(edited("{}", { model: "m", maxTokens: 5 }), '{"model":"m","max_completion_tokens":5}');
    assert.equal(edited('\uFEFF{"model":1 }', { model: "m" }), '\uFEFF{"model":"m" }');
  });

  it("keeps what else stands in stream_options", () => {
    assert.equal(edited('{"stream_options":{"include_obfuscation": false}}', { streamUsage: true }), '{"stream_options":{"include_obfuscation": false,"include_usage":true}}');
    assert.equal(edited('{"stream_options":{"include_usage":false}}', { streamUsage: true }), '{"stream_options":{"include_usage":true}}');
    assert.equal(edited('{"stream_options":null}', { streamUsage: true }), '{"stream_options":{"include_usage":true}}');
    // Other protocols tell their usage unasked, and refuse the field.
    assert.equal(edited("{}", { streamUsage: true }, "anthropic-messages"), "{}");
  });

  it("limits tokens where the caller did, else in the protocol's own place", () => {
    assert.equal(edited('{"max_tokens":9}', { maxTokens: 5 }), '{"max_tokens":5}');
    assert.equal(edited('{"max_tokens":9,"max_completion_tokens":null}', { maxTokens: 5 }), '{"max_tokens":5,"max_completion_tokens":5}');
    assert.equal(edited("{}", { maxTokens: 5 }, "openai-responses"), '{"max_output_tokens":5}');
    assert.equal(edited('{"max_tokens":9}', { maxTokens: 5 }, "anthropic-messages"), '{"max_tokens":5}');
    assert.equal(edited('{"input":"x"}', { maxTokens: 5 }, "openai-embeddings"), '{"input":"x"}');
  });

  it("says one number of tokens where the caller said two, by the newer name", () => {
    assert.equal(edited('{"max_completion_tokens": 1 ,"max_tokens":100000}', {}), '{"max_completion_tokens": 1 ,"max_tokens":1}');
    assert.equal(edited('{"max_tokens":100000,"max_completion_tokens":1}', { model: "m" }), '{"max_tokens":1,"max_completion_tokens":1,"model":"m"}');
    for (const body of ['{"max_tokens":9,"max_completion_tokens":null}', '{"max_tokens":9,"max_completion_tokens":9}', '{"max_completion_tokens":9,"max_tokens":null}']) assert.equal(edited(body, {}), body);
  });

  it("takes a name for what it means, however it is spelled, and no name for more", () => {
    assert.equal(edited('{"\\u006dodel":"a","x":1}', { model: "d" }), '{"\\u006dodel":"d","x":1}');
    assert.equal(edited('{"__proto__":{"model":"x"},"constructor":1}', { model: "m" }), '{"__proto__":{"model":"x"},"constructor":1,"model":"m"}');
  });

  it("refuses what is not one object", () => {
    for (const body of ["", "[]", "null", '"x"', "{", '{"a"', '{"a":', '{"a":1', '{"a":1 "b":2}', '{"a', "{1:2}", '{"a":}', '{"a": }', '{"a": ,"b":1}']) {
      assert.throws(() => edited(body, { model: "m" }), (error) => error instanceof AppError && error.code === "INVALID_JSON", body);
    }
  });

  it("gives any document the new values, and every other field its old one", () => {
    const key = fc.oneof(fc.constantFrom("model", "stream_options", "max_tokens", "a"), fc.string({ unit: "grapheme", maxLength: 5 })).filter((name) => name !== "__proto__");
    const members = fc.uniqueArray(fc.tuple(key, fc.jsonValue({ maxDepth: 3 })), { maxLength: 6, selector: ([name]) => name });
    fc.assert(fc.property(members, fc.constantFrom("", " ", "\n\t"), fc.string({ unit: "grapheme", maxLength: 8 }), (list, space, model) => {
      const body = `${space}{${list.map(([name, value]) => `${space}${JSON.stringify(name)}${space}:${space}${JSON.stringify(value, null, space)}${space}`).join(",")}}${space}`;
      // As it was written: -0 is 0 there.
      const given = JSON.parse(body) as Record<string, unknown>;
      const options = given.stream_options;
      const expected = {
        ...given, model, max_tokens: 7,
        stream_options: { ...(typeof options === "object" && options !== null && !Array.isArray(options) ? options : {}), include_usage: true },
      };
      assert.deepEqual(JSON.parse(edited(body, { model, maxTokens: 7, streamUsage: true }, "openai-completions")), expected);
    }), { numRuns: 200 });
  });
});
