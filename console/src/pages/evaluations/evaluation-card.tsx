import { Link } from "wouter";
import { DifferenceBar } from "../../charts/difference-bar.tsx";
import type { Evaluation, EvaluationComparison } from "../../data/types.ts";
import { absent, formatCount, formatNumber, formatShare, plural } from "../../format.ts";
import { Panel } from "../../parts/panel.tsx";
import { Time } from "../../parts/time.tsx";
import { differenceScale, metricName, metricRows, rivalName, verdictSigns, verdictWords } from "./evaluation-words.ts";

const tones = { better: "good", worse: "bad", undecided: "neutral" } as const;

/** One evaluation: what was decided against each rival, with how sure that is, and all metrics beside each other. */
export function EvaluationCard({ evaluation }: { evaluation: Evaluation }) {
  const { id, dataset, task, time, workflowRun, comparisons, notes } = evaluation;
  const href = `/datasets/${encodeURIComponent(dataset.name)}?version=${dataset.version}`;
  return (
    <article id={id} aria-label={`Evaluation on ${dataset.name} v${dataset.version}`}>
      <Panel
        title={<>On <Link href={href}>{dataset.name} v{dataset.version}</Link></>}
        note={<>{task} of <code>{dataset.target}</code> · {plural(dataset.rows, "row")} · <Time at={time} /></>}
        actions={workflowRun !== null && <Link href={`/workflows/runs/${workflowRun}`} className="small">its run</Link>}
      >
        {comparisons.length > 0 && <Verdicts evaluation={evaluation} />}
        <Metrics evaluation={evaluation} />
        {notes.length > 0 && <ul className="notes" aria-label="Notes of the evaluation">{notes.map((note, index) => <li key={index}>{note}</li>)}</ul>}
      </Panel>
    </article>
  );
}

function Verdicts({ evaluation: { comparisons, metric, higherIsBetter } }: { evaluation: Evaluation }) {
  const scale = differenceScale(comparisons);
  return (
    <ul className="verdicts" aria-label="Verdicts">
      {comparisons.map((comparison) => {
        const { role, verdict, difference, interval, rows, method } = comparison;
        const figures = `${signed(difference)} (${signed(interval.low)} to ${signed(interval.high)})`;
        return (
          <li key={role} className={`verdict-row verdict-${verdict}`}>
            <p className="verdict-text"><span className="verdict-sign" aria-hidden="true">{verdictSigns[verdict]}</span> <strong>{verdictWords(comparison)}</strong></p>
            <DifferenceBar difference={difference} interval={interval} scale={scale} higherIsBetter={higherIsBetter} tone={tones[verdict]} label={`Difference of ${metricName(metric)}: ${figures}`} />
            <p className="verdict-figures">
              <b>{signed(difference)}</b> {metricName(metric)}<br />
              <span className="muted" title={methodWords(method)}>{formatShare(interval.confidence)} interval {signed(interval.low)} to {signed(interval.high)}, {plural(rows, "row")}</span>
            </p>
          </li>
        );
      })}
    </ul>
  );
}

function methodWords(method: EvaluationComparison["method"]): string {
  return method === "delong" ? "DeLong's interval for the difference of two areas on the same rows" : "Student's t on the differences row by row";
}

function Metrics({ evaluation }: { evaluation: Evaluation }) {
  const { metric, metrics, comparisons, version, higherIsBetter } = evaluation;
  return (
    <div className="panel-scroll">
      <table className="table table-compact metrics-table">
        <thead>
          <tr>
            <th scope="col">Metric</th>
            <th scope="col" className="numeric">v{version}</th>
            {comparisons.map(({ role, rival }) => <th key={role} scope="col" className="numeric">{rivalName(rival)}<span className="cell-note">{role}</span></th>)}
          </tr>
        </thead>
        <tbody>
          {metricRows(evaluation).map((name) => (
            <tr key={name}>
              <th scope="row">{metricName(name)}{name === metric && <span className="cell-note">decides, {higherIsBetter ? "more" : "less"} is better</span>}</th>
              <td className="numeric"><strong>{numberOr(metrics[name])}</strong></td>
              {comparisons.map(({ role, metrics: others }) => <td key={role} className="numeric">{numberOr(others[name])}</td>)}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function numberOr(value: number | undefined): string {
  return value === undefined ? absent : formatNumber(value, 4);
}

function signed(value: number): string {
  return value === 0 ? "0" : `${value > 0 ? "+" : "−"}${Math.abs(value) >= 1e5 ? formatCount(Math.abs(value)) : formatNumber(Math.abs(value), 3)}`;
}
