import { Link } from "wouter";
import type { RolloutSummary } from "../../data/types.ts";
import { isOpen, routeOf, subjectWords, versionMark } from "../../data/rollouts.ts";
import { absent, formatShare } from "../../format.ts";
import { RowsTable, type Column } from "../../parts/rows-table.tsx";
import { Time } from "../../parts/time.tsx";
import { comparedWords, metricOf, variantsOf } from "./ab-test-words.ts";
import { DecisionMark, RolloutMark } from "./rollout-mark.tsx";
import { phaseName } from "./rollout-words.ts";

const columns: readonly Column<RolloutSummary>[] = [
  {
    label: "Of", kind: "name",
    cell: (rollout) => (
      <>
        <Link href={`/rollouts/${rollout.id}`} className="row-link" aria-label={`${rollout.kind === "ab-test" ? "A/B test" : "Rollout"} of ${subjectWords(rollout.model)} ${versionMark(rollout.model, rollout.candidate)}`}>{routeOf(rollout.model) ?? rollout.model}</Link>
        {kindWords(rollout) !== "" && <span className="cell-note">{kindWords(rollout)}</span>}
      </>
    ),
  },
  { label: "Versions", kind: "line", cell: (rollout) => (rollout.kind === "ab-test" ? comparedWords(rollout) : <>{versionMark(rollout.model, rollout.stable)} → <strong>{versionMark(rollout.model, rollout.candidate)}</strong></>) },
  { label: "State", cell: (rollout) => <RolloutMark rollout={rollout} /> },
  { label: "Phase", cell: (rollout) => (rollout.kind === "ab-test" ? `by ${metricOf(rollout)}` : <MiniTrack rollout={rollout} />) },
  { label: "Share", kind: "number", cell: (rollout) => shareOf(rollout) },
  { label: "Since", kind: "line", cell: ({ endedAt, phaseSince, startedAt }) => <Time at={endedAt ?? phaseSince ?? startedAt} /> },
  { label: "Last verdict", className: "rollout-verdict", cell: ({ latest, reason }) => (latest === null ? <span className="muted">{reason || "none yet"}</span> : <><DecisionMark decision={latest.decision} /> <span>{latest.reason}</span></>) },
];

/** Rollouts as rows; the whole row leads to its page. */
export function RolloutTable({ rollouts }: { rollouts: readonly RolloutSummary[] }) {
  return <RowsTable columns={columns} rows={rollouts} rowKey={({ id }) => id} className="table-aligned rollouts-table" />;
}

/** What is not plain from the name: a version of a model that is rolled out needs no word. */
function kindWords({ kind, model }: RolloutSummary): string {
  return [kind === "ab-test" ? "A/B test" : "", routeOf(model) === null ? "" : "route of the gateway"].filter((word) => word !== "").join(" · ");
}

/** What others than the stable version have of the requests. */
function shareOf(rollout: RolloutSummary): string {
  if (rollout.kind === "ab-test") return isOpen(rollout) ? formatShare(variantsOf(rollout).filter(({ cut }) => cut === null).reduce((sum, { from, to }) => sum + to - from, 0)) : absent;
  if (rollout.state === "succeeded") return "100%";
  if (!isOpen(rollout)) return "0%";
  const phase = rollout.plan.phases[rollout.phase];
  return phase === undefined ? absent : formatShare(phase.weight);
}

/** How far it is, as dots, and the phase by its name. */
function MiniTrack({ rollout }: { rollout: RolloutSummary }) {
  const count = rollout.plan.phases.length;
  const reached = rollout.state === "succeeded" ? count : Math.max(0, rollout.phase) + (isOpen(rollout) ? 1 : 0);
  return (
    <span className="cell-line">
      <span className={`mini-track mini-track-${rollout.state.replaceAll(" ", "-")}`} aria-hidden="true">
        {rollout.plan.phases.map((_, index) => <i key={index} className={index < reached ? "mini-track-done" : ""} />)}
      </span>
      {phaseName(rollout)}
    </span>
  );
}
