import { epochMs, type EpochMs } from "../core/clock.ts";
import { firstIdOf } from "../core/ids.ts";
import type { VerdictOfMoment } from "../serving/index.ts";
import type { RolloutStore } from "./rollout-store.ts";

/** What was said of a rollout last at a moment, without the figures that made it; null before its first verdict. */
export async function verdictAt(store: Pick<RolloutStore, "verdicts">, rollout: string, time: EpochMs): Promise<VerdictOfMoment | null> {
  const [verdict] = await store.verdicts(rollout, { before: firstIdOf("verdict", epochMs(time + 1)), limit: 1 });
  if (verdict === undefined) return null;
  const gates = verdict.gates.map(({ gate, result, candidate, stable, limit, detail }) => ({ gate, result, candidate, stable, limit, detail }));
  return { id: verdict.id, time: verdict.time, decision: verdict.decision, reason: verdict.reason, gates };
}
