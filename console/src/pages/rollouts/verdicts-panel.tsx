import { useState } from "react";
import type { Rollout, RolloutVerdict } from "../../data/types.ts";
import { plural } from "../../format.ts";
import { ActorName } from "../../parts/actor-name.tsx";
import { Panel } from "../../parts/panel.tsx";
import { Time } from "../../parts/time.tsx";
import { GateList } from "./gates-panel.tsx";
import { secondsWords } from "./plan-words.ts";
import { DecisionMark } from "./rollout-mark.tsx";

const shownAtFirst = 10;

/** What was decided, when and why, newest first; each opens to the gates that it was made of. */
export function VerdictsPanel({ rollout, verdicts }: { rollout: Rollout; verdicts: readonly RolloutVerdict[] }) {
  const [all, setAll] = useState(false);
  const [opened, setOpened] = useState<string | null>(null);
  const shown = all ? verdicts : verdicts.slice(0, shownAtFirst);
  return (
    <Panel title="Verdicts" note={verdicts.length === 0 ? undefined : "stored when something changes, and each minute; each can be worked out again from its numbers"} flush>
      {verdicts.length === 0 ? <p className="table-none">None yet: the gates of a phase are judged once it has traffic.</p> : (
        <ol className="verdict-list">
          {shown.map((verdict) => (
            <li key={verdict.id}>
              <button type="button" className="verdict-line" aria-expanded={opened === verdict.id} onClick={() => setOpened(opened === verdict.id ? null : verdict.id)}>
                <Time at={verdict.time} />
                <DecisionMark decision={verdict.decision} />
                <span className="verdict-phase muted">{rollout.plan.phases[verdict.phase]?.phase ?? "–"}, {secondsWords(Math.round(verdict.seconds))}</span>
                <span className="verdict-reason">{verdict.reason}{verdict.by !== null && <span className="muted"> · by <ActorName actor={verdict.by} /></span>}</span>
              </button>
              {opened === verdict.id && <GateList gates={verdict.gates} versions={rollout} />}
            </li>
          ))}
        </ol>
      )}
      {verdicts.length > shownAtFirst && (
        <p className="table-foot"><button type="button" className="link-button" onClick={() => setAll(!all)}>{all ? "Show fewer" : `Show all ${plural(verdicts.length, "verdict")}`}</button></p>
      )}
    </Panel>
  );
}
