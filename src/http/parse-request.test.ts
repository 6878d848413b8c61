import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { z } from "zod";
import type { Problem } from "../core/errors.ts";
import { parseNumbersAsSent, validate } from "./parse-request.ts";

describe("validate", () => {
  const schema = z.strictObject({ artifact: z.string(), reference: z.strictObject({ digest: z.string() }).optional(), counts: z.array(z.number()).default([]) });
  const problemsOf = (value: unknown, where = ""): Problem[] => {
    const problems: Problem[] = [];
    validate(schema, value, where, problems);
    return problems;
  };

  it("says of each missing field that it is missing, and where", () => {
    assert.deepEqual(problemsOf({ reference: {} }), [{ path: "artifact", message: "is missing" }, { path: "reference.digest", message: "is missing" }]);
    assert.deepEqual(problemsOf({}, "path"), [{ path: "path.artifact", message: "is missing" }]);
  });

  it("lists a bounded number of problems, however many there are", () => {
    assert.equal(problemsOf({ artifact: "a", counts: new Array(50_000).fill("x") }).length, 64);
  });

  it("names the places of wrong values, and takes right ones with their defaults", () => {
    assert.deepEqual(problemsOf({ artifact: 7, counts: [1, "x"], reference: { digest: "d", form: "csv" } }), [
      { path: "artifact", message: "must be a string, but is a number" },
      { path: "reference", message: 'has the unknown field "form"; its field is "digest"' },
      { path: "counts[1]", message: "must be a number, but is a string" },
    ]);
    const problems: Problem[] = [];
    assert.deepEqual(validate(schema, { artifact: "a" }, "", problems), { artifact: "a", counts: [] });
    assert.deepEqual(problems, []);
  });
});

describe("parseNumbersAsSent", () => {
  it("keeps how a number was written where JavaScript would write it otherwise", () => {
    const sent = '{"a":[9.0,1e2,-0,1e400,12345678901234567890],"b":"9.0"}';
    assert.equal(JSON.stringify(parseNumbersAsSent(Buffer.from(`\ufeff${sent}`))), sent);
    assert.deepEqual(parseNumbersAsSent(Buffer.from('{"a":9,"b":1.5,"c":null}')), { a: 9, b: 1.5, c: null });
  });
});
