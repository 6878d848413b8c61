import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "../../test/kit/fast-check.ts";
import { assertAlias, assertSource, assertTagKey, stageOf } from "./model-rules.ts";

describe("rules of the registry", () => {
  it("refuse local sources and ways out of a folder, however often they are quoted", () => {
    const steps = fc.constantFrom("..", "%2e%2e", "%252E%252e", ".%2e", "%25252e.", ".");
    const start = fc.constantFrom("s3://bucket/", "mlflow-artifacts:/0/r/", "http://host/a/", "models:/x/", "dbfs:/a\\", "runs:/a%2f");
    fc.assert(fc.property(start, steps, fc.constantFrom("/b", "", "\\b", "%2fb", "%5Cb"), (first, step, last) => {
      assert.throws(() => assertSource(`${first}${step}${last}`), { code: "MODEL_SOURCE_INVALID" });
    }));
    for (const source of ["", "/etc/passwd", "etc", "file:///etc", "FILE:/etc", "C:/windows", "./x", "s3://a/%00b", "%66ile:///etc"]) assert.throws(() => assertSource(source), { code: "MODEL_SOURCE_INVALID" }, source);
    for (const source of ["runs:/run_id/model", "models:/m-1", "models:/a b/1", "s3://bucket/a..b/100%/c%20d", "mlflow-artifacts:/0/r/artifacts/model", "dummy-source:x"]) assertSource(source);
  });

  it("know stages in any case, and no others", () => {
    assert.deepEqual(["none", "STAGING", "Production", "archived"].map(stageOf), ["None", "Staging", "Production", "Archived"]);
    for (const text of ["", "Deleted_Internal", "prod"]) assert.throws(() => stageOf(text), { code: "INVALID_PARAMETER" });
  });

  it("keep aliases that mean something else, and keys that are paths, out", () => {
    for (const alias of ["", "latest", "LATEST", "v1", "V12", "a b", "a.b", "x".repeat(256), "a/b"]) assert.throws(() => assertAlias(alias), { code: "INVALID_PARAMETER" }, alias);
    for (const alias of ["champion", "v1a", "test_alias", "é-1", "x".repeat(255)]) assertAlias(alias);
    for (const key of ["", "/a", "a//b", "../a", "a/..", ".", "a\nb", "x".repeat(251), "a;b"]) assert.throws(() => assertTagKey(key), { code: "INVALID_PARAMETER" }, key);
    for (const key of ["another key", "mlflow.prompt.is_prompt", "a/b", "__proto__", "a:b"]) assertTagKey(key);
  });
});
