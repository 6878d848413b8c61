import type { RolloutPhase } from "../../data/types.ts";
import { plural } from "../../format.ts";
import { checkWords, gateWords, minimumWords, secondsWords, shareWords } from "./plan-words.ts";

/** The phases of a plan for reading: what each gives, asks for and watches. */
export function PlanPreview({ phases }: { phases: readonly RolloutPhase[] }) {
  return (
    <ol className="plan-preview" aria-label="Phases of the plan">
      {phases.map((phase, index) => {
        const { checks, gates, maxSeconds } = phase;
        return (
          <li key={index}>
            <p>
              <strong>{phase.phase}</strong> {shareWords(phase)}
              <span className="muted"> · {minimumWords(phase)}{maxSeconds === null ? "" : `, at most ${secondsWords(maxSeconds)}`}{checks.length > 0 ? ` · ${plural(checks.length, "check")} first` : ""}</span>
            </p>
            {(gates.length > 0 || checks.length > 0) && (
              <details>
                <summary>{plural(gates.length, "gate")}</summary>
                <ul>
                  {checks.map((check, place) => <li key={`check-${place}`}>before: {checkWords(check)}</li>)}
                  {gates.map((gate, place) => <li key={place}>{gateWords(gate)}, else {gate.onFailure}</li>)}
                </ul>
              </details>
            )}
          </li>
        );
      })}
    </ol>
  );
}
