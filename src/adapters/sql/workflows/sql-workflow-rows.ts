import type { Selectable } from "kysely";
import { canonicalJson, digestOfText } from "../../../core/canonical-json.ts";
import type { NewRun, RunState, Schedule, StepRecord, WorkflowRun, WorkflowStep } from "../workflow-ports.ts";
import type { WorkflowRunRow, WorkflowScheduleRow, WorkflowStepRow } from "../database-schema.ts";

/** What stands in `due_at` for a run that only a signal wakes. */
export const never = Number.MAX_SAFE_INTEGER;

/** States in which a run holds a place among those that its workflow may have under way. */
export const startedStates = ["running", "sleeping", "compensating"] as const satisfies readonly RunState[];
export const openStates = ["queued", ...startedStates] as const satisfies readonly RunState[];
export const endStates = ["succeeded", "failed", "cancelled"] as const satisfies readonly RunState[];

export function isEnd(state: string): boolean {
  return (endStates as readonly string[]).includes(state);
}

export function runOf(row: Selectable<WorkflowRunRow>): WorkflowRun {
  const state = row.state as RunState;
  return {
    id: row.id, workflow: row.workflow, version: row.version, state,
    input: JSON.parse(row.input_json) as unknown,
    output: parsed(row.output_json),
    error: parsed(row.error_json) as WorkflowRun["error"],
    idempotencyKey: keyOfRow(row), priority: row.priority, concurrencyKey: row.concurrency_key,
    team: row.team, owner: row.owner, schedule: row.schedule,
    createdAt: row.created_at, dueAt: isEnd(state) || row.due_at === never ? null : row.due_at, startedAt: row.started_at, endedAt: row.ended_at,
    cancelRequested: row.cancel_requested === 1, progress: row.progress, progressNote: row.progress_note,
  };
}

export function rowOfNewRun(run: NewRun): WorkflowRunRow {
  // Equal inputs have equal texts, whatever the order of their members.
  const input = canonicalJson(run.input);
  return {
    id: run.id, workflow: run.workflow, version: run.version, idempotency_key: keptKey(run),
    input_json: input, input_digest: digestOfText(input), state: "queued", priority: run.priority, concurrency_key: run.concurrencyKey,
    team: run.team, owner: run.owner, schedule: run.schedule, created_at: run.now, due_at: run.dueAt, started_at: null, ended_at: null,
    lease_owner: null, lease_until: 0, lease_epoch: 0, cancel_requested: 0, output_json: null, error_json: null,
    progress: null, progress_note: null, crashes: 0, crash_progress: 0,
  };
}

/**
 * A caller's key counts within the team: no team learns of another's runs by it, nor takes its keys away. Those that schedules
 * make have no slash, and are no caller's to make.
 */
function keptKey({ idempotencyKey, team, schedule }: NewRun): string | null {
  return idempotencyKey === null || schedule !== null ? idempotencyKey : `${team}/${idempotencyKey}`;
}

function keyOfRow({ idempotency_key: kept, team, schedule }: Selectable<WorkflowRunRow>): string | null {
  return kept === null || schedule !== null || !kept.startsWith(`${team}/`) ? kept : kept.slice(team.length + 1);
}

export function stepOf(row: Selectable<WorkflowStepRow>): WorkflowStep {
  return {
    step: row.step, kind: row.kind as WorkflowStep["kind"], position: row.position, state: row.state as WorkflowStep["state"],
    attempts: row.attempts, startedAt: row.started_at, endedAt: row.ended_at, wakeAt: row.wake_at,
    result: parsed(row.result_json), error: parsed(row.error_json) as WorkflowStep["error"],
  };
}

export function rowOfStep(run: string, step: StepRecord): WorkflowStepRow {
  return {
    run, step: step.step, kind: step.kind, position: step.position, state: step.state, attempts: step.attempts,
    started_at: step.startedAt, ended_at: step.endedAt, wake_at: step.wakeAt,
    result_json: jsonOrNull(step.result), error_json: jsonOrNull(step.error),
  };
}

export function scheduleOf(row: Selectable<WorkflowScheduleRow>): Schedule {
  return {
    name: row.name, workflow: row.workflow, cron: row.cron, timeZone: row.time_zone, missed: row.missed as Schedule["missed"],
    input: JSON.parse(row.input_json) as unknown, team: row.team, owner: row.owner, createdAt: row.created_at,
    nextAt: row.next_at, lastAt: row.last_at, paused: row.paused_at !== null,
  };
}

export function jsonOrNull(value: unknown): string | null {
  return value === null || value === undefined ? null : JSON.stringify(value);
}

function parsed(text: string | null): unknown {
  return text === null ? null : (JSON.parse(text) as unknown);
}
