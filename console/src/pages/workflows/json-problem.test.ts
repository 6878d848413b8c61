import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { jsonProblem } from "./json-problem.ts";

describe("jsonProblem", () => {
  it("finds nothing wrong with JSON", () => {
    for (const text of ["{}", "[1]", "null", '"a"']) assert.equal(jsonProblem(text), undefined, text);
  });

  it("says where it is wrong", () => {
    assert.match(jsonProblem('{\n  "a": 1,\n  b: 2\n}') ?? "", /^This is not JSON, at line 3: /);
    assert.match(jsonProblem("{") ?? "", /^This is not JSON/);
  });
});
