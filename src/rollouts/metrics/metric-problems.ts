import { AppError, type Problem } from "../../core/errors.ts";
import type { RolloutPlan } from "../../registry/index.ts";
import type { MetricSource } from "./metric-source.ts";

/** Throws POLICY_INVALID with each metric of the plan whose SQL no server would run. `path` is where the plan stands in what was sent. */
export async function assertMetricsReadable(plan: RolloutPlan, path: string, source: Pick<MetricSource, "check">): Promise<void> {
  const problems: Problem[] = [];
  for (const [phase, { gates }] of plan.phases.entries()) {
    for (const [number, gate] of gates.entries()) {
      if (gate.kind !== "metric") continue;
      try {
        await source.check(gate.sql);
      } catch (error) {
        if (!(error instanceof AppError) || error.code !== "INVALID_PARAMETER") throw error;
        problems.push({ path: `${path}.phases[${phase}].gates[${number}].sql`, message: error.message });
      }
    }
  }
  if (problems.length > 0) throw new AppError("POLICY_INVALID", problems.map(({ message }) => message).join(" "), { problems });
}
