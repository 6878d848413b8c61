import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "../../../test/kit/fast-check.ts";
import { compileSchema } from "./compile-schema.ts";
import { SchemaStream } from "./schema-stream.ts";
import type { Schema } from "./schema-limits.ts";

/** Where the text trips, or -1. */
function tripOf(schema: Schema, text: string): { at: number; message: string } {
  const stream = new SchemaStream(schema);
  for (let at = 0; at < text.length; at++) {
    const problem = stream.push(text.charAt(at));
    if (problem !== null) return { at, message: `${problem.path} ${problem.message}` };
  }
  const problem = stream.end();
  return problem === null ? { at: -1, message: "" } : { at: text.length, message: `${problem.path} ${problem.message}` };
}

const scalar = fc.oneof(fc.constantFrom<unknown>(null, true, false, 0, 1, -2, 1.5, 1e21, "", "a", "ab", "é😀", "red", "\"\\\n"), fc.integer({ min: -5, max: 5 }), fc.string({ maxLength: 4 }));
const name = fc.constantFrom("a", "b", "c", "kind");
const { value, schema } = fc.letrec<{ value: unknown; schema: unknown }>((tie) => ({
  value: fc.oneof({ maxDepth: 3, depthIdentifier: "value" }, scalar, fc.array(tie("value"), { maxLength: 3 }), fc.dictionary(name, tie("value"), { maxKeys: 3 })),
  schema: fc.oneof(
    { maxDepth: 3, depthIdentifier: "schema" },
    fc.constantFrom<unknown>({}, true, { type: "string" }, { type: "integer" }, { type: "number", minimum: 0 }, { type: ["string", "null"] }, { type: "string", maxLength: 2 }, { type: "string", minLength: 1 }, { $ref: "#/$defs/node" }, { $ref: "#" }, false, { type: "boolean" }, { type: "null" }),
    fc.record({ enum: fc.array(scalar, { minLength: 1, maxLength: 4 }) }), fc.record({ const: scalar }),
    fc.record({ type: fc.constant("array"), items: tie("schema"), maxItems: fc.nat({ max: 3 }), minItems: fc.nat({ max: 1 }) }, { requiredKeys: [] }),
    fc.record({ prefixItems: fc.array(tie("schema"), { minLength: 1, maxLength: 2 }), items: tie("schema") }, { requiredKeys: ["prefixItems"] }),
    fc.record({ type: fc.constant("object"), properties: fc.dictionary(name, tie("schema"), { maxKeys: 3 }), required: fc.uniqueArray(name, { maxLength: 2 }), additionalProperties: fc.oneof(fc.boolean(), tie("schema")), patternProperties: fc.constant({ "^k": { type: "string" } }), maxProperties: fc.nat({ max: 3 }), minProperties: fc.nat({ max: 2 }) }, { requiredKeys: [] }),
    fc.record({ anyOf: fc.array(tie("schema"), { minLength: 1, maxLength: 3 }) }), fc.record({ oneOf: fc.array(tie("schema"), { minLength: 1, maxLength: 3 }) }), fc.record({ allOf: fc.array(tie("schema"), { minLength: 1, maxLength: 2 }) }), fc.record({ not: tie("schema") }),
  ),
}));
const rooted = fc.tuple(schema, schema).map(([root, node]): Schema => ({ ...(typeof root === "object" ? root : { allOf: [root] }), $defs: { node } }));

describe("schema stream", () => {
  it("never trips on a valid text, at any prefix, whatever the schema", () => {
    let valid = 0;
    fc.assert(fc.property(rooted, fc.array(value, { minLength: 1, maxLength: 4 }), fc.constantFrom(undefined, 1), (root, values, space) => {
      let check: ReturnType<typeof compileSchema>;
      try {
        check = compileSchema(root);
      } catch {
        return;
      }
      for (const one of values) {
        let problems: unknown[];
        try {
          problems = check(one);
        } catch {
          // A reference to itself has no end.
          continue;
        }
        if (problems.length > 0) continue;
        valid++;
        const text = JSON.stringify(one, undefined, space);
        assert.deepEqual(tripOf(root, text), { at: -1, message: "" }, `${text} of ${JSON.stringify(root)}`);
        assert.equal(new SchemaStream(root).push(` \n${text.includes("false") ? text : text.replaceAll("a", "\\u0061")} `), null);
      }
    }), { numRuns: 120 });
    assert.ok(valid > 20, String(valid));
  });

  it("takes every JSON and nothing else where the schema says nothing", () => {
    fc.assert(fc.property(fc.json({ maxDepth: 2 }), (text) => assert.equal(tripOf({}, text).at, -1)), { numRuns: 60 });
    for (const text of ["{,}", "[1,]", '{"a" 1}', '{"a":}', "01", "1.", "-", "+1", "tru", "nul ", "[1 2]", '"\\x"', '"\\u12g4"', '"\n"', "{} x", "", "{", "[", '"a', "```json", "Here: {}", "1e", "}", "[}"]) {
      assert.notEqual(tripOf({}, text).at, -1, text);
      assert.throws(() => void JSON.parse(text), text);
    }
  });

  it("trips at the first character that decides", () => {
    const person = { type: "object", properties: { name: { type: "string", maxLength: 3 }, age: { type: "integer" }, kind: { enum: ["red", "green"] }, tags: { type: "array", items: { type: "string" }, maxItems: 1 } }, required: ["name"], additionalProperties: false };
    for (const [text, at, message] of [
      ["[", 0, "$ must not be of type array"], ['{"x"', 3, '$ has the property "x", which is not allowed'], ['{"name":1', 8, "$.name must not be of type number"], ['{"kind":"gra', 11, "$.kind is none of the values that are allowed, or too long"], ['{"kind":"gre"', 12, "$.kind is none of the values that are allowed, or too short"],
      ['{"age":1.5}', 10, "$.age is none of the numbers that are allowed"], ['{"age":1}', 8, '$ lacks the property "name"'], ['{"name":"abcd', 12, "$.name is none of the values that are allowed, or too long"], ['{"tags":["a",1', 13, "$.tags has too many items"], ['{"tags":[2', 9, "$.tags[0] must not be of type number"], ['{"name":"a"', 11, "$ ends in the middle"],
    ] as const) assert.deepEqual(tripOf(person, text), { at, message }, text);
  });

  it("follows alternatives that only a later property tells apart, and recursion", () => {
    const shape = { anyOf: [{ type: "object", properties: { kind: { const: "circle" }, radius: { type: "number" } }, required: ["kind", "radius"], additionalProperties: false }, { type: "object", properties: { kind: { const: "box" }, side: { type: "number" } }, required: ["kind", "side"], additionalProperties: false }] };
    assert.equal(tripOf(shape, '{"kind":"box","side":1}').at, -1);
    assert.equal(tripOf(shape, '{"kind":"box","radius"').message, '$ has the property "radius", which is not allowed');
    assert.equal(tripOf(shape, '{"radius":1,"kind":"box"').message, "$.kind is none of the values that are allowed, or too long");
    const node = { $defs: { node: { type: "object", properties: { value: { type: "integer" }, next: { anyOf: [{ $ref: "#/$defs/node" }, { type: "null" }] } }, required: ["value", "next"] } }, $ref: "#/$defs/node" };
    assert.equal(tripOf(node, '{"value":1,"next":{"value":2,"next":null}}').at, -1);
    assert.equal(tripOf(node, '{"value":1,"next":{"value":"').message, "$.next.value must not be of type string");
    assert.equal(tripOf({ $ref: "#" }, "1").at, -1);
  });

  it("bounds its levels, and gives up following where there are too many alternatives", () => {
    assert.match(tripOf({}, "[".repeat(300)).message, /more than 200 levels/);
    const wide = { allOf: Array.from({ length: 8 }, () => ({ anyOf: Array.from({ length: 8 }, (_, index) => ({ type: "object", properties: { a: { const: index } } })) })) };
    assert.equal(tripOf(wide, '{"a":3}').at, -1);
    assert.equal(tripOf({ anyOf: Array.from({ length: 70 }, (_, index) => ({ const: index })) }, "69").at, -1);
  });

  it("counts characters as JSON Schema does, by code points", () => {
    assert.equal(tripOf({ maxLength: 2 }, '"😀\ud83d\ude00"').at, -1);
    assert.notEqual(tripOf({ maxLength: 2 }, '"😀ab"').at, -1);
    assert.notEqual(tripOf({ minLength: 2 }, '"😀"').at, -1);
  });
});
