import { textTable } from "../core/text-table.ts";
import { hasEnded } from "./follow-run.ts";
import type { LogLine, RunError, Schedule, WorkflowRun, WorkflowStep, WorkflowSummary } from "./schemas.ts";

/** Runs, steps, logs and schedules as text for a terminal. */

const timeText = (time: number | null): string => (time === null ? "-" : new Date(time).toISOString());

/** What programs print may steer a terminal; here it may not. Tabs stay. */
const controls = /\u001b\[[0-9;?]*[ -/]*[@-~]|[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

export function plainText(text: string): string {
  return text.replace(controls, "");
}

function durationText(milliseconds: number): string {
  if (milliseconds < 1000) return `${milliseconds} ms`;
  if (milliseconds < 60_000) return `${(milliseconds / 1000).toFixed(1)} s`;
  const minutes = Math.floor(milliseconds / 60_000);
  return minutes < 60 ? `${minutes} min ${Math.floor((milliseconds % 60_000) / 1000)} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

function errorText({ code, message, step }: RunError): string {
  return `${code}${step === undefined ? "" : ` in step ${step}`}: ${plainText(message)}`;
}

function stateText({ state, progress, cancelRequested }: WorkflowRun): string {
  const share = progress === null || progress === 1 || state === "succeeded" ? "" : ` ${Math.round(progress * 100)}%`;
  return `${state}${share}${cancelRequested && !["succeeded", "failed", "cancelled"].includes(state) ? " (cancelling)" : ""}`;
}

export function definitionsText(workflows: readonly WorkflowSummary[]): string {
  if (workflows.length === 0) return "No workflows. Name the modules that define them: slipway up --workflows ./workflows.ts";
  return textTable(
    ["WORKFLOW", "VERSION", "RUNS", "DESCRIPTION"],
    workflows.map(({ name, version, runs, description }) => [
      name, String(version), Object.entries(runs).map(([state, count]) => `${count} ${state}`).join(", ") || "-", description,
    ]),
  );
}

export function runsText(runs: readonly WorkflowRun[]): string {
  if (runs.length === 0) return "No runs.";
  return textTable(
    ["RUN", "WORKFLOW", "STATE", "CREATED", "TOOK", "OWNER"],
    runs.map((run) => [
      run.id, run.workflow, stateText(run), timeText(run.createdAt),
      run.startedAt === null || run.endedAt === null ? "-" : durationText(run.endedAt - run.startedAt), run.schedule === null ? run.owner : `schedule ${run.schedule}`,
    ]),
  );
}

export function runText(run: WorkflowRun, steps: readonly WorkflowStep[]): string {
  const facts: [string, string][] = [
    ["workflow", `${run.workflow} version ${run.version}`],
    ["started", `${timeText(run.startedAt)} by ${run.schedule === null ? run.owner : `schedule ${run.schedule}`}, team ${run.team}`],
    ["input", shortJson(run.input)],
  ];
  if (run.progressNote !== null) facts.push(["progress", plainText(run.progressNote)]);
  if (!hasEnded(run)) facts.push(["due", run.dueAt === null ? "when its signal comes" : timeText(run.dueAt)]);
  if (run.endedAt !== null) facts.push(["ended", timeText(run.endedAt)]);
  if (run.error !== null) facts.push(["error", errorText(run.error)]);
  if (run.state === "succeeded") facts.push(["output", shortJson(run.output)]);
  const rows = steps.map(({ position, step, kind, state, attempts, startedAt, endedAt, wakeAt, error }) => [
    String(position), step, kind, state, String(attempts),
    endedAt === null ? (wakeAt === null ? "-" : `until ${timeText(wakeAt)}`) : durationText(endedAt - startedAt),
    error === null ? "" : errorText(error),
  ]);
  return [
    `${run.id}  ${stateText(run)}`,
    ...facts.map(([name, value]) => `  ${name.padEnd(9)} ${value}`),
    ...(rows.length === 0 ? [] : [textTable(["#", "STEP", "KIND", "STATE", "ATTEMPTS", "TOOK", "ERROR"], rows)]),
  ].join("\n");
}

export function lineText({ time, step, stream, line }: LogLine): string {
  return `${timeText(time)}  ${step}${stream === "log" ? "" : ` ${stream}`}  ${plainText(line)}`;
}

export function stepEventText({ step, state, attempts, error }: WorkflowStep): string {
  return `  ${step}: ${state}${attempts > 1 ? `, attempt ${attempts}` : ""}${error === null ? "" : `; ${errorText(error)}`}`;
}

export function schedulesText(schedules: readonly Schedule[]): string {
  if (schedules.length === 0) return "No schedules.";
  return textTable(
    ["SCHEDULE", "WORKFLOW", "CRON", "TIME ZONE", "MISSED", "NEXT", "LAST"],
    schedules.map(({ name, workflow, cron, timeZone, missed, paused, nextAt, lastAt }) => [
      name, workflow, cron, timeZone, missed, paused ? "paused" : timeText(nextAt), timeText(lastAt),
    ]),
  );
}

function shortJson(value: unknown): string {
  const text = JSON.stringify(value) ?? "null";
  return plainText(text.length > 400 ? `${text.slice(0, 400)}… (--json shows all)` : text);
}
