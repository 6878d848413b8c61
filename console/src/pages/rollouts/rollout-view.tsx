import { Link } from "wouter";
import { useQuery } from "../../data/query.ts";
import { isOpen, routeOf, useVerdicts, versionMark } from "../../data/rollouts.ts";
import type { RolloutStatus } from "../../data/types.ts";
import { ActorName } from "../../parts/actor-name.tsx";
import { StaleNote } from "../../parts/error-box.tsx";
import { Panel } from "../../parts/panel.tsx";
import { Segmented } from "../../parts/segmented.tsx";
import { Time } from "../../parts/time.tsx";
import { AbTestActions } from "./ab-test-actions.tsx";
import { AbTestReportView } from "./ab-test-report.tsx";
import { comparedWords } from "./ab-test-words.ts";
import { ComparePanel } from "./compare-panel.tsx";
import { DistributionPanel } from "./distribution-panel.tsx";
import { GateList } from "./gates-panel.tsx";
import { PhaseTrack } from "./phase-track.tsx";
import { ReplicasPanel } from "./replicas-panel.tsx";
import { RolloutActions } from "./rollout-actions.tsx";
import { RolloutCharts } from "./rollout-charts.tsx";
import { DecisionMark, RolloutMark, stateWords } from "./rollout-mark.tsx";
import { RolloutNotes } from "./rollout-notes.tsx";
import { phaseName } from "./rollout-words.ts";
import { SplitPanel } from "./split-panel.tsx";
import { TriedPanel } from "./tried-panel.tsx";
import { useClock } from "./use-clock.ts";
import { VerdictsPanel } from "./verdicts-panel.tsx";

/** A rollout as a picture: where it stands, who answers, how both versions do, what the gates say, and what was decided so far. */
export function RolloutView({ status }: { status: RolloutStatus }) {
  const { rollout, latest } = status;
  const now = useClock(isOpen(rollout));
  const resource = useVerdicts(rollout);
  const verdicts = resource.data?.verdicts ?? (latest === null ? [] : [latest]);
  const query = useQuery();
  const arms = [...new Set([...(status.route?.arms.map(({ name }) => name) ?? []), ...status.figures.arms.map(({ arm }) => arm)])].filter((arm) => arm !== "stable");
  const wanted = query.get("arm");
  const arm = wanted !== null && arms.includes(wanted) ? wanted : (arms[0] ?? "candidate");
  const route = routeOf(rollout.model);
  if (rollout.kind === "ab-test") {
    return (
      <div className="rollout">
        <Standing status={status} />
        <AbTestReportView rollout={rollout} />
        {route !== null && <TriedPanel rollout={rollout} route={route} />}
        {isOpen(rollout) && <SplitPanel status={status} />}
        <ReplicasPanel status={status} />
      </div>
    );
  }
  return (
    <div className="rollout">
      <Standing status={status} />
      <div className="panel phase-panel"><PhaseTrack status={status} verdicts={verdicts} now={now} /></div>
      {route !== null && <TriedPanel rollout={rollout} route={route} />}
      {resource.error !== undefined && <StaleNote error={resource.error} retry={resource.reload} />}
      {arms.length > 1 && <Segmented label="Variant" value={arm} options={arms.map((name) => ({ id: name, label: name }))} onChange={(name) => query.set({ arm: name }, { replace: true })} />}
      <div className="columns">
        <div className="column">
          <SplitPanel status={status} />
          <DistributionPanel status={status} arm={arm} />
        </div>
        <div className="column">
          <Panel title="Gates" note={latest === null ? undefined : <>judged <Time at={latest.time} relative /></>} flush>
            {latest === null ? <p className="table-none">Not judged yet: the gates of a phase are judged once it has traffic.</p> : <GateList gates={latest.gates} versions={rollout} />}
          </Panel>
        </div>
      </div>
      <ComparePanel status={status} arm={arm} />
      <RolloutCharts status={status} verdicts={verdicts} arm={arm} now={now} />
      <VerdictsPanel rollout={rollout} verdicts={verdicts} />
      <ReplicasPanel status={status} />
    </div>
  );
}

/** State, what was decided last and why, and what can be asked of it. */
function Standing({ status }: { status: RolloutStatus }) {
  const { rollout, latest } = status;
  const { state, startedBy, startedAt, endedAt, workflowRun, request } = rollout;
  const waiting = isOpen(rollout) ? status.checks.filter((check) => check.state === "waits for approval") : [];
  const verdict = isOpen(rollout) ? latest : null;
  const reason = rollout.reason !== "" ? rollout.reason : verdict === null ? stateWords(rollout) : "";
  return (
    <section className={`panel standing standing-${state.replaceAll(" ", "-")}`} aria-label="Standing">
      <div className="standing-words">
        <p className="standing-head">
          <RolloutMark rollout={rollout} />
          <strong>{rollout.kind === "ab-test" ? comparedWords(rollout) : `${versionMark(rollout.model, rollout.stable)} → ${versionMark(rollout.model, rollout.candidate)}`}</strong>
          {isOpen(rollout) && rollout.kind === "rollout" && <span>{phaseName(rollout)}{rollout.phaseSince !== null && <> since <Time at={rollout.phaseSince} /></>}</span>}
          <span className="muted">{rollout.kind === "ab-test" ? "A/B test, " : ""}started by <ActorName actor={startedBy} />, <Time at={startedAt} />{endedAt !== null && <>, ended <Time at={endedAt} /></>}{workflowRun !== null && <> · <Link href={`/workflows/runs/${workflowRun}`}>its run</Link></>}</span>
        </p>
        {reason !== "" && <p className="standing-reason">{reason}</p>}
        {verdict !== null && verdict.reason !== rollout.reason && <p className="standing-latest"><DecisionMark decision={verdict.decision} /> {verdict.reason}</p>}
        {waiting.length > 0 && <p className="stale" role="status">Waits for a person: {waiting.map(({ name, phase }) => `${name} before ${rollout.plan.phases[phase]?.phase ?? "the next phase"}`).join(", ")}.</p>}
        {isOpen(rollout) && routeOf(rollout.model) !== null && <RolloutNotes rollout={rollout} route={routeOf(rollout.model)!} />}
        {request !== null && isOpen(rollout) && <p className="notice"><ActorName actor={request.by} /> asked for {request.action === "trip" ? "an end" : request.action}{request.reason === "" ? "" : `: ${request.reason}`}. It is being carried out.</p>}
      </div>
      {rollout.kind === "ab-test" ? <AbTestActions rollout={rollout} /> : <RolloutActions status={status} />}
    </section>
  );
}
