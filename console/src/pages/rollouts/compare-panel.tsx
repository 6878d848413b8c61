import type { ReactNode } from "react";
import { versionMark } from "../../data/rollouts.ts";
import type { ArmFigures, RolloutStatus } from "../../data/types.ts";
import { formatCount, formatShare } from "../../format.ts";
import { Panel } from "../../parts/panel.tsx";
import { armOf, measuresOf, pairedMeasures, type BoundedValue } from "./arm-values.ts";
import { armColor } from "./arm-color.ts";
import { BandPicture } from "./band-picture.tsx";
import { boundsWords, formatMeasure, type MeasureUnit } from "./measure-format.ts";

/** Both versions on the same traffic in the same time, each figure with the bounds that hold it. */
export function ComparePanel({ status, arm }: { status: RolloutStatus; arm: string }) {
  const { rollout, figures } = status;
  const { alpha } = rollout.plan;
  const [stable, candidate] = [armOf(figures, "stable"), armOf(figures, arm)];
  const measures = measuresOf([stable, candidate].filter((figure) => figure !== undefined));
  const phase = rollout.plan.phases[rollout.phase]?.phase;
  const metrics = status.latest?.phase === rollout.phase ? status.latest.metrics : [];
  const paired = figures.paired.find((each) => each.arm === arm);
  return (
    <Panel title="Both versions" note={`${phase === undefined ? "" : `in ${phase}, `}with bounds of ${formatShare(1 - alpha)} that hold however often one looks`} flush>
      {measures.length === 0 ? <p className="table-none">No answers in this phase yet. Figures come with the first requests.</p> : (
        <table className="table table-cards compare-table">
          <thead>
            <tr>
              <th scope="col">Measure</th>
              <th scope="col" className="numeric">{versionMark(rollout.model, rollout.stable)} <span className="muted">stable</span></th>
              <th scope="col" className="numeric">{versionMark(rollout.model, candidate?.version ?? rollout.candidate)} <span className="muted">{arm}</span></th>
              <th scope="col">Side by side</th>
            </tr>
          </thead>
          <tbody>
            {measures.map(({ id, label, unit, of }) => {
              const values = [valueOf(stable, (figure) => of(figure, alpha)), valueOf(candidate, (figure) => of(figure, alpha))] as const;
              return (
                <Row key={id} label={label} note={id === "errors" ? failureNote(candidate) : undefined} unit={unit} stable={values[0]} candidate={values[1]}>
                  <BandPicture label={`${label}: ${versionMark(rollout.model, rollout.stable)} ${formatMeasure(unit, values[0].value)}, ${versionMark(rollout.model, rollout.candidate)} ${formatMeasure(unit, values[1].value)}`} bars={[{ ...values[0], color: armColor("stable", 0) }, { ...values[1], color: armColor(arm, 1) }]} fromZero={unit !== "number"} />
                </Row>
              );
            })}
            {metrics.map(({ name, stable: theirs, candidate: own }) => {
              const values = [exactly(theirs), exactly(own)] as const;
              return (
                <Row key={name} label={name} note="by SQL over the prediction log" unit="number" stable={values[0]} candidate={values[1]}>
                  <BandPicture label={`${name}: ${versionMark(rollout.model, rollout.stable)} ${formatMeasure("number", theirs)}, ${versionMark(rollout.model, rollout.candidate)} ${formatMeasure("number", own)}`} bars={[{ ...values[0], color: armColor("stable", 0) }, { ...values[1], color: armColor(arm, 1) }]} fromZero />
                </Row>
              );
            })}
            {paired !== undefined && pairedMeasures(paired, alpha).map(({ id, label, unit, value, count }) => (
              <tr key={id}>
                <th scope="row">{label}<span className="cell-note">{formatCount(count)} answers to the same inputs</span></th>
                <td className="numeric" data-label="Difference" colSpan={2}>{formatMeasure(unit, value.value)}<span className="cell-note">{boundsWords(unit, value)}</span></td>
                <td className="band-cell"><BandPicture label={`${label}: ${formatMeasure(unit, value.value)}`} bars={[{ ...value, color: armColor(arm, 1) }]} fromZero /></td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Panel>
  );
}

function Row({ label, note, unit, stable, candidate, children }: { label: string; note: string | undefined; unit: MeasureUnit; stable: BoundedValue; candidate: BoundedValue; children: ReactNode }) {
  return (
    <tr>
      <th scope="row">{label}{note !== undefined && <span className="cell-note">{note}</span>}</th>
      {([["Stable", stable], ["Candidate", candidate]] as const).map(([name, value]) => (
        <td key={name} className="numeric" data-label={name}>{formatMeasure(unit, value.value)}<span className="cell-note">{boundsWords(unit, value)}</span></td>
      ))}
      <td className="band-cell">{children}</td>
    </tr>
  );
}

/** A value that is known as it is, without bounds. */
function exactly(value: number | null): BoundedValue {
  return { value, low: null, high: null };
}

function valueOf(figures: ArmFigures | undefined, value: (figures: ArmFigures) => BoundedValue): BoundedValue {
  return figures === undefined ? { value: null, low: null, high: null } : value(figures);
}

/** `3 INVALID_OUTPUT, 1 RUNNER_DIED`: at what the candidate failed. */
function failureNote(candidate: ArmFigures | undefined): string | undefined {
  const failures = Object.entries(candidate?.failures ?? {}).filter(([, count]) => count > 0);
  return failures.length === 0 ? undefined : failures.map(([outcome, count]) => `${formatCount(count)} ${outcome}`).join(", ");
}
