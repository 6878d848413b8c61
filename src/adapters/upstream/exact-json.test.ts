import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc, { codePoint } from "../../../test/kit/fast-check.ts";
import { AppError } from "../../core/errors.ts";
import { parseExactJson, type ExactValue } from "./exact-json.ts";

const parse = (text: string): ExactValue => parseExactJson(Buffer.from(text));
const written = (value: ExactValue): string => {
  if (Array.isArray(value)) return `[ ${value.map(written).join(" ,\n")}]`;
  if (value !== null && typeof value === "object") return `{${Object.entries(value).map(([name, part]) => `${JSON.stringify(name)} :${written(part)}`).join(",\t")} }`;
  // A double beyond 2^53 that is written without a point is read as what it stands for, a whole number of 64 bits.
  if (typeof value === "number" && Number.isInteger(value) && !Number.isSafeInteger(value) && /^-?[0-9]+$/.test(String(value))) return `${value}.0`;
  return typeof value === "string" ? JSON.stringify(value) : Object.is(value, -0) ? "-0.0" : String(value);
};

describe("parseExactJson", () => {
  it("reads every value as it was written, whole numbers of 64 bits and NaN among them", () => {
    const { value } = fc.letrec<{ value: ExactValue }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 3 }, fc.double(), fc.bigInt({ min: 2n ** 53n, max: 2n ** 64n }), fc.bigInt({ min: -(2n ** 63n), max: -(2n ** 53n) }), fc.maxSafeInteger(), fc.string({ unit: codePoint }), fc.boolean(), fc.constant(null),
        fc.constantFrom("NaN", "Infinity", '\\"1234567890123456'), fc.array(tie("value"), { maxLength: 5 }),
        fc.dictionary(fc.string(), tie("value"), { maxKeys: 5, noNullPrototype: false }).filter((object) => !Object.hasOwn(object, "__proto__")) as fc.Arbitrary<ExactValue>,
      ),
    }));
    const plain = (one: ExactValue): ExactValue => (Array.isArray(one) ? one.map(plain) : one !== null && typeof one === "object" ? Object.fromEntries(Object.entries(one).map(([name, part]) => [name, plain(part)])) : one);
    fc.assert(fc.property(value, (one) => assert.deepEqual(plain(parse(written(one))), plain(one))), { numRuns: 60 });
  });

  it("reads and refuses what JSON.parse does, but for the words that JSON does not have", () => {
    const pieces = fc.array(fc.constantFrom("{", "}", "[", "]", ",", ":", '"a"', '"', "1", "-", "0", ".5", "e+3", "12345678901234567", "null", "tru", " ", "\n", "\\u00e9", "\\"), { maxLength: 8 });
    fc.assert(fc.property(pieces, (parts) => {
      const text = parts.join("");
      let expected: unknown;
      let valid = true;
      try {
        expected = JSON.parse(text);
      } catch {
        valid = false;
      }
      if (!valid) assert.throws(() => parse(text), (error: unknown) => error instanceof AppError && error.code === "UPSTREAM_BAD_ANSWER");
      else if (!/\d{16}/.test(text)) assert.deepEqual(parse(text), expected);
      else assert.doesNotThrow(() => parse(text));
    }), { numRuns: 2000 });
  });

  it("makes nothing of names that objects inherit", () => {
    const value = parse('{"__proto__":{"polluted":9999999999999999},"constructor":1}') as { [name: string]: ExactValue };
    assert.equal((value as { polluted?: unknown }).polluted, undefined);
    assert.deepEqual(Object.keys(value), ["__proto__", "constructor"]);
  });
});
