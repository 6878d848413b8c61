import { useEffect, useState, type FormEvent } from "react";
import { apiPath, call } from "../../data/api.ts";
import { useAction } from "../../data/action.ts";
import type { OpenApiDocument, Schema } from "../../data/open-api.ts";
import { useNavigateFromHere } from "../../data/query.ts";
import { invalidate, useResource } from "../../data/resource.ts";
import type { Team, WorkflowRun, WorkflowSummary } from "../../data/types.ts";
import { Dialog } from "../../parts/dialog.tsx";
import { ErrorBox } from "../../parts/error-box.tsx";
import { Field } from "../../parts/field.tsx";
import { SchemaView } from "../docs/schema-view.tsx";
import { exampleInput } from "./example-input.ts";
import { jsonProblem } from "./json-problem.ts";

/** Asks for a run's input, beside the schema that it has to have; `from` is a run whose input is taken over. */
export function StartDialog({ workflow, from, onClose }: { workflow: WorkflowSummary; from: string | null; onClose: () => void }) {
  const schema = (workflow.inputSchema ?? {}) as Schema & { $defs?: Record<string, Schema> };
  const [text, setText] = useState(() => (from === null ? JSON.stringify(exampleInput(schema), null, 2) : ""));
  const [idempotencyKey, setIdempotencyKey] = useState("");
  const [team, setTeam] = useState<string | null>(null);
  const teams = useResource<{ teams: Team[] }>("/api/teams").data?.teams ?? [];
  const source = useResource<{ run: WorkflowRun }>(from === null ? null : apiPath`/api/workflow-runs/${from}`).data?.run;
  useEffect(() => {
    if (source !== undefined) setText((before) => (before === "" ? JSON.stringify(source.input, null, 2) : before));
  }, [source]);
  const action = useAction();
  const navigate = useNavigateFromHere();
  const problem = text.trim() === "" ? undefined : jsonProblem(text);
  const chosenTeam = team ?? source?.team ?? teams.find(({ name }) => name === "default")?.name ?? teams[0]?.name ?? "default";

  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (problem !== undefined) return;
    const body = { input: text.trim() === "" ? {} : (JSON.parse(text) as unknown), team: chosenTeam, ...(idempotencyKey.trim() !== "" && { idempotencyKey: idempotencyKey.trim() }) };
    action.run(() => call<{ run: WorkflowRun }>(apiPath`/api/workflows/${workflow.name}/runs`, { method: "POST", body: JSON.stringify(body) }), ({ run }) => {
      invalidate((key) => key.startsWith("/api/workflow"));
      navigate(`/workflows/runs/${run.id}`);
    });
  };
  const hasFields = schema.properties !== undefined && Object.keys(schema.properties).length > 0;
  return (
    <Dialog title={`Start ${workflow.name}`} onClose={onClose} className="dialog-wide">
      {workflow.description !== "" && <p className="muted">{workflow.description}</p>}
      <form onSubmit={submit} className="dialog-form">
        <div className={hasFields ? "start-input" : ""}>
          <Field label="Input" problem={problem} hint="JSON. What is left out takes its default.">
            {(control) => <textarea {...control} className="input code-input" rows={Math.min(16, Math.max(5, text.split("\n").length + 1))} spellCheck={false} autoFocus value={text} onChange={(event) => setText(event.target.value)} />}
          </Field>
          {hasFields && (
            <section className="start-schema" aria-label="Schema of the input" tabIndex={0}>
              <h3>It takes</h3>
              <SchemaView document={{ components: { schemas: schema.$defs ?? {} } } satisfies OpenApiDocument} schema={schema} />
            </section>
          )}
        </div>
        <div className="form-grid form-grid-two">
          <Field label="Team" hint="Who sees the run.">
            {(control) => (
              <select {...control} className="input" value={chosenTeam} onChange={(event) => setTeam(event.target.value)}>
                {[...new Set([...teams.map(({ name }) => name), chosenTeam])].map((name) => <option key={name}>{name}</option>)}
              </select>
            )}
          </Field>
          <Field label="Idempotency key" hint="Optional: the same key again answers the same run.">
            {(control) => <input {...control} className="input" autoComplete="off" maxLength={200} value={idempotencyKey} onChange={(event) => setIdempotencyKey(event.target.value)} />}
          </Field>
        </div>
        {action.error !== null && <ErrorBox error={action.error} />}
        <div className="dialog-actions">
          <button type="button" className="button" onClick={onClose}>Cancel</button>
          <button type="submit" className="button button-primary" disabled={action.busy || problem !== undefined}>{action.busy ? "Starting…" : "Start"}</button>
        </div>
      </form>
    </Dialog>
  );
}
