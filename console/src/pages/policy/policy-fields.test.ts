import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { z } from "zod";
import { Policy } from "../../../../src/registry/policy-schemas.ts";
import type { Schema } from "../../data/open-api.ts";
import { differences, fieldText, flatten, flattenDeep, flattenPolicy, parseField, policyFields, problemsByField, unflatten } from "./policy-fields.ts";

const schema = z.toJSONSchema(Policy, { io: "input" }) as Schema & { $defs?: Record<string, Schema> };
const fields = policyFields(schema, (reference) => schema.$defs?.[reference.replace("#/$defs/", "")]);
const defaults = Policy.parse({});

describe("policyFields", () => {
  it("finds every leaf of the policy, and the parts that come as a whole, with their defaults", () => {
    assert.deepEqual(Object.fromEntries(fields.map((field) => [field.path, field.default])), flattenPolicy(defaults, fields));
    assert.deepEqual(fields.filter(({ kind }) => kind === "whole").map(({ path }) => path), ["rollout.phases", "rollout.rules", "fallback.answer", "fallback.breaker"]);
    assert.deepEqual(fields.find(({ path }) => path === "rollout.startOn")?.choices, ["registered", "evaluated better", "staging", "challenger"]);
  });

  it("keeps a part that comes as a whole in one piece, and takes it away in one", () => {
    const policy = Policy.parse({ fallback: { breaker: { failures: 5 } } });
    const flat = flattenPolicy(policy, fields);
    assert.deepEqual(flat["fallback.breaker"], { failures: 5, openSeconds: 10 });
    assert.deepEqual(unflatten({ ...flat, "fallback.breaker": null }), defaults);
  });

  it("names what changed inside of a part", () => {
    const changed = structuredClone(defaults);
    changed.rollout.phases[1]!.weight = 0.1;
    assert.deepEqual(differences(flattenDeep(defaults), flattenDeep(changed)), [{ path: "rollout.phases.2.weight", before: 0.05, after: 0.1 }]);
  });

  it("gives back what it took apart", () => {
    assert.deepEqual(unflatten(flatten(defaults)), defaults);
    for (const field of fields) assert.deepEqual(parseField(field, fieldText(field.default, field.kind)), { value: field.default }, field.path);
  });

  it("refuses what the server would", () => {
    const field = (path: string) => fields.find((candidate) => candidate.path === path)!;
    for (const [path, text] of [["serving.runners", "0"], ["serving.runners", "1.5"], ["log.sampleRate", "2"], ["objectives.psi.warning", "0"], ["cache.ttlSeconds", ""]] as const) {
      assert.ok("problem" in parseField(field(path), text), `${path} ${text}`);
      const parsed = Policy.safeParse(unflatten({ ...flatten(defaults), [path]: text === "" ? NaN : Number(text) }));
      assert.equal(parsed.success, false, `${path} ${text}`);
    }
    assert.deepEqual(parseField(field("log.redact"), " a, b ,,"), { value: ["a", "b"] });
  });

  it("names what changed, and finds the field of a problem", () => {
    const before = flatten(defaults);
    assert.deepEqual(differences(before, { ...before, "serving.runners": 2 }), [{ path: "serving.runners", before: 1, after: 2 }]);
    assert.deepEqual(problemsByField([{ path: "policy.serving.runners", message: "too many" }], fields), { "serving.runners": "too many" });
    assert.deepEqual(problemsByField([{ path: "policy.rollout.phases.0.weight", message: "too much" }], fields), { "rollout.phases": "0.weight: too much" });
  });
});
