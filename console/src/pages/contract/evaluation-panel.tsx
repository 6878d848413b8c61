import { absent, formatNumber } from "../../format.ts";
import { Panel } from "../../parts/panel.tsx";
import { evaluationTable } from "./evaluation-table.ts";

/** Metrics on the evaluation set, beside those of the baselines that were given with them. */
export function EvaluationPanel({ evaluation }: { evaluation: Readonly<Record<string, number>> }) {
  const { rivals, rows } = evaluationTable(evaluation);
  if (rows.length === 0) {
    return (
      <Panel title="Evaluation">
        <p className="muted">No metrics were given. Add them when deploying: <code>--metric auc=0.71</code>.</p>
      </Panel>
    );
  }
  return (
    <Panel title="Evaluation" note={rivals.length === 0 ? undefined : "beside what the model has to beat"} flush>
      <table className="table">
        <thead>
          <tr>
            <th scope="col">Metric</th>
            <th scope="col" className="numeric">Model</th>
            {rivals.map((rival) => <th key={rival} scope="col" className="numeric">{rival.replaceAll("_", " ")}</th>)}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ metric, value, rivals: others }) => (
            <tr key={metric}>
              <th scope="row">{metric}</th>
              <td className="numeric"><strong>{formatNumber(value, 4)}</strong></td>
              {others.map((other, index) => (
                <td key={index} className="numeric muted">
                  {other === undefined ? absent : formatNumber(other, 4)}
                  {other !== undefined && <span className="delta" title="The model's figure minus this one">{`${value >= other ? "+" : "−"}${formatNumber(Math.abs(value - other), 3)}`}</span>}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </Panel>
  );
}
