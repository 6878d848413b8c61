import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { AppError } from "../core/errors.ts";
import { assertArtifactLocation, assertEntityKey, assertExperimentName, assertLoggedModelName, checkedChanges } from "./entity-rules.ts";
import type { RunChanges } from "./tracking-store.ts";

function refusal(check: () => unknown): string {
  try {
    check();
  } catch (error) {
    assert.ok(error instanceof AppError && error.code === "INVALID_PARAMETER", String(error));
    return error.message;
  }
  return assert.fail("it was allowed");
}

function changes(change: Partial<RunChanges>): RunChanges {
  return { metrics: [], params: [], tags: [], ...change };
}

const metrics = (count: number) => Array.from({ length: count }, (_, step) => ({ key: "m", value: 1, timestamp: 1, step }));
const pairs = (count: number) => Array.from({ length: count }, (_, index) => ({ key: `k${index}`, value: "v" }));

describe("keys of metrics, params and tags", () => {
  it("may be such as paths of files are", () => {
    for (const key of ["loss", "train/loss", "a b", "a.b-c_d:e", "Größe", "x".repeat(250)]) assertEntityKey(key, "key");
  });

  it("may be nothing else", () => {
    for (const key of ["", "/a", "a/", "a//b", "a/../b", "..", "..a", "./a", ".", "a\nb", "a?b", "a\\b", "x".repeat(251)]) refusal(() => assertEntityKey(key, "key"));
    assert.match(refusal(() => assertEntityKey("a?", "metrics[0].name")), /^Invalid value "a\?" for parameter 'metrics\[0\]\.name' supplied: /);
  });
});

describe("what one request logs", () => {
  it("is limited in number", () => {
    checkedChanges(changes({ metrics: metrics(1000) }));
    checkedChanges(changes({ metrics: metrics(800), params: pairs(100), tags: pairs(100) }));
    assert.match(refusal(() => checkedChanges(changes({ metrics: metrics(1001) }))), /at most 1000 metrics\. Got 1001/);
    assert.match(refusal(() => checkedChanges(changes({ params: pairs(101) }))), /at most 100 params/);
    assert.match(refusal(() => checkedChanges(changes({ tags: pairs(101) }))), /at most 100 tags/);
    assert.match(refusal(() => checkedChanges(changes({ metrics: metrics(901), params: pairs(100) }))), /at most 1000 metrics, params, and tags/);
  });

  it("has each param once and no time before 1970", () => {
    assert.match(refusal(() => checkedChanges(changes({ params: [...pairs(1), ...pairs(1)] }))), /Duplicate parameter keys/);
    assert.match(refusal(() => checkedChanges(changes({ metrics: [{ key: "m", value: 1, timestamp: -1, step: 0 }] }))), /metrics\[0\]\.timestamp/);
  });

  it("is cut where values are longer than what is kept, by whole characters", () => {
    const { params, tags } = checkedChanges(changes({ params: [{ key: "p", value: "x".repeat(6001) }], tags: [{ key: "t", value: "😀".repeat(8001) }] }));
    assert.deepEqual([params[0]!.value.length, tags[0]!.value], [6000, "😀".repeat(8000)]);
  });
});

describe("names", () => {
  it("of experiments are not blank and at most 500 characters", () => {
    assertExperimentName("x".repeat(500));
    for (const name of ["", "  ", "x".repeat(501)]) refusal(() => assertExperimentName(name));
  });

  it("of logged models fit into URIs", () => {
    assertLoggedModelName("a model-1");
    for (const name of ["", "a/b", "a:b", "a.b", "a%b", "a'b"]) refusal(() => assertLoggedModelName(name));
  });

  it("of places lead nowhere else", () => {
    for (const place of ["s3://bucket/a", "my_location", "/mnt/artifacts"]) assertArtifactLocation(place);
    for (const place of ["s3://b/../c", "..", "s3://b?x=1", "s3://b#f", "a/%2E%2e/b", "a\u0000", "x".repeat(2049)]) refusal(() => assertArtifactLocation(place));
  });
});
