import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "../../test/kit/fast-check.ts";
import { assertJsonBounds, largeBodyBounds } from "./json-bounds.ts";
import { countFields, findRepeatedField } from "./repeated-fields.ts";

const isRepeated = (text: string): boolean => countFields(JSON.parse(text)) !== assertJsonBounds(Buffer.from(text), largeBodyBounds);

describe("repeated fields", () => {
  it("are found at any depth, in any spelling, and named by their place", () => {
    for (const [text, place] of [
      ['{"a":1,"a":1}', "a"], ['{"a":1,"\\u0061":2}', "a"], ['{"messages":[{"role":"user"},{"content":"x","content":["y"]}]}', "messages[1].content"], ['[[{}],[{"a":{"b":[],"c":0,"b":{}}}]]', "[1][0].a.b"],
      ['{"__proto__":{},"__proto__":{}}', "__proto__"], ['{"":1,"":2}', ""], ['{"a":"{\\"a\\":1","b":",:","b":[]}', "b"], [`{"${"x".repeat(100)}":1,"${"x".repeat(100)}":1}`, `${"x".repeat(60)}...`],
    ] as const) assert.deepEqual([isRepeated(text), findRepeatedField(text)], [true, place], text);
    for (const text of ['{"a":{"a":[{"a":1},{"a":1}]}}', '{"a":1,"A":1}', '{"a":"\\"a\\":1","b":"a\\\\"}', "[]", '"a:b"', "null", '{"__proto__":{"constructor":1},"constructor":1}']) assert.deepEqual([isRepeated(text), findRepeatedField(text)], [false, null], text);
  });

  it("are told for any document, and never for one without", () => {
    const entry = fc.tuple(fc.oneof(fc.constantFrom("a", "b", ",", '"', "\\"), fc.string({ unit: "grapheme", maxLength: 3 })), fc.jsonValue({ maxDepth: 3 }));
    fc.assert(fc.property(fc.array(entry, { maxLength: 5 }), (members) => {
      const text = `[0,{"in":{${members.map(([name, value]) => `${JSON.stringify(name)}: ${JSON.stringify(value, null, 1)}`).join(" , ")}}}]`;
      const seen = new Set<string>();
      const first = members.find(([name]) => seen.size === seen.add(name).size);
      assert.equal(isRepeated(text), first !== undefined, text);
      assert.equal(findRepeatedField(text), first === undefined ? null : `[1].in.${first[0]}`, text);
    }));
  });
});
