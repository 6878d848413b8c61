import { Link } from "wouter";
import { useEvaluations } from "../../data/evaluations.ts";
import { useQuery } from "../../data/query.ts";
import { useRights } from "../../data/session.ts";
import type { WorkflowRun } from "../../data/types.ts";
import { EmptyState } from "../../parts/empty-state.tsx";
import { ResourceView } from "../../parts/resource-view.tsx";
import { Time } from "../../parts/time.tsx";
import type { ModelTabProps } from "../model/model-page.tsx";
import { VersionSelect } from "../model/version-select.tsx";
import { RunMark } from "../workflows/run-mark.tsx";
import { hasEnded } from "../workflows/run-words.ts";
import { EvaluateDialog } from "./evaluate-dialog.tsx";
import { EvaluationCard } from "./evaluation-card.tsx";

/** How a version does on evaluation sets, beside its baseline and the champion. */
export function EvaluationsTab({ detail, version }: ModelTabProps) {
  const query = useQuery();
  const chosen = detail.versions.find((entry) => entry.version === version);
  if (chosen === undefined) return <EmptyState title={version === null ? "No version yet" : `There is no v${version}`} command={`npx slipway deploy model.onnx --name ${detail.model.name}`} />;
  return (
    <>
      <div className="toolbar">
        <VersionSelect detail={detail} value={chosen.version} />
        <EvaluateButton />
      </div>
      <Evaluations key={chosen.version} model={detail.model.name} version={chosen.version} />
      {query.get("evaluate") !== null && <EvaluateDialog detail={detail} version={chosen.version} onClose={() => query.set({ evaluate: null }, { replace: true })} />}
    </>
  );
}

function EvaluateButton() {
  const query = useQuery();
  if (!useRights().somewhere("contributor")) return null;
  return <span className="toolbar-end"><button type="button" className="button button-primary" onClick={() => query.set({ evaluate: "1" })}>Evaluate</button></span>;
}

function Evaluations({ model, version }: { model: string; version: string }) {
  return (
    <ResourceView resource={useEvaluations(model, version)} lines={8}>
      {({ evaluations, run }) => {
        // The newest one that succeeded is shown as what it found.
        const shown = run !== null && (!hasEnded(run) || run.state === "failed") ? run : null;
        return (
          <>
            {shown !== null && <RunLine run={shown} />}
            {evaluations.length === 0 && shown === null && <NoEvaluations model={model} version={version} />}
            {evaluations.map((evaluation) => <EvaluationCard key={evaluation.id} evaluation={evaluation} />)}
          </>
        );
      }}
    </ResourceView>
  );
}

function RunLine({ run }: { run: WorkflowRun }) {
  return (
    <section className={run.error === null ? "panel evaluation-run" : "error-box evaluation-run"} aria-label={run.error === null ? "Evaluation under way" : "Failed evaluation"}>
      <span className="cell-line"><RunMark run={run} /> <Link href={`/workflows/runs/${run.id}`}>Evaluation</Link> <span className="muted">started <Time at={run.createdAt} relative /></span></span>
      {run.error !== null ? <p><strong>{run.error.message}</strong> <code className="error-code">{run.error.code}</code></p> : (
        <span className="run-progress"><progress className="progress" max={1} {...(run.progress === null ? {} : { value: run.progress })} aria-label="Progress of the evaluation" /> <span className="muted">{run.progressNote ?? "waits for its turn"}</span></span>
      )}
    </section>
  );
}

function NoEvaluations({ model, version }: { model: string; version: string }) {
  return (
    <EmptyState title="Not evaluated yet" command={`npx slipway evaluate ${model} ${version} --dataset NAME --wait`}>
      <p>
        An evaluation runs this version, its baseline and the champion on the same rows of a <Link href="/datasets">dataset</Link> and says how sure the difference is.
        Name a dataset in the <Link href={`/models/${encodeURIComponent(model)}/policy`}>policy</Link>, and each new version is evaluated by itself; or start one above.
      </p>
    </EmptyState>
  );
}
