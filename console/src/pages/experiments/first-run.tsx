import { EmptyState } from "../../parts/empty-state.tsx";

/** Nothing was logged yet: the three lines that change that, with this server's address. */
export function FirstRun({ experiment, title = "No runs yet" }: { experiment: string; title?: string }) {
  const lines = [
    "# pip install mlflow",
    `import os; os.environ["MLFLOW_TRACKING_URI"] = "${location.origin}"`,
    `import mlflow; mlflow.set_experiment(${JSON.stringify(experiment)})`,
    'with mlflow.start_run(): mlflow.log_param("depth", 6); mlflow.log_metric("loss", 0.12, step=1)',
  ];
  return (
    <EmptyState title={title} command={lines.join("\n")} after={<p className="muted small">A server that asks for keys takes them as MLFLOW_TRACKING_TOKEN. Autologging works too: mlflow.autolog().</p>}>
      <p>Scripts, notebooks and jobs that log with MLflow go on working: name this server and run them.</p>
    </EmptyState>
  );
}
