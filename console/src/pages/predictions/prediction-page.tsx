import { Link, useParams } from "wouter";
import { apiPath } from "../../data/api.ts";
import { useResource } from "../../data/resource.ts";
import type { ModelVersion, PredictionExplanation } from "../../data/types.ts";
import { formatCount, plural } from "../../format.ts";
import { BackLink } from "../../parts/back-link.tsx";
import { Chip, OutcomeChip } from "../../parts/chip.tsx";
import { CodeBlock, DigestText, IdText } from "../../parts/copy.tsx";
import { Panel } from "../../parts/panel.tsx";
import { ResourceView } from "../../parts/resource-view.tsx";
import { TensorView, valueText } from "../../parts/tensor-view.tsx";
import { Time } from "../../parts/time.tsx";
import { usePageTitle } from "../../shell/title.ts";
import { AssignmentPanel, ShadowPanel } from "./assignment-panel.tsx";
import { InputList } from "./input-list.tsx";
import { TimingBar } from "./timing-bar.tsx";

/** What one prediction was: the answer to "why did the model say that?". */
export function PredictionPage() {
  const { id = "" } = useParams<{ id: string }>();
  usePageTitle("Prediction");
  // Truth arrives later, so the page looks again.
  const explanation = useResource<PredictionExplanation>(apiPath`/api/predictions/${id}`, { refreshMs: 30_000 });
  return (
    <div className="page">
      <ResourceView resource={explanation} lines={10}>
        {(data) => <Explanation explanation={data} />}
      </ResourceView>
    </div>
  );
}

function Explanation({ explanation }: { explanation: PredictionExplanation }) {
  const { prediction, contractDigest, alias, truth, shadow } = explanation;
  const { model, version } = prediction;
  const contract = useResource<ModelVersion>(apiPath`/api/models/${model}/versions/${version}`).data?.contract;
  const signature = contract?.signature;
  const first = prediction.outputs[0];
  return (
    <>
      <header className="page-header model-header">
        <nav aria-label="Breadcrumb" className="breadcrumb">
          <BackLink href="/models">Models</BackLink>
          <Link href={`/models/${model}`}>{model}</Link>
          <BackLink href={`/models/${model}/predictions`}>Predictions</BackLink>
        </nav>
        <h1>Prediction</h1>
        <ul className="facts" aria-label="Facts">
          <li><OutcomeChip outcome={prediction.outcome} /></li>
          <li><Time at={prediction.time} /></li>
          <li>
            <Link href={`/models/${model}/contract?version=${version}`}>{model} v{version}</Link> {alias === null ? <Chip>no alias now</Chip> : <Chip tone="accent">{alias}</Chip>}
          </li>
        </ul>
        <div className="header-actions">
          <Link href={`/models/${model}/try?version=${version}&from=${prediction.id}`} className="button">Try these inputs</Link>
        </div>
      </header>
      <div className="columns">
        <Panel title="Inputs" note={plural(prediction.rows, "row")}>
          <InputList inputs={prediction.inputs} signature={signature} profile={contract?.referenceProfile} />
        </Panel>
        <div className="column">
          <Panel title="Outputs">
            {prediction.outputs.length === 0 ? <p className="muted">None: the caller got the error {prediction.outcome}.</p> : null}
            {prediction.outputs.map((tensor) => <TensorView key={tensor.name} tensor={tensor} spec={signature?.outputs.find((spec) => spec.name === tensor.name)} />)}
          </Panel>
          <ShadowPanel shadow={shadow} />
          <Panel title="Truth" note={truth.length === 0 ? undefined : plural(truth.length, "record")} flush={truth.length > 0}>
            {truth.length === 0 ? (
              <>
                <p className="muted">None yet. When it is known, send it by this prediction's id:</p>
                <CodeBlock label="command" code={`curl ${location.origin}/api/truth \\\n  --json '{"records":[{"predictionId":"${prediction.id}","value":${typeof first?.data?.[0] === "string" ? '"…"' : "1"}}]}'`} />
              </>
            ) : (
              <table className="table table-cards">
                <thead>
                  <tr><th scope="col">Row</th><th scope="col" className="numeric">Value</th><th scope="col">Observed</th><th scope="col">Received</th><th scope="col" className="numeric">Corrections</th></tr>
                </thead>
                <tbody>
                  {truth.map((record) => (
                    <tr key={record.row}>
                      <th scope="row">{record.row}</th>
                      <td data-label="Value" className="numeric"><strong>{valueText(record.value)}</strong></td>
                      <td data-label="Observed"><Time at={record.observedAt} /></td>
                      <td data-label="Received"><Time at={record.receivedAt} /></td>
                      <td data-label="Corrections" className="numeric">{formatCount(record.corrections)}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
            )}
          </Panel>
        </div>
      </div>
      <AssignmentPanel explanation={explanation} />
      <Panel title="Timing">
        <TimingBar timing={prediction.timing} />
      </Panel>
      <Panel title="Identity">
        <dl className="properties">
          <div><dt>Prediction</dt><dd><IdText id={prediction.id} what="prediction id" /></dd></div>
          {prediction.traceId !== null && <div><dt>Trace</dt><dd><Link href={`/traces/${prediction.traceId}`} className="row-link">{prediction.traceId.slice(0, 8)}…</Link></dd></div>}
          <div><dt>Caller's id</dt><dd>{prediction.requestId === null ? <span className="muted">none sent</span> : <IdText id={prediction.requestId} what="request id" />}</dd></div>
          <div><dt>Contract</dt><dd><DigestText digest={contractDigest} /></dd></div>
        </dl>
      </Panel>
    </>
  );
}
