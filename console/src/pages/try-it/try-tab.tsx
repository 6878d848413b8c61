import { useEffect, useMemo, useState, type FormEvent } from "react";
import { random } from "../../random.ts";
import { ApiFailure, apiPath, call } from "../../data/api.ts";
import { useQuery } from "../../data/query.ts";
import { useResource } from "../../data/resource.ts";
import type { ExampleTensor, ModelVersion, PredictionExplanation } from "../../data/types.ts";
import { EmptyState } from "../../parts/empty-state.tsx";
import { ErrorBox } from "../../parts/error-box.tsx";
import { Icon } from "../../parts/icon.tsx";
import { Panel } from "../../parts/panel.tsx";
import { Segmented } from "../../parts/segmented.tsx";
import type { ModelTabProps } from "../model/model-page.tsx";
import { VersionSelect } from "../model/version-select.tsx";
import { formParts, initialValues, randomValues, valuesFromTensors, type FormValues } from "./form-model.ts";
import { buildRequest, problemsInMessage } from "./infer-request.ts";
import { InputForm } from "./input-form.tsx";
import { ResultPanel } from "./result-panel.tsx";
import { inferPath } from "./snippets.ts";
import { SnippetPanel } from "./snippet-panel.tsx";

/** `POST /v2/models/:model/infer`. */
export interface InferAnswer {
  model_name: string;
  model_version?: string;
  parameters?: { prediction_id?: string };
  outputs: ExampleTensor[];
}

export interface TryResult {
  answer: InferAnswer;
  /** From click to answer, in the browser. */
  roundTripMs: number;
}

export function TryTab({ detail, version }: ModelTabProps) {
  const chosen = detail.versions.find((entry) => entry.version === version);
  if (version === null) {
    return <EmptyState title="Nothing to try yet" command={`npx slipway deploy model.onnx --name ${detail.model.name}`} />;
  }
  if (chosen === undefined) return <EmptyState title={`There is no v${version}`}><p>Choose a version that exists: {detail.versions.map((entry) => `v${entry.version}`).join(", ")}.</p></EmptyState>;
  return <TryForm key={chosen.version} detail={detail} version={chosen} />;
}

function TryForm({ detail, version }: { detail: ModelTabProps["detail"]; version: ModelVersion }) {
  const query = useQuery();
  const { signature, referenceProfile } = version.contract;
  const parts = useMemo(() => formParts(signature, referenceProfile), [signature, referenceProfile]);
  const [values, setValues] = useState<FormValues>(() => initialValues(parts));
  const [problems, setProblems] = useState<Record<string, string>>({});
  const [failure, setFailure] = useState<ApiFailure | null>(null);
  const [result, setResult] = useState<TryResult | null>(null);
  const [busy, setBusy] = useState(false);
  const [pasted, setPasted] = useState<string | null>(null);

  // `?from=prd_…` fills the form with what an earlier prediction was asked.
  const from = query.get("from");
  const earlier = useResource<PredictionExplanation>(from === null ? null : apiPath`/api/predictions/${from}`);
  useEffect(() => {
    if (earlier.data !== undefined) setValues(valuesFromTensors(parts, earlier.data.prediction.inputs));
  }, [earlier.data, parts]);

  const isChampion = detail.model.aliases.champion === version.version;
  const target = { model: detail.model.name, version: query.get("version") === null && isChampion ? null : version.version };
  const asJson = query.get("mode") === "json";
  const preview = useMemo(() => buildRequest(parts, values, () => 0.5).body, [parts, values]);

  /** What was said of a value does not hold for another one. */
  const change = (next: FormValues): void => {
    const stands = (key: string): boolean => next.fields[key] === values.fields[key] && next.tensors[key] === values.tensors[key];
    setProblems(Object.fromEntries(Object.entries(problems).filter(([key]) => stands(key))));
    setValues(next);
  };

  const submit = (event: FormEvent): void => {
    event.preventDefault();
    const built = asJson ? { body: pasted ?? preview, problems: {} } : buildRequest(parts, values, random);
    setProblems(built.problems);
    setFailure(null);
    const first = Object.keys(built.problems)[0];
    if (first !== undefined) {
      document.getElementById(`field-${first}`)?.focus();
      return;
    }
    setBusy(true);
    const start = performance.now();
    call<InferAnswer>(inferPath(target), { method: "POST", body: built.body })
      .then((answer) => setResult({ answer, roundTripMs: performance.now() - start }))
      .catch((thrown: unknown) => {
        const error = thrown instanceof ApiFailure ? thrown : new ApiFailure(0, { code: "CONSOLE_FAILED", message: String(thrown) });
        setFailure(error);
        setResult(null);
        if (!asJson) setProblems(problemsInMessage(error.message, parts));
      })
      .finally(() => setBusy(false));
  };

  return (
    <div className="try">
      <form onSubmit={submit} noValidate aria-label="Try the model">
        <Panel
          title="Input"
          note={asJson ? "the whole body" : "one row"}
          actions={<Segmented label="How to give the input" value={asJson ? "json" : "form"} options={[{ id: "form", label: "Form" }, { id: "json", label: "JSON" }]} onChange={(mode) => { setPasted(null); query.set({ mode: mode === "json" ? "json" : null }, { replace: true }); }} />}
        >
          <div className="try-toolbar">
            <VersionSelect detail={detail} value={version.version} />
            {!asJson && (
              <button type="button" className="button" onClick={() => { setValues(randomValues(parts, random)); setProblems({}); }} title={referenceProfile === null ? "Random values" : "Drawn from the reference data, each column on its own"}>
                <Icon name="dice" /> Another example
              </button>
            )}
          </div>
          {from !== null && earlier.error !== undefined && <ErrorBox error={earlier.error} />}
          {asJson ? (
            <label className="field">
              <span className="field-label">Body of <code>POST {inferPath(target)}</code></span>
              <textarea className="input code-input" rows={16} spellCheck={false} value={pasted ?? readable(preview)} onChange={(event) => setPasted(event.target.value)} />
            </label>
          ) : (
            <InputForm parts={parts} values={values} problems={problems} onChange={change} />
          )}
          <div className="form-actions">
            <button type="submit" className="button button-primary" disabled={busy}>{busy ? "Predicting…" : "Predict"}</button>
          </div>
        </Panel>
      </form>
      <div className="try-results">
        <ResultPanel result={result} failure={failure} busy={busy} signature={signature} />
        <SnippetPanel request={{ origin: location.origin, ...target, body: asJson && pasted !== null && isJson(pasted) ? pasted : preview }} />
      </div>
    </div>
  );
}

function isJson(text: string): boolean {
  try {
    return Array.isArray((JSON.parse(text) as { inputs?: unknown }).inputs);
  } catch {
    return false;
  }
}

/** One line for each input; long data stay on theirs. */
function readable(body: string): string {
  return body.replace('{"inputs":[', '{"inputs": [\n  ').replaceAll('},{"name"', '},\n  {"name"').replace(/\]\}$/, "\n]}");
}
