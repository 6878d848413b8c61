import { useState, type FormEvent } from "react";
import { apiPath, call } from "../../data/api.ts";
import { useAction } from "../../data/action.ts";
import type { Schema } from "../../data/open-api.ts";
import { invalidate, useResource } from "../../data/resource.ts";
import type { Schedule, Team } from "../../data/types.ts";
import { useWorkflows } from "../../data/workflows.ts";
import { Dialog } from "../../parts/dialog.tsx";
import { ErrorBox } from "../../parts/error-box.tsx";
import { Field } from "../../parts/field.tsx";
import { exampleInput } from "./example-input.ts";
import { jsonProblem } from "./json-problem.ts";

const missedWords = { skip: "skip what was missed", once: "one run for all that was missed", all: "one run for each, the latest 100" } as const;

export function ScheduleDialog({ onClose }: { onClose: () => void }) {
  const workflows = useWorkflows().data?.workflows ?? [];
  const teams = useResource<{ teams: Team[] }>("/api/teams").data?.teams ?? [];
  const action = useAction();
  const [name, setName] = useState("");
  const [chosen, setWorkflow] = useState<string | null>(null);
  const [cron, setCron] = useState("0 3 * * *");
  const [timeZone, setTimeZone] = useState(() => Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC");
  const [missed, setMissed] = useState<Schedule["missed"]>("once");
  const [team, setTeam] = useState<string | null>(null);
  const [typed, setInput] = useState<string | null>(null);

  const workflow = chosen ?? workflows[0]?.name ?? "";
  const schema = workflows.find((entry) => entry.name === workflow)?.inputSchema as Schema | undefined;
  const input = typed ?? JSON.stringify(exampleInput(schema ?? {}), null, 2);
  const inputProblem = jsonProblem(input);
  const chosenTeam = team ?? teams.find((entry) => entry.name === "default")?.name ?? teams[0]?.name ?? "default";
  const problems = Object.fromEntries((action.error?.problems ?? []).map((problem) => [problem.path, problem.message]));
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (inputProblem !== undefined) return;
    const body = JSON.stringify({ workflow, cron: cron.trim(), timeZone: timeZone.trim(), missed, team: chosenTeam, input: JSON.parse(input) as unknown });
    action.run(() => call<Schedule>(apiPath`/api/schedules/${name.trim()}`, { method: "PUT", body }), () => {
      invalidate((key) => key === "/api/schedules");
      onClose();
    });
  };
  return (
    <Dialog title="Make a schedule" onClose={onClose}>
      <form onSubmit={submit} className="dialog-form">
        <div className="form-grid form-grid-two">
          <Field label="Name">{(control) => <input {...control} className="input" autoFocus autoComplete="off" required maxLength={128} placeholder="nightly" value={name} onChange={(event) => setName(event.target.value)} />}</Field>
          <Field label="Workflow">
            {(control) => <select {...control} className="input" required value={workflow} onChange={(event) => { setWorkflow(event.target.value); setInput(null); }}>{workflows.map((entry) => <option key={entry.name}>{entry.name}</option>)}</select>}
          </Field>
          <Field label="Times" problem={problems.cron} hint="minute hour day month weekday">{(control) => <input {...control} className="input mono" autoComplete="off" spellCheck={false} required value={cron} onChange={(event) => setCron(event.target.value)} />}</Field>
          <Field label="Time zone" problem={problems.timeZone} hint="such as Europe/Paris">{(control) => <input {...control} className="input" autoComplete="off" spellCheck={false} required value={timeZone} onChange={(event) => setTimeZone(event.target.value)} />}</Field>
          <Field label="Missed times" hint="When no server ran.">
            {(control) => <select {...control} className="input" value={missed} onChange={(event) => setMissed(event.target.value as Schedule["missed"])}>{Object.entries(missedWords).map(([id, words]) => <option key={id} value={id}>{words}</option>)}</select>}
          </Field>
          <Field label="Team">
            {(control) => <select {...control} className="input" value={chosenTeam} onChange={(event) => setTeam(event.target.value)}>{[...new Set([...teams.map((entry) => entry.name), chosenTeam])].map((entry) => <option key={entry}>{entry}</option>)}</select>}
          </Field>
        </div>
        <Field label="Input" problem={inputProblem} hint="The same for every run.">
          {(control) => <textarea {...control} className="input code-input" rows={4} spellCheck={false} value={input} onChange={(event) => setInput(event.target.value)} />}
        </Field>
        {action.error !== null && <ErrorBox error={action.error} />}
        <div className="dialog-actions">
          <button type="button" className="button" onClick={onClose}>Cancel</button>
          <button type="submit" className="button button-primary" disabled={action.busy || workflow === ""}>{action.busy ? "Making…" : "Make the schedule"}</button>
        </div>
      </form>
    </Dialog>
  );
}
