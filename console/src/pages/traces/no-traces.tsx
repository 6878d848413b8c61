import { useState } from "react";
import { Link } from "wouter";
import { EmptyState } from "../../parts/empty-state.tsx";
import { Segmented } from "../../parts/segmented.tsx";

const senders = [
  {
    id: "otlp", label: "OpenTelemetry", note: "Every SDK, collector and instrumentation that speaks OTLP over HTTP, as protobuf or JSON.",
    lines: (origin: string) => [`export OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=${origin}/v1/traces`, "export OTEL_EXPORTER_OTLP_TRACES_PROTOCOL=http/protobuf"],
  },
  {
    id: "mlflow", label: "MLflow", note: "Decorated functions, autologging and feedback work as with MLflow's own server.",
    lines: (origin: string) => ["import mlflow", `mlflow.set_tracking_uri("${origin}")`, 'mlflow.set_experiment("my-app")', "mlflow.openai.autolog()  # or @mlflow.trace"],
  },
  {
    id: "langsmith", label: "LangSmith", note: "LangChain and LangGraph applications trace here unchanged.",
    lines: (origin: string) => ["export LANGSMITH_TRACING=true", `export LANGSMITH_ENDPOINT=${origin}/langsmith`, "export LANGSMITH_API_KEY=any"],
  },
  {
    id: "gateway", label: "Gateway", note: "Every call through the gateway is traced by itself. The built-in model echo needs no provider.",
    lines: (origin: string) => [`curl ${origin}/v1/chat/completions -H 'Content-Type: application/json' \\`, `  -d '{"model": "echo", "messages": [{"role": "user", "content": "hello"}]}'`],
  },
];

/** Nothing was sent yet: the lines that change that, with this server's address. */
export function NoTraces() {
  const [chosen, choose] = useState("otlp");
  const sender = senders.find(({ id }) => id === chosen)!;
  return (
    <>
      <EmptyState title="No traces yet" command={sender.lines(location.origin).join("\n")} after={<p className="muted small">On a server that asks for keys, a key with the role contributor goes along as a bearer token. The routes are in the <Link href="/docs">API reference</Link>, everything else in docs/tracing.md of the package.</p>}>
        <Segmented label="Sender" value={chosen} options={senders} onChange={choose} />
        <p>{sender.note}</p>
      </EmptyState>
    </>
  );
}
