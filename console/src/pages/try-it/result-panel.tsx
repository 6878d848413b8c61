import { Link } from "wouter";
import type { ApiFailure } from "../../data/api.ts";
import type { Signature } from "../../data/types.ts";
import { formatMs } from "../../format.ts";
import { ErrorBox } from "../../parts/error-box.tsx";
import { Panel } from "../../parts/panel.tsx";
import { TensorView } from "../../parts/tensor-view.tsx";
import type { TryResult } from "./try-tab.tsx";

export function ResultPanel({ result, failure, busy, signature }: { result: TryResult | null; failure: ApiFailure | null; busy: boolean; signature: Signature }) {
  const id = result?.answer.parameters?.prediction_id;
  return (
    <Panel title="Result" note={result === null ? undefined : `v${result.answer.model_version ?? "?"} · ${formatMs(result.roundTripMs)} round trip`}>
      <div aria-live="polite" aria-busy={busy} className={busy ? "result result-busy" : "result"}>
        {failure !== null && <ErrorBox error={failure} />}
        {result === null && failure === null && <p className="muted">Press Predict: the answer appears here, and in the predictions of this model.</p>}
        {result?.answer.outputs.map((tensor) => <TensorView key={tensor.name} tensor={tensor} spec={signature.outputs.find((spec) => spec.name === tensor.name)} />)}
        {id !== undefined && (
          <p className="result-link">
            <Link href={`/predictions/${id}`}>Explain this prediction</Link> <code className="muted">{id}</code>
          </p>
        )}
      </div>
    </Panel>
  );
}
