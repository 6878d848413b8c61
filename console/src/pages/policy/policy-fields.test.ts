import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { z } from "zod";
import { Policy } from "../../../../src/registry/policy-schemas.ts";
import type { Schema } from "../../data/open-api.ts";
import { differences, fieldText, flatten, parseField, policyFields, problemsByField, unflatten } from "./policy-fields.ts";

const schema = z.toJSONSchema(Policy, { io: "input" }) as Schema & { $defs?: Record<string, Schema> };
const fields = policyFields(schema, (reference) => schema.$defs?.[reference.replace("#/$defs/", "")]);
const defaults = Policy.parse({});

describe("policyFields", () => {
  it("finds every leaf of the policy with its default, but for parts that come as a whole", () => {
    const flat = flatten(defaults);
    for (const field of fields) assert.deepEqual([field.path, field.default], [field.path, flat[field.path]]);
    const wholes = Object.entries(flat).filter(([path]) => !fields.some((field) => field.path === path));
    assert.deepEqual(wholes.filter(([, value]) => typeof value !== "object"), []);
    assert.ok(fields.length > 30 && fields.some(({ path }) => path === "log.redact") && !fields.some(({ path }) => path === "rollout.phases"));
  });

  it("gives back what it took apart", () => {
    assert.deepEqual(unflatten(flatten(defaults)), defaults);
    for (const field of fields) assert.deepEqual(parseField(field, fieldText(field.default)), { value: field.default }, field.path);
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
  });
});
