import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "../../../test/kit/fast-check.ts";
import { AppError } from "../../core/errors.ts";
import { experimentFilter, loggedModelFilter, modelVersionFilter, registeredModelFilter, runFilter, runOrder, registeredModelOrder } from "./index.ts";

function refusal(parse: () => unknown): string {
  try {
    parse();
  } catch (error) {
    assert.ok(error instanceof AppError);
    assert.equal(error.code, "FILTER_INVALID");
    return error.message;
  }
  return assert.fail("it was accepted");
}

describe("filters of runs", () => {
  it("reads comparisons of every kind of field", () => {
    assert.deepEqual(runFilter("metrics.loss <= -1.5e3 and params.model = 'tree' AND tags.mlflow.runName ILIKE \"a%\" AND status != 'FAILED'"), [
      { kind: "metric", key: "loss", operator: "<=", value: -1500 },
      { kind: "param", key: "model", operator: "=", value: "tree" },
      { kind: "tag", key: "mlflow.runName", operator: "ILIKE", value: "a%" },
      { kind: "attribute", key: "status", operator: "!=", value: "FAILED" },
    ]);
    assert.deepEqual(runFilter("attributes.start_time>=5 AND dataset.context like 'tr%' AND datasets.digest IN ('a','b',)"), [
      { kind: "attribute", key: "startTime", operator: ">=", value: 5 },
      { kind: "dataset", key: "context", operator: "LIKE", value: "tr%" },
      { kind: "dataset", key: "digest", operator: "IN", value: ["a", "b"] },
    ]);
    assert.deepEqual(runFilter("run_id not in ('x') AND attribute.`Run name` = 'it''s'"), [
      { kind: "attribute", key: "id", operator: "NOT IN", value: ["x"] },
      { kind: "attribute", key: "name", operator: "=", value: "it's" },
    ]);
  });

  it("reads whether params and tags are there", () => {
    assert.deepEqual(runFilter("params.`a b` IS NULL AND tag.x is  not null"), [
      { kind: "param", key: "a b", operator: "IS NULL" },
      { kind: "tag", key: "x", operator: "IS NOT NULL" },
    ]);
    assert.deepEqual(experimentFilter("tags.x IS NULL"), [{ kind: "tag", key: "x", operator: "IS NULL" }]);
    for (const text of ["metrics.a IS NULL", "status IS NULL", "dataset.name IS NULL", "params.a IS", "params.a IS NOT", "params.a IS 'x'", "params.a IS NOT 'x'", "params.a NULL"]) refusal(() => runFilter(text));
    for (const parse of [registeredModelFilter, modelVersionFilter, loggedModelFilter]) refusal(() => parse("tags.a IS NULL"));
  });

  it("reads keys with any characters, bare as far as they can be", () => {
    const keys = runFilter("metrics.`a b` > 1 AND metrics.\"c.d/e\" > 1 AND metrics.train/loss_1.2 > 1 AND metrics.x-y>-1").map(({ key }) => key);
    assert.deepEqual(keys, ["a b", "c.d/e", "train/loss_1.2", "x-y"]);
  });

  it("is empty for nothing", () => {
    for (const text of [undefined, "", "  "]) assert.deepEqual(runFilter(text), []);
  });

  it("says where it goes wrong and what was expected", () => {
    assert.match(refusal(() => runFilter("metrics.a > 1 OR metrics.b > 2")), /position 15 expected AND or the end, found "OR"/);
    assert.match(refusal(() => runFilter("metrics.a > '1'")), /position 13 expected a numeric value/);
    assert.match(refusal(() => runFilter("params.a = 1")), /position 12 expected a quoted string value/);
    assert.match(refusal(() => runFilter("metrics.a LIKE 'x'")), /valid comparator/);
    assert.match(refusal(() => runFilter("status IN ('FAILED')")), /valid comparator/);
    assert.match(refusal(() => runFilter("colour = 'x'")), /position 1 expected a valid attribute key/);
    assert.match(refusal(() => runFilter("colours.a = 'x'")), /position 1 expected one of .* before the dot/);
    assert.match(refusal(() => runFilter("dataset.size = 'x'")), /dataset keys name, digest, context/);
    for (const text of ["params.a = 'x", "(params.a = 'x')", "params.a = 'x';", "params.a =", "params.a = 'x' AND", "run_id IN ()", "params.", "__proto__.a = 'x'"]) refusal(() => runFilter(text));
  });

  it("finds the text of any value and any key again", () => {
    fc.assert(fc.property(fc.string(), fc.string(), (key, value) => {
      fc.pre(!key.includes("`"));
      const [condition] = runFilter(`tags.\`${key}\` = '${value.replaceAll("'", "''")}'`);
      assert.deepEqual(condition, { kind: "tag", key, operator: "=", value });
    }));
  });

  it("reads or refuses whatever is sent, and never fails otherwise", () => {
    const pieces = fc.constantFrom("metrics", ".", "a", " ", "'", "\"", "`", "=", "!=", "IN", "(", ")", ",", "1", "-", "AND", "'x'", "params.a", "LIKE", "\n", "é");
    fc.assert(fc.property(fc.array(pieces, { maxLength: 12 }), (parts) => {
      try {
        runFilter(parts.join(""));
      } catch (error) {
        assert.ok(error instanceof AppError && error.code === "FILTER_INVALID", String(error));
      }
    }));
  });
});

describe("filters of the other objects", () => {
  it("know their own attributes", () => {
    assert.deepEqual(experimentFilter("creation_time > 5 AND tags.a = 'b' AND name LIKE 'x%'").map(({ kind, key }) => [kind, key]), [["attribute", "createdAt"], ["tag", "a"], ["attribute", "name"]]);
    assert.deepEqual(modelVersionFilter("version_number >= 2 AND run_id IN ('a') AND source_path = 's'").map(({ key }) => key), ["version", "run", "source"]);
    assert.deepEqual(loggedModelFilter("model_id IN ('m-1') AND metrics.loss < 1 AND creation_timestamp > 1").map(({ key }) => key), ["id", "loss", "createdAt"]);
    assert.deepEqual(loggedModelFilter("params.a NOT IN ('x')"), [{ kind: "param", key: "a", operator: "NOT IN", value: ["x"] }]);
    refusal(() => runFilter("params.a IN ('x')"));
    refusal(() => experimentFilter("metrics.a > 1"));
    refusal(() => registeredModelFilter("last_updated_timestamp > 1"));
  });

  it("let what lacks the mark of prompts count as no prompt", () => {
    const [not] = registeredModelFilter("tag.`mlflow.prompt.is_prompt` != 'true'");
    assert.deepEqual(not, { kind: "tag", key: "mlflow.prompt.is_prompt", operator: "!=", value: "true", absentMatches: true });
    assert.deepEqual(modelVersionFilter("tags.`mlflow.prompt.is_prompt` = 'false'").map((condition) => "absentMatches" in condition), [true]);
    assert.deepEqual(registeredModelFilter("tags.`mlflow.prompt.is_prompt` = 'true' AND tags.other != 'true'").map((condition) => "absentMatches" in condition), [false, false]);
    assert.deepEqual(runFilter("tags.`mlflow.prompt.is_prompt` != 'true'").map((condition) => "absentMatches" in condition), [false]);
  });
});

describe("orders", () => {
  it("are ascending unless told otherwise", () => {
    assert.deepEqual(runOrder(["metrics.`a b` DESC", "start_time", "params.x asc"]), [
      { kind: "metric", key: "a b", descending: true },
      { kind: "attribute", key: "startTime", descending: false },
      { kind: "param", key: "x", descending: false },
    ]);
    assert.deepEqual(registeredModelOrder(["timestamp DESC", "name"]).map(({ key }) => key), ["updatedAt", "name"]);
  });

  it("refuse what is there twice or not there", () => {
    assert.match(refusal(() => runOrder(["start_time", "created DESC"])), /duplicate fields/);
    for (const text of ["metrics.a DESC x", "metrics.a desc,metrics.b", "acc", "dataset.name"]) refusal(() => runOrder([text]));
  });
});
