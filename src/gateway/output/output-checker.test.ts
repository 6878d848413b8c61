import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { betweenLooks } from "../../../test/kit/between-looks.ts";
import { threadAtWork, withoutThreads } from "../../../test/kit/faulty-threads.ts";
import { compileSchema } from "./compile-schema.ts";
import { OutputChecker } from "./output-checker.ts";

const person = { type: "object", properties: { name: { type: "string", pattern: "^[A-Z]" }, age: { type: "integer", minimum: 0 } }, required: ["name"], additionalProperties: false };

describe("compiled schemas", () => {
  it("say what is wrong in words that a model can follow, with its place", () => {
    const check = compileSchema(person);
    assert.deepEqual(check({ name: "Ada", age: 1 }), []);
    assert.deepEqual(check({ age: -1.5, x: 1 }), [
      { path: "$", message: 'lacks the property "name"' }, { path: "$", message: 'has the property "x", which is not allowed' }, { path: "$.age", message: "must be of type integer" }, { path: "$.age", message: "must be >= 0" },
    ]);
    assert.deepEqual(compileSchema({ items: { enum: [1, "a"] } })([2]), [{ path: "$[0]", message: 'must be one of [1,"a"]' }]);
  });

  it("know both drafts, and check no formats", () => {
    assert.equal(compileSchema({ prefixItems: [{ type: "string" }], items: false })(["a", 1]).length, 1);
    assert.equal(compileSchema({ $schema: "http://json-schema.org/draft-07/schema#", items: [{ type: "string" }], additionalItems: false })(["a", 1]).length, 1);
    assert.equal(compileSchema({ type: "array", items: [{ type: "string" }], additionalItems: false })(["a"]).length, 0);
    assert.deepEqual(compileSchema({ type: "string", format: "email" })("no address"), []);
    assert.deepEqual(compileSchema({ $id: "https://example.com/one", type: "string" })("a"), []);
    assert.deepEqual(compileSchema({ $id: "https://example.com/one", type: "number" })(1), []);
    assert.deepEqual(compileSchema({ definitions: { a: { type: "string" } }, properties: { x: { $ref: "#/definitions/a" } } })({ x: "y" }), []);
    assert.deepEqual(compileSchema({ type: "string", pattern: "^a\\-b$" })("a-b"), []);
    const tree = compileSchema({ type: "object", properties: { next: { $ref: "#" }, value: { type: "integer" } } });
    assert.deepEqual(tree({ next: { value: "x" } }), [{ path: "$.next.value", message: "must be of type integer" }]);
    assert.throws(() => compileSchema({ type: "nonsense" }));
  });

  it("agree with Python's jsonschema 4.26 (Draft202012Validator) on cases where validators differ", () => {
    // Verdicts of that library, noted down by running it.
    for (const [schema, value, isValid] of [
      [{ type: "integer" }, 1.0, true], [{ type: "integer" }, 1e300, true], [{ const: 1 }, true, false], [{ enum: [0] }, false, false], [{ multipleOf: 0.5 }, 4.5, true], [{ minLength: 2 }, "😀", false], [{ maxLength: 1 }, "😀", true], [{ uniqueItems: true }, [1, true], true],
      [{ uniqueItems: true }, [{ a: 1 }, { a: 1 }], false], [{ contains: { type: "string" }, maxContains: 1 }, ["a", "b"], false], [{ propertyNames: { maxLength: 1 } }, { ab: 1 }, false], [{ dependentRequired: { a: ["b"] } }, { a: 1 }, false],
      [{ allOf: [{ properties: { a: true } }], unevaluatedProperties: false }, { a: 1 }, true], [{ allOf: [{ properties: { a: true } }], unevaluatedProperties: false }, { b: 1 }, false], [{ if: { properties: { a: { const: 1 } } }, then: { required: ["b"] } }, { a: 1 }, false],
      [{ oneOf: [{ type: "integer" }, { minimum: 2 }] }, 3, false], [{ not: {} }, 1, false], [{ pattern: "b" }, "abc", true], [{ type: ["null", "string"] }, null, true], [{ required: ["__proto__"] }, {}, false], [{ exclusiveMaximum: 3 }, 3, false],
    ] as const) assert.equal(compileSchema(schema)(value).length === 0, isValid, JSON.stringify([schema, value]));
  });
});

describe("output checker", () => {
  const checker = new OutputChecker(20_000);
  after(() => checker.close());

  it("checks texts in its thread", async () => {
    await checker.accept(person);
    assert.deepEqual(await Promise.all([checker.check(person, '{"name":"Ada"}'), checker.check(person, '{"name":"ada"}'), checker.check({ type: "number" }, "1")]), [[], [{ path: "$.name", message: "must match the pattern ^[A-Z]" }], []]);
  });

  it("refuses schemas that are none, too large, too deep, or point elsewhere, before anything is compiled", async () => {
    await assert.rejects(checker.accept({ type: "nonsense" }), { code: "INVALID_REQUEST" });
    await assert.rejects(checker.accept({ $ref: "#/$defs/missing" }), { code: "INVALID_REQUEST" });
    await assert.rejects(checker.accept({ properties: { a: { $ref: "https://example.com/schema" } } }), { code: "INVALID_REQUEST", problems: [{ path: "schema.properties.a.$ref", message: "A schema may point to its own parts only: #/$defs/NAME." }] });
    await assert.rejects(checker.accept({ description: "x".repeat(70_000) }), { code: "INVALID_REQUEST" });
    await assert.rejects(checker.accept({ enum: Array.from({ length: 6000 }, () => []) }), { code: "INVALID_REQUEST" });
    let deep: Record<string, unknown> = {};
    for (let level = 0; level < 100; level++) deep = { not: deep };
    await assert.rejects(checker.accept(deep), { code: "INVALID_REQUEST" });
  });

  it("fails an answer, not itself, on references without an end", async () => {
    assert.equal((await checker.check({ $ref: "#" }, "1")).length, 1);
    assert.deepEqual(await checker.check({ type: "number" }, "1"), []);
  });

  it("ends a check that takes too long, goes on with what waits, and refuses that schema from then on", async () => {
    const hasty = new OutputChecker(300);
    const hostile = { type: "string", pattern: "^(a+)+$" };
    const waiting = hasty.check(hostile, JSON.stringify(`${"a".repeat(60)}!`));
    const behind = hasty.check({ type: "number" }, "1");
    await assert.rejects(waiting, { code: "STRUCTURED_OUTPUT_INVALID" });
    // On a slow machine compiling may take longer than this checker waits, which is its promise too.
    await behind.catch((error: { code?: string }) => assert.equal(error.code, "STRUCTURED_OUTPUT_INVALID"));
    await assert.rejects(hasty.accept({ ...hostile }), { code: "INVALID_REQUEST" });
    // Nor does one wait without an end where the processor has no time for it.
    const starved = new OutputChecker(50, () => 0);
    await assert.rejects(starved.check(hostile, JSON.stringify(`${"a".repeat(60)}!`)), { code: "STRUCTURED_OUTPUT_INVALID" });
    await starved.close();
    await hasty.close();
    await assert.rejects(hasty.check({ type: "number" }, "1"), { code: "SHUTTING_DOWN" });
  });

  it("blames the schema whose check takes all the memory of the thread, goes on with what waits, and refuses that schema from then on", async () => {
    const greedy = new OutputChecker(600_000);
    // Each error has its place in a text of its own.
    const hostile = { additionalProperties: { allOf: Array.from({ length: 1000 }, () => ({ type: "string" })) } };
    const outcomes = [greedy.check(hostile, JSON.stringify({ [`~${"a".repeat(1_000_000)}`]: 1 })), greedy.check({ type: "number" }, "1"), greedy.check({ type: "number" }, '"1"')];
    await assert.rejects(outcomes[0]!, { code: "STRUCTURED_OUTPUT_INVALID", message: "The answer could not be checked with its schema in the memory that there is for it." });
    assert.deepEqual([(await outcomes[1]!).length, (await outcomes[2]!).length], [0, 1]);
    await assert.rejects(greedy.accept({ ...hostile }), { code: "INVALID_REQUEST" });
    await greedy.close();
  });

  it("makes a check once more whose thread died, and gives up that one alone where the next thread dies too", async () => {
    const mortal = new OutputChecker(600_000);
    const former = threadAtWork("output-checker");
    const endless = mortal.check({ type: "string", pattern: "^(a+)+$" }, JSON.stringify(`${"a".repeat(60)}!`));
    const behind = mortal.check({ type: "number" }, "1");
    let first = former;
    for (; first === former; first = threadAtWork("output-checker")) await betweenLooks();
    await first!.terminate();
    let second = first;
    for (; second === first; second = threadAtWork("output-checker")) await betweenLooks();
    void second!.terminate();
    await assert.rejects(endless, { code: "INTERNAL" });
    assert.deepEqual(await behind, []);
    await mortal.close();
  });

  it("turns away what comes when a thousand wait, and counts it", async () => {
    const full: string[] = [];
    const busy = new OutputChecker(20_000, undefined, { count: (room) => void full.push(room) });
    // Its thread has not begun yet.
    const waiting = Array.from({ length: 1000 }, () => busy.check({ type: "number" }, "1").then(() => "checked", ({ code }: { code: string }) => code));
    assert.deepEqual(full, []);
    await assert.rejects(busy.check({ type: "number" }, "1"), { code: "GATEWAY_OVERLOADED", retryAfterSeconds: 1 });
    await assert.rejects(busy.accept({ type: "number" }), { code: "GATEWAY_OVERLOADED" });
    assert.deepEqual(full, ["output checks", "output checks"]);
    assert.deepEqual([...new Set(await Promise.all(waiting))], ["checked"]);
    assert.deepEqual(await busy.check({ type: "number" }, "1"), []);
    await busy.close();
  });

  it("fails checks while the machine has no thread left, and makes them again when it has", async () => {
    const checker = new OutputChecker(20_000);
    await withoutThreads(() => assert.rejects(checker.check({ type: "number" }, "1"), { code: "INTERNAL" }));
    assert.deepEqual(await checker.check({ type: "number" }, "1"), []);
    await checker.close();
  });
});
