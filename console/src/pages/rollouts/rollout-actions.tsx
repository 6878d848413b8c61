import type { ReactNode } from "react";
import { Link } from "wouter";
import { useQuery } from "../../data/query.ts";
import { askRollout, isOpen, rollBack, type RolloutAction, routeOf, subjectWords, versionMark } from "../../data/rollouts.ts";
import { useRights } from "../../data/session.ts";
import type { Rollout, RolloutStatus } from "../../data/types.ts";
import { ReasonDialog } from "./reason-dialog.tsx";
import { shareWords } from "./plan-words.ts";

type Asked = RolloutAction | "rollback";

interface Step {
  id: Asked;
  label: string;
  tone: "primary" | "plain" | "bad";
  title: string;
  /** What will happen, in words. */
  says: ReactNode;
  confirm: string;
}

/** What can be asked of the rollout now. Each asks back with what it will do, and for the reason. */
export function RolloutActions({ status }: { status: RolloutStatus }) {
  const { rollout } = status;
  const route = routeOf(rollout.model);
  const query = useQuery();
  if (!useRights().somewhere("deployer")) return null;
  const steps = stepsOf(status);
  const asked = steps.find(({ id }) => id === query.get("ask"));
  const close = (): void => query.set({ ask: null }, { replace: true });
  return (
    <span className="header-actions cell-line">
      {steps.map(({ id, label, tone }) => (
        <button key={id} type="button" className={`button${tone === "plain" ? "" : ` button-${tone}`}`} onClick={() => query.set({ ask: id }, { replace: true })}>{label}</button>
      ))}
      {!isOpen(rollout) && (route === null ? <button type="button" className="button" onClick={() => query.set({ start: "1" })}>Start another</button> : <Link href={`/gateway?change=${encodeURIComponent(route)}`} className="button">Start another</Link>)}
      {asked !== undefined && (
        <ReasonDialog
          title={asked.title} action={asked.confirm} tone={asked.tone === "bad" ? "bad" : "primary"} onClose={close}
          work={(reason) => (asked.id === "rollback" ? rollBack(rollout.model, { reason }) : askRollout(rollout.model, asked.id, reason))}
        >
          {asked.says}
        </ReasonDialog>
      )}
    </span>
  );
}

function stepsOf({ rollout, checks, latest }: RolloutStatus): Step[] {
  const { state, model, stable, candidate } = rollout;
  const mark = (version: string): string => versionMark(model, version);
  if (state === "succeeded") {
    return [{
      id: "rollback", label: "Roll back", tone: "bad", title: `Roll ${subjectWords(model)} back?`, confirm: "Roll back",
      says: routeOf(model) !== null ? <p>Revision {stable} of the settings answers all calls again, at once.</p> : <p>The version that was champion before{rollout.kind === "rollout" ? <>, v{stable},</> : ""} gets all requests again, with the alias champion and the stage Production. While it is still loaded that takes a moment; else it is loaded first.</p>,
    }];
  }
  if (!isOpen(rollout)) return [];
  const steps: Step[] = [];
  const waiting = checks.filter((check) => check.state === "waits for approval");
  if (waiting.length > 0) {
    steps.push({
      id: "approve", label: "Approve", tone: "primary", title: `Approve ${mark(candidate)} of ${subjectWords(model)}?`, confirm: "Approve",
      says: <p>{waiting.map(({ name }) => name).join(", ")} is given. The phase goes on with its other checks and then gets its traffic: {nextShares(rollout, waiting[0]!.phase)}.</p>,
    });
  }
  const next = rollout.phase + 1;
  const nextPhase = rollout.plan.phases[next];
  // What is being prepared, or waits for the checks of the next phase after this one was decided, has nothing that could be kept or moved on.
  const isDecided = latest !== null && latest.phase === rollout.phase && latest.decision !== "hold";
  const isWatched = rollout.phase >= 0 && rollout.phaseSince !== null && !isDecided;
  if (isWatched) {
    steps.push({
      id: "promote", label: nextPhase === undefined ? "Finish now" : `Promote to ${nextPhase.phase}`, tone: waiting.length > 0 || state === "paused" ? "plain" : "primary",
      title: nextPhase === undefined ? `End the last phase of ${subjectWords(model)} now?` : `Take ${nextPhase.phase} now?`, confirm: nextPhase === undefined ? "Finish" : "Promote",
      says: nextPhase === undefined
        ? <p>{capital(mark(candidate))} keeps all traffic and the rollout has succeeded, whatever time and gates are left.{routeOf(model) === null ? ` v${stable} is unloaded after its time.` : ""}</p>
        : <p>The rollout leaves {rollout.plan.phases[rollout.phase]?.phase} past its gates and its minimum, does the checks of {nextPhase.phase}, and then {mark(candidate)} gets {nextShares(rollout, next)}. Hard failures still take it from the traffic at once.</p>,
    });
  }
  if (state === "paused") {
    steps.push({
      id: "resume", label: "Resume", tone: "primary", title: `Let the rollout of ${subjectWords(model)} go on?`, confirm: "Resume",
      says: <p>The gates decide again from here. The time of the pause does not count.</p>,
    });
  } else if (isWatched) {
    steps.push({
      id: "pause", label: "Pause", tone: "plain", title: `Pause the rollout of ${subjectWords(model)}?`, confirm: "Pause",
      says: <p>Traffic stays as it is now and no gate decides until somebody resumes it. Hard failures of {mark(candidate)} still end the rollout at once.</p>,
    });
  }
  steps.push({
    id: "abort", label: "Abort", tone: "bad", title: `Abort the rollout of ${subjectWords(model)}?`, confirm: "Abort the rollout",
    says: <p>{capital(mark(stable))} gets all requests from the next one on, {mark(candidate)} {routeOf(model) === null ? "loses its stage and the alias challenger" : "stays a draft"}, and the rollout ends. No request fails on the way.</p>,
  });
  return steps;
}

/** At the beginning of a sentence; `v3` stays as it is. */
function capital(words: string): string {
  return words.startsWith("revision") ? `R${words.slice(1)}` : words;
}

function nextShares(rollout: Rollout, index: number): string {
  const phase = rollout.plan.phases[index];
  return phase === undefined ? "all requests" : shareWords(phase);
}
