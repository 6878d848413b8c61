import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { AppError } from "../../core/errors.ts";
import { RequestFields, shown } from "./request-fields.ts";

/** What a reader gives, and what it has against the value: `MESSAGE`, or `PATH MESSAGE` where the path is not `f`. */
function read<Value>(reader: (fields: RequestFields) => Value): [value: Value, ...problems: string[]] {
  const fields = new RequestFields();
  const value = reader(fields);
  try {
    fields.finish({});
    return [value];
  } catch (error) {
    assert.ok(error instanceof AppError && error.code === "INVALID_REQUEST");
    return [value, ...error.problems.map(({ path, message }) => (path === "f" ? message : `${path} ${message}`))];
  }
}

describe("RequestFields", () => {
  it("gives a value of its type whatever stands there, and says what was expected and what came", () => {
    const values = [undefined, null, "a", "", 1, true, [1], { a: 1 }];
    const [missing, isNull, text, empty, number, flag, list, object] = ["is missing", "null", "a string", "", "a number", "a boolean", "an array", "an object"];
    const but = (expected: string, word: string): string => `must be ${expected}, but is ${word}`;
    const cases: [name: string, reader: (fields: RequestFields, value: unknown) => unknown, ...[value: unknown, ...problems: string[]][]][] = [
      ["text", (fields, value) => fields.text(value, "f"), ["", missing], ["", but("a string", isNull)], ["a"], [""], ["", but("a string", number)], ["", but("a string", flag)], ["", but("a string", list)], ["", but("a string", object)]],
      ["name", (fields, value) => fields.name(value, "f"), ["", missing], ["", but("a string", isNull)], ["a"], ["", "must not be empty"], ["", but("a string", number)], ["", but("a string", flag)], ["", but("a string", list)], ["", but("a string", object)]],
      ["optionalText", (fields, value) => fields.optionalText(value, "f"), [undefined], [undefined], ["a"], [""], ["", but("a string", number)], ["", but("a string", flag)], ["", but("a string", list)], ["", but("a string", object)]],
      ["flag", (fields, value) => fields.flag(value, "f"), [null], [null], [null, but("true or false", text)], [null, but("true or false", text)], [null, but("true or false", number)], [true], [null, but("true or false", list)], [null, but("true or false", object)]],
      ["number", (fields, value) => fields.number(value, "f", 0, 2), [null], [null], [null, but("a number", text)], [null, but("a number", text)], [1], [null, but("a number", flag)], [null, but("a number", list)], [null, but("a number", object)]],
      ["count", (fields, value) => fields.count(value, "f", 0), [null], [null], [null, but("a whole number", text)], [null, but("a whole number", text)], [1], [null, but("a whole number", flag)], [null, but("a whole number", list)], [null, but("a whole number", object)]],
      ["document", (fields, value) => fields.document(value, "f"), [{}, missing], [{}, but("an object", isNull)], [{}, but("an object", text)], [{}, but("an object", text)], [{}, but("an object", number)], [{}, but("an object", flag)], [{}, but("an object", list)], [{ a: 1 }]],
      ["optionalRecord", (fields, value) => fields.optionalRecord(value, "f"), [undefined], [undefined], [{}, but("an object", text)], [{}, but("an object", text)], [{}, but("an object", number)], [{}, but("an object", flag)], [{}, but("an object", list)], [{ a: 1 }]],
      ["list", (fields, value) => fields.list(value, "f"), [[], missing], [[], but("an array", isNull)], [[], but("an array", text)], [[], but("an array", text)], [[], but("an array", number)], [[], but("an array", flag)], [[1]], [[], but("an array", object)]],
      ["optionalList", (fields, value) => fields.optionalList(value, "f"), [[]], [[]], [[], but("an array", text)], [[], but("an array", text)], [[], but("an array", number)], [[], but("an array", flag)], [[1]], [[], but("an array", object)]],
      ["texts", (fields, value) => fields.texts(value, "f"), [[]], [[]], [["a"]], [[""], "must not be empty"], [[], but("an array", number)], [[], but("an array", flag)], [[""], `f[0] ${but("a string", number)}`], [[], but("an array", object)]],
    ];
    assert.equal(empty, "");
    for (const [name, reader, ...expected] of cases) values.forEach((value, index) => assert.deepEqual(read((fields) => reader(fields, value)), expected[index], `${name} of ${JSON.stringify(value)}`));
  });

  it("keeps numbers within their bounds, which belong to them", () => {
    const number = (value: number, most = 2): unknown[] => read((fields) => fields.number(value, "f", -1, most));
    for (const value of [-1, 0, 0.5, 2]) assert.deepEqual(number(value), [value]);
    for (const value of [-1.1, 2.1, Infinity, -Infinity]) assert.deepEqual(number(value), [null, "must be from -1 to 2"]);
    for (const value of [-2, Infinity]) assert.deepEqual(number(value, Infinity), [null, "must be at least -1"]);
    const count = (value: number): unknown[] => read((fields) => fields.count(value, "f", 2));
    for (const value of [2, Number.MAX_SAFE_INTEGER]) assert.deepEqual(count(value), [value]);
    for (const value of [1, 2.5, 2 ** 53, Infinity]) assert.deepEqual(count(value), [null, "must be a whole number of at least 2"]);
  });

  it("takes one of the words, and shows what else came", () => {
    const word = (value: unknown, words: readonly string[] = ["low", "high", "max"]): unknown[] => read((fields) => fields.oneOf(value, "f", words));
    assert.deepEqual([word("high"), word(undefined), word(null)], [["high"], [undefined], [undefined]]);
    assert.deepEqual([word("top"), word(3), word("a", ["b"]), word("a", ["b", "c"])], [[undefined, 'must be low, high or max, but is "top"'], [undefined, "must be low, high or max, but is a number"], [undefined, 'must be b, but is "a"'], [undefined, 'must be b or c, but is "a"']]);
    assert.deepEqual([shown("x".repeat(60)), shown("x".repeat(61)), shown(undefined), shown(null), shown([])], [`"${"x".repeat(60)}"`, `"${"x".repeat(60)}..."`, "missing", "null", "an array"]);
  });

  it("refuses another spelling of a field that it has, and none where it has no such field", () => {
    const known = new Set(["model", "stop"]);
    const extra = (body: object): unknown[] => read((fields) => fields.extra(body as Record<string, unknown>, known));
    assert.deepEqual(extra({ model: 1, other: 2, none: null, Other2: 3 }), [{ other: 2, Other2: 3 }]);
    assert.deepEqual(extra({ Model: 1 }), [{}, '"Model" is not a field; model is']);
    assert.deepEqual(extra({ "\u017ftop": 1 }), [{}, '"\u017ftop" is not a field; stop is']);
    assert.deepEqual(extra({ own: 1, OWN: 2 }), [{ own: 1 }, '"OWN" is not a field; own is']);
    assert.deepEqual(extra(JSON.parse('{"__proto__":{"a":1}}') as object), [{}, "__proto__ is not a field"]);
    assert.deepEqual(read((fields) => fields.record({ a: 1, A: 2, B: 3 }, "f")), [{ a: 1, A: 2, B: 3 }, 'f."A" is not a field; a is']);
    assert.deepEqual(read((fields) => fields.leaveRest({ model: 1, MODEL: 2 }, known, "f")), [undefined, 'f."MODEL" is not a field; model is']);
  });

  it("names what is not carried over and says something, and keeps what only its own protocol has", () => {
    const fields = new RequestFields();
    fields.leaveRest({ model: 1, text: "a", zero: 0, list: [1], object: {}, no: null, none: undefined, off: false, empty: "", nothing: [] }, new Set(["model"]), "f");
    fields.leave("g");
    fields.native("h", "is its own", { a: 1 });
    fields.native("i", "is its own too");
    assert.deepEqual(fields.finish({ own: 1 }), { extra: { own: 1, h: { a: 1 } }, nativeOnly: [{ path: "h", message: "is its own" }, { path: "i", message: "is its own too" }], uncarried: ["f.text", "f.zero", "f.list", "f.object", "g"] });
    assert.deepEqual(new RequestFields().finish({}), { extra: {} });
  });

  it("names at most 64 of each", () => {
    const fields = new RequestFields();
    for (let index = 0; index < 65; index++) {
      fields.leave(`l${index}`);
      fields.native(`n${index}`, "is its own");
    }
    const { nativeOnly, uncarried } = fields.finish({});
    assert.deepEqual([nativeOnly?.length, uncarried?.length, nativeOnly?.at(-1)?.path, uncarried?.at(-1)], [64, 64, "n63", "l63"]);
    assert.equal(read((each) => Array.from({ length: 65 }, (_, index) => each.problem(`p${index}`, "is wrong"))).length, 1 + 64);
  });
});
