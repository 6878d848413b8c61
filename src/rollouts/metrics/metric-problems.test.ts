import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { AppError } from "../../core/errors.ts";
import { RolloutPlan } from "../../registry/index.ts";
import { assertMetricsReadable } from "./metric-problems.ts";

const plan = (...sqls: string[]): RolloutPlan =>
  RolloutPlan.parse({ phases: [{ phase: "canary", weight: 0.1, gates: [{ kind: "errors" }] }, { phase: "staged", weight: 0.5, gates: sqls.map((sql, index) => ({ kind: "metric", name: `m${index}`, sql, max: 1 })) }] });
const source = (code: "INVALID_PARAMETER" | "SHUTTING_DOWN") => ({
  check: (sql: string) => (sql.startsWith("SELECT") ? Promise.resolve() : Promise.reject(new AppError(code, `${sql} is no SELECT.`))),
});

describe("assertMetricsReadable", () => {
  it("names every metric that no server would run, with its place", async () => {
    await assertMetricsReadable(plan("SELECT 1", "SELECT 2"), "policy.rollout", source("INVALID_PARAMETER"));
    await assert.rejects(assertMetricsReadable(plan("SELECT 1", "DROP", "SELECT 2", "COPY"), "policy.rollout", source("INVALID_PARAMETER")), (error) => {
      assert.ok(error instanceof AppError && error.code === "POLICY_INVALID");
      assert.deepEqual(error.problems, [
        { path: "policy.rollout.phases[1].gates[1].sql", message: "DROP is no SELECT." }, { path: "policy.rollout.phases[1].gates[3].sql", message: "COPY is no SELECT." },
      ]);
      return true;
    });
  });

  it("passes on what is not the SQL's fault", async () => {
    await assert.rejects(assertMetricsReadable(plan("DROP"), "policy.rollout", source("SHUTTING_DOWN")), (error) => error instanceof AppError && error.code === "SHUTTING_DOWN");
  });
});
