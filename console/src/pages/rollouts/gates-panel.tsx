import { versionMark } from "../../data/rollouts.ts";
import type { GateResult } from "../../data/types.ts";
import { formatMs, formatNumber, formatShare } from "../../format.ts";
import { Chip } from "../../parts/chip.tsx";
import { withCode } from "../../parts/error-box.tsx";
import { formatDollars } from "../costs/money.ts";
import { gateWords } from "./plan-words.ts";
import { gateSigns, gateTones } from "./rollout-words.ts";

/** What each gate says, with the numbers it says it by; those that stand in the way come first. */
export function GateList({ gates, versions }: { gates: readonly GateResult[]; versions: { model: string; stable: string; candidate: string } }) {
  const order = ["fail", "no data", "undecided", "pass"];
  const sorted = [...gates].sort((a, b) => order.indexOf(a.result) - order.indexOf(b.result));
  return (
    <ul className="gates" aria-label="Gates">
      {sorted.map((gate, index) => (
        <li key={index} className="gate">
          <Chip tone={gateTones[gate.result]}><span className="decision-sign" aria-hidden="true">{gateSigns[gate.result]}</span>{gate.result}</Chip>
          <div>
            <p><strong>{gate.gate}</strong>{gate.spec !== null && <span className="muted"> · {gateWords(gate.spec)}{gate.result === "fail" || gate.spec.onFailure === "hold" ? `, else ${gate.spec.onFailure}` : ""}</span>}</p>
            <p className="gate-detail">{withCode(gate.detail)}</p>
          </div>
          <Numbers gate={gate} versions={versions} />
        </li>
      ))}
    </ul>
  );
}

function Numbers({ gate, versions }: { gate: GateResult; versions: { model: string; stable: string; candidate: string } }) {
  const { candidate, stable, spec } = gate;
  if (spec === null || (candidate === null && stable === null)) return null;
  const format = spec.kind === "latency" ? formatMs : spec.kind === "errors" ? formatShare : spec.kind === "cost" ? formatDollars : (value: number) => formatNumber(value, 4);
  return (
    <dl className="gate-numbers">
      {candidate !== null && <div><dt>{versionMark(versions.model, versions.candidate)}</dt><dd>{format(candidate)}</dd></div>}
      {stable !== null && <div><dt>{versionMark(versions.model, versions.stable)}</dt><dd>{format(stable)}</dd></div>}
    </dl>
  );
}
