import { now } from "../../clock.ts";
import { apiPath, call } from "../../data/api.ts";
import { useAction } from "../../data/action.ts";
import { useNavigateFromHere, useQuery } from "../../data/query.ts";
import { invalidate } from "../../data/resource.ts";
import { useRights } from "../../data/session.ts";
import type { Schedule, WorkflowRun } from "../../data/types.ts";
import { useSchedules } from "../../data/workflows.ts";
import { Chip } from "../../parts/chip.tsx";
import { ConfirmDialog } from "../../parts/confirm-dialog.tsx";
import { EmptyState } from "../../parts/empty-state.tsx";
import { ErrorBox } from "../../parts/error-box.tsx";
import { ResourceView } from "../../parts/resource-view.tsx";
import { RowsTable, type Column } from "../../parts/rows-table.tsx";
import { Time } from "../../parts/time.tsx";
import { ScheduleDialog } from "./schedule-dialog.tsx";
import { specOf, timeInZone, untilWords } from "./schedule-words.ts";

const refresh = (): void => invalidate((key) => key === "/api/schedules");

export function SchedulesTab() {
  const schedules = useSchedules();
  const query = useQuery();
  const rights = useRights();
  const close = (): void => query.set({ create: null, remove: null }, { replace: true });
  const removed = query.get("remove");
  return (
    <>
      <div className="toolbar">
        <span className="toolbar-note">Times are those of the schedule's zone, then yours.</span>
        {rights.somewhere("deployer") && <span className="toolbar-end"><button type="button" className="button button-primary" onClick={() => query.set({ create: "1" })}>Make a schedule</button></span>}
      </div>
      <ResourceView resource={schedules} lines={6}>
        {({ schedules: entries }) => (entries.length === 0 ? <NoSchedules /> : <SchedulesTable schedules={entries} />)}
      </ResourceView>
      {query.get("create") !== null && <ScheduleDialog onClose={close} />}
      {removed !== null && (
        <ConfirmDialog title={`Remove the schedule ${removed}?`} action="Remove" onClose={close} work={() => call(apiPath`/api/schedules/${removed}`, { method: "DELETE" }).then(refresh)}>
          <p>It starts nothing any more. The runs that it started stay.</p>
        </ConfirmDialog>
      )}
    </>
  );
}

function SchedulesTable({ schedules }: { schedules: readonly Schedule[] }) {
  const query = useQuery();
  const action = useAction();
  const navigate = useNavigateFromHere();
  const may = useRights().somewhere("deployer");
  const setPaused = (schedule: Schedule, paused: boolean): void =>
    action.run(() => call(apiPath`/api/schedules/${schedule.name}`, { method: "PUT", body: JSON.stringify({ ...specOf(schedule), paused }) }), refresh);
  const fire = (schedule: Schedule): void =>
    action.run(() => call<{ run: WorkflowRun }>(apiPath`/api/schedules/${schedule.name}/fire`, { method: "POST" }), ({ run }) => navigate(`/workflows/runs/${run.id}`));
  const columns: Column<Schedule>[] = [
    { label: "Schedule", kind: "name", cell: ({ name, workflow, team }) => <>{name}<span className="cell-note">starts {workflow}, {team === "*" ? "of the whole server" : `team ${team}`}</span></> },
    { label: "When", cell: ({ cron, timeZone, missed }) => <><code>{cron}</code><span className="cell-note">{timeZone} · missed: {missed}</span></> },
    { label: "Next", cell: (schedule) => <NextStart schedule={schedule} /> },
    { label: "Last", cell: ({ lastAt }) => (lastAt === null ? <span className="muted">never</span> : <Time at={lastAt} />) },
    { label: "State", cell: ({ paused }) => (paused ? <Chip tone="warning">paused</Chip> : <Chip tone="good">active</Chip>) },
    {
      label: "Actions", kind: "actions",
      cell: (schedule) => may && (
        <span className="cell-line cell-right">
          <button type="button" className="button button-small" disabled={action.busy} aria-label={`Run ${schedule.name} now`} onClick={() => fire(schedule)}>Run now</button>
          <button type="button" className="button button-small" disabled={action.busy} aria-label={`${schedule.paused ? "Resume" : "Pause"} ${schedule.name}`} onClick={() => setPaused(schedule, !schedule.paused)}>{schedule.paused ? "Resume" : "Pause"}</button>
          <button type="button" className="button button-small" aria-label={`Remove ${schedule.name}`} onClick={() => query.set({ remove: schedule.name })}>Remove</button>
        </span>
      ),
    },
  ];
  return (
    <>
      {action.error !== null && <ErrorBox error={action.error} />}
      <div className="panel panel-table">
        <RowsTable columns={columns} rows={schedules} rowKey={({ name }) => name} />
      </div>
    </>
  );
}

function NextStart({ schedule: { nextAt, paused, timeZone } }: { schedule: Schedule }) {
  if (nextAt === null || paused) return <span className="muted">not planned</span>;
  return (
    <>
      <span className="nowrap">{timeInZone(nextAt, timeZone)}</span>
      <span className="cell-note"><Time at={nextAt} /> here, {untilWords(nextAt, now())}</span>
    </>
  );
}

function NoSchedules() {
  return (
    <EmptyState title="No schedules" command={'npx slipway workflows schedule nightly --workflow NAME --cron "0 3 * * *" --time-zone Europe/Paris'}>
      <p>A schedule starts a workflow at its times, in its own time zone, also across changes of the clock. What was missed while no server ran is made up for, or not, as it says.</p>
    </EmptyState>
  );
}
