import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "../../test/kit/fast-check.ts";
import { z } from "zod";
import { describeIssue } from "./describe-issue.ts";

function messagesOf(schema: z.ZodType, value: unknown): string[] {
  const parsed = schema.safeParse(value, { error: describeIssue });
  return parsed.success ? [] : parsed.error.issues.map(({ path, message }) => [...path, message].join(" "));
}

const manyFields = z.strictObject(Object.fromEntries(Array.from({ length: 30 }, (_, index) => [`field${index}`, z.number().optional()])));

describe("describeIssue", () => {
  const cases: [string, z.ZodType, unknown, string][] = [
    ["a wrong type", z.string(), 7, "must be a string, but is a number"],
    ["null", z.boolean(), null, "must be a boolean, but is null"],
    ["a list", z.strictObject({}), [1], "must be an object, but is a list"],
    ["an object", z.array(z.string()), {}, "must be a list, but is an object"],
    ["a fraction for a whole number", z.int(), 1.5, "must be a whole number, but is a fraction"],
    ["a fraction for a text", z.string(), 1.5, "must be a string, but is a number"],
    ["a text for a number", z.number(), "1", "must be a number, but is a string"],
    ["a text that cannot be read as a number", z.coerce.number(), "x", "must be a number"],
    ["what is missing", z.string(), undefined, "is missing"],
    ["a missing choice", z.enum(["a", "b"]), undefined, "is missing"],
    ["a missing union", z.union([z.string(), z.number()]), undefined, "is missing"],
    ["no choice", z.enum(["parquet", "csv"]), "xls", 'must be one of "parquet", "csv"'],
    ["not the literal", z.literal(1), 2, "must be 1"],
    ["too small", z.number().min(1), 0, "must be at least 1"],
    ["not positive", z.number().positive(), 0, "must be more than 0"],
    ["too large", z.number().max(10), 11, "must be at most 10"],
    ["not below", z.number().lt(10), 10, "must be less than 10"],
    ["beyond whole numbers", z.int(), 2 ** 60, `must be at most ${Number.MAX_SAFE_INTEGER}`],
    ["an empty text", z.string().min(1), "", "must not be empty"],
    ["a long text", z.string().max(1), "ab", "must have at most 1 character"],
    ["a text of the wrong length", z.string().length(3), "ab", "must have exactly 3 characters"],
    ["a short list", z.array(z.number()).min(2), [1], "must have at least 2 elements"],
    ["no multiple", z.number().multipleOf(5), 3, "must be a multiple of 5"],
    ["no URL", z.url(), "x", "must be a URL"],
    ["no match", z.string().regex(/^a+$/), "b", "must match /^a+$/"],
    ["another start", z.string().startsWith("sha256:"), "b", 'must start with "sha256:"'],
    ["an unknown form", z.nanoid(), "", "does not have the right form"],
    ["an unknown field", z.strictObject({ a: z.number() }), { a: 1, b: 2 }, 'has the unknown field "b"; its field is "a"'],
    ["an unknown field of some", z.strictObject({ day: z.number().optional(), month: z.number().optional() }), { perDay: 2 }, 'has the unknown field "perDay"; its fields are "day", "month"'],
    ["an unknown field of many", manyFields, { field_7: 1 }, 'has the unknown field "field_7"; the nearest of its fields is "field7"'],
    ["an unknown field like none of many", manyFields, { colour: 1 }, 'has the unknown field "colour"'],
    ["unknown fields", z.strictObject({}), { b: 2, "c d": 3 }, 'has the unknown fields "b", "c d"'],
    ["no member of a union of types", z.union([z.string(), z.number(), z.boolean()]), null, "must be a string, a number or a boolean, but is null"],
    ["a member of the right type that is wrong", z.union([z.array(z.string()), z.string()]), ["a", 1], "has a problem at [1]: it must be a string, but is a number"],
    ["no member of a union of objects", z.union([z.strictObject({ a: z.string() }), z.strictObject({ b: z.string() })]), {}, "has none of the forms that it may have"],
    ["an unknown kind", z.discriminatedUnion("kind", [z.object({ kind: z.literal("a") }), z.object({ kind: z.literal("b") })]), { kind: "c" }, 'kind must be one of "a", "b"'],
    ["a missing kind", z.discriminatedUnion("kind", [z.object({ kind: z.literal("a") })]), {}, "kind is missing"],
    ["a name in a record", z.record(z.string().max(2), z.number()), { abc: 1 }, "abc has a name that is not allowed: it must have at most 2 characters"],
    ["what may not be there", z.never(), 1, "is not allowed here"],
    ["a condition without words", z.string().refine(() => false), "x", "is not valid"],
  ];
  for (const [name, schema, value, message] of cases) it(`words ${name}`, () => assert.deepEqual(messagesOf(schema, value), [message]));

  it("leaves a schema its own words", () => {
    assert.deepEqual(messagesOf(z.string().refine(() => false, "an alias such as champion"), "x"), ["an alias such as champion"]);
  });

  it("repeats a bounded part of what a caller made up", () => {
    const many = Object.fromEntries(Array.from({ length: 1000 }, (_, index) => [`${index}${"x".repeat(1000)}`, 1]));
    const [message] = messagesOf(z.strictObject({}), many);
    assert.match(message!, /and 990 more$/);
    assert.ok(message!.length < 1000);
  });

  it("says something in its own words of any value", () => {
    const schema = z.strictObject({
      a: z.union([z.string().max(2), z.array(z.int().min(0)).max(3), z.strictObject({ x: z.enum(["y"]) })]), b: z.coerce.number(), c: z.tuple([z.boolean(), z.null()]), d: z.record(z.string().min(1), z.number()),
    });
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), fc.record({ a: fc.jsonValue(), b: fc.jsonValue(), c: fc.jsonValue(), d: fc.jsonValue() })), (value) => {
        for (const message of messagesOf(schema, value)) assert.doesNotMatch(message, /Invalid|expected|received|Unrecognized|Too |undefined|\[object/);
      }),
    );
  });
});
