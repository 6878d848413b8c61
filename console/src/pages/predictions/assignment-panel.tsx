import { Link } from "wouter";
import type { GateResult, Prediction, PredictionExplanation } from "../../data/types.ts";
import { formatMs } from "../../format.ts";
import { Chip, OutcomeChip } from "../../parts/chip.tsx";
import { IdText } from "../../parts/copy.tsx";
import { Panel } from "../../parts/panel.tsx";
import { TensorView } from "../../parts/tensor-view.tsx";
import { Time } from "../../parts/time.tsx";
import { gateSigns } from "../rollouts/rollout-words.ts";
import { assignmentWords } from "./assignment-words.ts";

/** Why it went where it went, what failed before, and what was judged at that moment. Nothing for a model without a rollout. */
export function AssignmentPanel({ explanation: { prediction, verdict } }: { explanation: PredictionExplanation }) {
  const { assignment } = prediction;
  if (assignment === null) return null;
  const { rollout, phase, failed, shadowOf } = assignment;
  const open = verdict?.gates.filter(({ result }) => result !== "pass") ?? [];
  return (
    <Panel title="Rollout" note={`phase ${phase}`}>
      <dl className="properties">
        <div><dt>Rollout</dt><dd><Link href={`/rollouts/${rollout}`}>{rollout}</Link></dd></div>
        <div><dt>Went to</dt><dd>{assignmentWords(assignment)}</dd></div>
        {failed === null ? null : (
          <div>
            <dt>Failed before</dt>
            <dd>{failed.arm}, version {failed.version}: <OutcomeChip outcome={failed.outcome} /> after {formatMs(failed.totalUs / 1000)}. The stable version answered instead.</dd>
          </div>
        )}
        {shadowOf === null ? null : <div><dt>Shadow of</dt><dd><Link href={`/predictions/${shadowOf}`}>{shadowOf}</Link>, asked for comparison alone: nobody got this answer.</dd></div>}
        <div>
          <dt>Verdict then</dt>
          <dd>
            {verdict === null ? <span className="muted">none yet</span> : <><Chip>{verdict.decision}</Chip> {verdict.reason} <Time at={verdict.time} /></>}
          </dd>
        </div>
        {open.map(({ gate, result, detail }) => (
          <div key={gate}><dt>{gate}</dt><dd>{gateSigns[result as GateResult["result"]] ?? ""} {result}{detail === "" ? "" : `: ${detail}`}</dd></div>
        ))}
      </dl>
    </Panel>
  );
}

/** What the version under comparison answered to the same request. */
export function ShadowPanel({ shadow }: { shadow: Prediction | null }) {
  if (shadow === null) return null;
  return (
    <Panel title="Shadow's outputs" note={`version ${shadow.version}, ${formatMs(shadow.timing.totalUs / 1000)}`}>
      {shadow.outputs.length === 0 ? <p className="muted">None: it came to {shadow.outcome}.</p> : null}
      {shadow.outputs.map((tensor) => <TensorView key={tensor.name} tensor={tensor} spec={undefined} />)}
      <p className="muted">Nobody got this answer. <Link href={`/predictions/${shadow.id}`}>Its record</Link>: <IdText id={shadow.id} what="prediction id" /></p>
    </Panel>
  );
}
