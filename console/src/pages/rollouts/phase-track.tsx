import type { RolloutStatus, RolloutVerdict } from "../../data/types.ts";
import { formatCount } from "../../format.ts";
import { Time } from "../../parts/time.tsx";
import { secondsWords, shareWords, minimumWords } from "./plan-words.ts";
import { candidateSamples, ofMinimum, phaseSeconds, phaseState, type PhaseState } from "./rollout-words.ts";
import { phaseEnds } from "./verdict-lines.ts";

const marks: Record<PhaseState, string> = { done: "✓", present: "", stopped: "✕", coming: "", skipped: "" };
const stateWords: Record<PhaseState, string> = { done: "done", present: "under way", stopped: "ended here", coming: "to come", skipped: "not reached" };

/** The phases of the plan from left to right, on a phone from top to bottom: what is behind, where it stands, and what is to come. */
export function PhaseTrack({ status, verdicts, now }: { status: RolloutStatus; verdicts: readonly RolloutVerdict[]; now: number }) {
  const { rollout } = status;
  const ends = phaseEnds(verdicts);
  return (
    <ol className="phase-track" aria-label="Phases">
      {rollout.plan.phases.map((phase, index) => {
        const state = phaseState(rollout, index);
        const isPresent = state === "present" && rollout.phase === index;
        const end = ends.get(index);
        return (
          <li key={index} className={`phase phase-${state}`} aria-current={state === "present" ? "step" : undefined}>
            <span className={`phase-mark${state === "present" && rollout.state === "paused" ? " phase-mark-paused" : ""}`} aria-hidden="true">{marks[state] === "" ? index + 1 : marks[state]}</span>
            <div className="phase-text">
              <h2>{phase.phase}<span className="visually-hidden">, {stateWords[state]}</span></h2>
              <p>{shareWords(phase)}</p>
              {isPresent ? <Progress status={status} now={now} /> : (
                <p className="muted">
                  {state === "done" && end !== undefined ? <>passed <Time at={end.time} /></> : state === "stopped" ? <>{rollout.state}{rollout.endedAt !== null && <> <Time at={rollout.endedAt} /></>}</> : state === "coming" || state === "present" ? minimumWords(phase) : state === "skipped" ? "not reached" : "passed"}
                </p>
              )}
              <Checks status={status} phase={index} />
            </div>
          </li>
        );
      })}
    </ol>
  );
}

/** Time and answers so far towards what the phase asks for. */
function Progress({ status, now }: { status: RolloutStatus; now: number }) {
  const { rollout } = status;
  const { minSeconds, minSamples } = rollout.plan.phases[rollout.phase]!;
  const seconds = phaseSeconds(status, now);
  const samples = candidateSamples(status);
  return (
    <dl className="phase-progress">
      <Bar label="Time" share={minSeconds === 0 ? 1 : seconds / minSeconds} text={minSeconds === 0 ? secondsWords(Math.floor(seconds)) : `${secondsWords(Math.floor(seconds))} of ${secondsWords(minSeconds)}`} />
      <Bar label="Answers" share={minSamples === 0 ? 1 : samples / minSamples} text={minSamples === 0 ? formatCount(samples) : ofMinimum(samples, minSamples)} />
    </dl>
  );
}

function Bar({ label, share, text }: { label: string; share: number; text: string }) {
  return (
    <div>
      <dt>{label}</dt>
      <dd>
        <progress className="progress progress-small" value={Math.min(1, share)} max={1} aria-label={`${label} of the phase`} />
        <span>{text}</span>
      </dd>
    </div>
  );
}

const checkSigns = { pending: "○", running: "…", passed: "✓", failed: "✕", "waits for approval": "?" } as const;

function Checks({ status: { checks }, phase }: { status: RolloutStatus; phase: number }) {
  const own = checks.filter((check) => check.phase === phase);
  if (own.length === 0) return null;
  return (
    <ul className="phase-checks" aria-label="Checks before the phase">
      {own.map(({ name, state, detail }) => (
        <li key={name} className={`check-${state.replaceAll(" ", "-")}`} title={detail || undefined}>
          <span aria-hidden="true">{checkSigns[state]}</span> {name}: {state}
          {state === "failed" && detail !== "" && <span className="cell-note cell-bad">{detail}</span>}
        </li>
      ))}
    </ul>
  );
}
