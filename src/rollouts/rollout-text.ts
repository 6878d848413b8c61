import { textTable } from "../core/text-table.ts";
import { versionWords } from "../core/traffic-subject.ts";
import { gateName } from "./judge-gates.ts";
import { openStates, type GateResult, type RolloutStatus, type Verdict } from "./schemas.ts";

const barWidth = 40;
const marks: Readonly<Record<GateResult["result"], string>> = { pass: "ok", fail: "FAILED", "no data": "no data", undecided: "waits" };

/** A rollout as a picture for terminals: its phases, the split, and how each gate stands. */
export function rolloutText({ rollout, route, latest, replicas, checks }: RolloutStatus): string {
  const { id, model, candidate, stable, state, phase: present, plan, reason, kind } = rollout;
  // It has no phases; its report is another.
  if (kind === "ab-test") return `${model}: A/B test beside ${versionWords(model, stable)}, ${state}${reason === "" ? "" : ` (${reason})`}   ${id}\n  slipway abtest status ${id}`;
  const track = plan.phases.map(({ phase, weight }, index) => {
    const text = `${phase} ${percent(weight)}`;
    return index < present || state === "succeeded" ? `[x] ${text}` : index === present && openStates.includes(state) ? `[>] ${text}` : `[ ] ${text}`;
  });
  const share = route?.arms.reduce((sum, { from, to }) => sum + to - from, 0) ?? (state === "succeeded" ? 1 : 0);
  const filled = Math.round(share * barWidth);
  const behind = replicas.filter(({ live, revision }) => live && route !== null && (revision ?? 0) < route.revision);
  const own = checks.filter((check) => check.phase === Math.max(0, present) || check.state === "waits for approval" || check.state === "running");
  return [
    `${model}: ${versionWords(model, candidate)} beside ${stable}, ${state}${reason === "" ? "" : ` (${reason})`}   ${id}`,
    `  ${track.join("  ")}`,
    `  ${"#".repeat(filled)}${".".repeat(barWidth - filled)} ${percent(share)} of the traffic is the candidate's`,
    ...own.map(({ name, state: how, detail }) => `  check ${name}: ${how}${detail === "" ? "" : ` (${detail})`}`),
    ...(behind.length === 0 ? [] : [`  ${behind.length} of ${replicas.filter(({ live }) => live).length} servers do not have the route yet`]),
    ...(latest === null || latest.phase !== present ? [] : [textTable(["  GATE", "", ""], latest.gates.map(({ gate, result, detail }) => [`  ${gate}`, marks[result], detail])), `  ${latest.decision}: ${latest.reason}`]),
    ...(present >= 0 && latest === null && openStates.includes(state) ? [`  gates: ${plan.phases[present]!.gates.map(gateName).join(", ") || "none"}`] : []),
  ].join("\n");
}

export function verdictText({ time, decision, reason, seconds, phase, by }: Verdict): string {
  return `${new Date(time).toISOString()}  phase ${phase} after ${Math.round(seconds)} s  ${decision}${by === null ? "" : ` by ${by}`}: ${reason}`;
}

function percent(share: number): string {
  return `${Number((share * 100).toPrecision(3))}%`;
}
