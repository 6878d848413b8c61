import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { z } from "zod";
import { EntryCheck, Fallback, RolloutPhase, StepGate } from "../../../../src/registry/rollout-plan.ts";
import type { Schema } from "../../data/open-api.ts";
import { blankOf, inlined, presentBlankOf, typedValue, valueProblem, withDefaults } from "./schema-values.ts";

/** A schema as the API describes it. */
function described(type: z.ZodType): Schema {
  const schema = z.toJSONSchema(type, { io: "input" }) as Schema & { $defs?: Record<string, Schema> };
  return inlined(schema, (reference) => schema.$defs?.[reference.replace("#/$defs/", "")]);
}

const phase = described(RolloutPhase);

describe("values of a part of the policy", () => {
  it("are completed as the server does it", () => {
    for (const value of [{ phase: "canary", weight: 0.1 }, { phase: "full", weight: 1, gates: [{ kind: "errors" }], checks: [{ kind: "approval" }, { kind: "scan", of: "files" }] }]) {
      assert.deepEqual(withDefaults(phase, value), RolloutPhase.parse(value));
    }
  });

  it("begin as something that the server takes, for each kind of gate that asks for nothing", () => {
    assert.ok(RolloutPhase.safeParse(blankOf(phase)).success);
    for (const option of described(StepGate).oneOf!) {
      const blank = blankOf(option) as { kind: string };
      assert.equal(StepGate.safeParse(blank).success, blank.kind !== "metric" && blank.kind !== "score", blank.kind);
    }
    assert.ok(EntryCheck.safeParse(blankOf(described(EntryCheck).oneOf!.find(({ properties }) => properties?.kind?.const === "approval")!)).success);
  });

  it("begin whole where they were none", () => {
    const { breaker } = described(Fallback).properties!;
    assert.deepEqual([blankOf(breaker!), presentBlankOf(breaker!)], [null, { failures: 20, openSeconds: 10 }]);
  });

  it("say where something is wrong", () => {
    assert.equal(valueProblem(phase, { phase: "canary", weight: 2 }), "weight: At most 1.");
    assert.equal(valueProblem(phase, { phase: "canary", weight: 0.5, gates: [{ kind: "errors" }, { kind: "latency", quantile: "p95", maxMs: "soon" }] }), "gates: 2, maxMs: Type a number.");
    assert.equal(valueProblem(phase, RolloutPhase.parse({ phase: "canary", weight: 0.5 })), null);
  });

  it("are what was typed", () => {
    const { minSeconds, maxSeconds } = phase.properties!;
    assert.deepEqual([typedValue(minSeconds!, "60"), typedValue(minSeconds!, "an hour"), typedValue(minSeconds!, ""), typedValue(maxSeconds!, " ")], [60, "an hour", "", null]);
  });
});
