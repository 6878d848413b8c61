import type { WorkflowRun, WorkflowStep } from "../../data/types.ts";
import { formatMs, plural } from "../../format.ts";
import { Time } from "../../parts/time.tsx";
import { hasEnded, stepNote } from "./run-words.ts";
import { layOut, type TimelineBar } from "./timeline.ts";

/** Steps in time: what ran at once lies one above the other at the same place of the axis. */
export function RunTimeline({ steps, run, now, selected, onSelect }: { steps: readonly WorkflowStep[]; run: WorkflowRun; now: number; selected: string | null; onSelect: (step: string | null) => void }) {
  if (steps.length === 0) {
    return <p className="table-none">{hasEnded(run) ? "No step was made." : run.state === "queued" ? "It waits for its turn; its steps appear here." : "Its first step appears here."}</p>;
  }
  const { bars, cuts, from, to } = layOut(steps, run.endedAt ?? now);
  return (
    <div className="timeline">
      <ol>
        {bars.map((bar) => <TimelineRow key={bar.step.step} bar={bar} selected={bar.step.step === selected} ended={hasEnded(run)} onSelect={() => onSelect(bar.step.step === selected ? null : bar.step.step)} cuts={cuts} />)}
      </ol>
      <div className="timeline-axis" aria-hidden="true">
        <span>0</span>
        <span>{cuts.length > 0 && `waits are drawn short: ${cuts.map((cut) => formatMs(cut.duration)).join(", ")}`}</span>
        <span>{formatMs(to - from)}</span>
      </div>
    </div>
  );
}

function TimelineRow({ bar, selected, ended, onSelect, cuts }: { bar: TimelineBar; selected: boolean; ended: boolean; onSelect: () => void; cuts: readonly { left: number; width: number }[] }) {
  const { step } = bar;
  const note = stepNote(step);
  const look = step.kind === "compensation" ? "undo" : step.kind === "sleep" || step.kind === "signal" ? "wait" : "work";
  return (
    <li>
      <button type="button" className={`timeline-row timeline-${step.state}`} aria-pressed={selected} onClick={onSelect}>
        <span className="timeline-name">
          <span className={`step-mark step-mark-${step.state}`} aria-hidden="true" />
          <span className="timeline-step">{step.step}</span>
        </span>
        <span className="timeline-track" aria-hidden="true">
          {cuts.map((cut, index) => <span key={index} className="timeline-cut" style={{ left: `${cut.left * 100}%`, width: `${cut.width * 100}%` }} />)}
          <span className={`timeline-bar timeline-bar-${look} timeline-bar-${step.state}`} style={{ left: `${bar.left * 100}%`, width: `${bar.width * 100}%` }} />
        </span>
        <span className="timeline-duration">{formatMs(bar.duration)}</span>
        <span className="timeline-note">
          {ended && step.endedAt === null ? "not finished" : <StepState step={step} />}
          {note !== "" && <span className="muted"> {note}</span>}
          {bar.beside > 0 && <span className="visually-hidden">, beside {plural(bar.beside, "other step")}</span>}
        </span>
        {step.error !== null && <span className="timeline-error"><code>{step.error.code}</code> {step.error.message}</span>}
      </button>
    </li>
  );
}

function StepState({ step }: { step: WorkflowStep }) {
  if (step.state === "succeeded") return step.kind === "compensation" ? "undone" : null;
  if (step.endedAt !== null) return step.state;
  if (step.wakeAt !== null) return <>{step.state === "waiting" ? "waits" : step.state} until <Time at={step.wakeAt} /></>;
  return step.state === "waiting" ? "waits for its signal" : step.state;
}
