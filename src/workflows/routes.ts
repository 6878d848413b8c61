import { z } from "zod";
import { mayInTeam, mayOnServer, requireInTeam, type Caller } from "../core/caller.ts";
import { AppError } from "../core/errors.ts";
import { isSafeName } from "../core/names.ts";
import { denial } from "../core/request-gate.ts";
import { HttpAnswer, route, type Route } from "../core/route.ts";
import type { RunStreams } from "./run-streams.ts";
import { LogLine, RunState, Schedule, ScheduleSpec, SignalRequest, StartRun, WorkflowRun, WorkflowStep, WorkflowSummary } from "./schemas.ts";
import { scheduleNotFound, type WorkflowService } from "./workflow-service.ts";

const tag = "Workflows";
const Name = z.string().refine(isSafeName, "1 to 128 letters, digits, dots, dashes and underscores, starting with a letter or digit");
const WorkflowParams = z.strictObject({ workflow: z.string().max(128) });
const RunParams = z.strictObject({ run: z.string().max(40) });
const ScheduleParams = z.strictObject({ schedule: Name });

const RunQuery = z.strictObject({
  workflow: z.string().max(128).optional(),
  state: RunState.optional(),
  /** Id of the last run of the page before. */
  before: z.string().max(40).optional(),
  limit: z.coerce.number().int().min(1).max(500).default(50),
});

const LogQuery = z.strictObject({
  /** Sequence of the last line that is known; 0 for all. */
  after: z.coerce.number().int().min(0).default(0),
  limit: z.coerce.number().int().min(1).max(5000).default(1000),
});

const RunAnswer = z.object({ run: WorkflowRun });

/** Starting, watching and steering runs. Runs and schedules belong to teams; those of other teams are as if they were not there. */
export function workflowRoutes(workflows: WorkflowService, streams: RunStreams): Route[] {
  /** Throws RUN_NOT_FOUND for a run that the caller may not see, FORBIDDEN for one that they may not steer. */
  const steerableRun = async (id: string, caller: Caller): Promise<WorkflowRun> => {
    const run = await visibleRun(id, caller);
    requireInTeam(caller, "contributor", run.team);
    return run;
  };
  const visibleRun = async (id: string, caller: Caller): Promise<WorkflowRun> => {
    const run = await workflows.find(id);
    if (!mayInTeam(caller, "viewer", run.team)) throw denial(new AppError("RUN_NOT_FOUND", `There is no workflow run ${JSON.stringify(id)}.`));
    return run;
  };
  /** Throws `hidden` for a schedule that the caller may not see, FORBIDDEN for one that they may not change. */
  const requireChange = ({ team }: Schedule, caller: Caller, hidden: AppError): void => {
    if (!mayInTeam(caller, "viewer", team)) throw denial(hidden);
    requireInTeam(caller, "deployer", team);
  };
  /** What a workflow of the server itself does may be more than a team may ask for. */
  const requireStarter = (caller: Caller, workflow: string): void => {
    const role = workflows.starterOf(workflow);
    if (role !== null && !mayOnServer(caller, role)) throw new AppError("FORBIDDEN", `To start the workflow ${workflow} needs the role ${role} on the whole server.`);
  };

  return [
    route({
      method: "GET",
      path: "/api/workflows",
      access: "viewer",
      on: "some",
      operationId: "listWorkflows",
      summary: "Workflows that this server knows",
      tag,
      response: z.object({ workflows: z.array(WorkflowSummary) }),
      handle: async ({ caller }) => {
        const known = await workflows.definitions();
        // The counts are of all teams together.
        return { workflows: mayOnServer(caller, "viewer") ? known : known.map((workflow) => ({ ...workflow, runs: {} })) };
      },
    }),
    route({
      method: "POST",
      path: "/api/workflows/:workflow/runs",
      access: "contributor",
      on: "some",
      operationId: "startWorkflowRun",
      summary: "Start a run",
      description: "With an idempotency key, a second request answers the run that the first one started.",
      tag,
      params: WorkflowParams,
      body: { kind: "json", schema: StartRun },
      response: z.object({ run: WorkflowRun, created: z.boolean() }),
      handle: async ({ params, body, caller, auditAs }) => {
        requireInTeam(caller, "contributor", body.team);
        requireStarter(caller, params.workflow);
        const started = await workflows.start(params.workflow, body, caller.actor);
        auditAs({ object: `workflow:${params.workflow}`, detail: { run: started.run.id, team: body.team, created: started.created } });
        return started;
      },
    }),
    route({
      method: "GET",
      path: "/api/workflow-runs",
      access: "viewer",
      on: "some",
      operationId: "listWorkflowRuns",
      summary: "Runs, newest first",
      tag,
      query: RunQuery,
      response: z.object({ runs: z.array(WorkflowRun) }),
      handle: async ({ query, caller }) => {
        const { workflow, state, before, limit } = query;
        const teams = teamsOf(caller);
        if (teams?.length === 0) return { runs: [] };
        return {
          runs: await workflows.list({
            limit, ...(workflow !== undefined && { workflow }), ...(state !== undefined && { state }), ...(before !== undefined && { before }), ...(teams !== null && { teams }),
          }),
        };
      },
    }),
    route({
      method: "GET",
      path: "/api/workflow-runs/:run",
      access: "viewer",
      on: "some",
      operationId: "getWorkflowRun",
      summary: "A run with its steps",
      tag,
      params: RunParams,
      response: z.object({ run: WorkflowRun, steps: z.array(WorkflowStep) }),
      handle: async ({ params, caller }) => ({ run: await visibleRun(params.run, caller), steps: await workflows.steps(params.run) }),
    }),
    route({
      method: "GET",
      path: "/api/workflow-runs/:run/log",
      access: "viewer",
      on: "some",
      operationId: "readWorkflowLog",
      summary: "The log of a run, oldest line first",
      description:
        "With `Accept: text/event-stream` as server-sent events, live: `line` (a line), `step` ({step}) and `run` ({run}), first as they are and then as they change; `end` ({run}) when the run has ended. " +
        "`after`, or Last-Event-ID, is the sequence of the last line that is known.",
      tag,
      params: RunParams,
      query: LogQuery,
      response: z.object({ lines: z.array(LogLine) }),
      handle: async ({ params, query, headers, caller, abortSignal }) => {
        await visibleRun(params.run, caller);
        if (!String(headers.accept ?? "").includes("text/event-stream")) {
          const answer = { lines: await workflows.readLog(params.run, query.after, query.limit) };
          return answer as never;
        }
        const lastEventId = Number(headers["last-event-id"] ?? 0);
        const after = Math.max(query.after, Number.isSafeInteger(lastEventId) ? lastEventId : 0);
        return new HttpAnswer(200, { "Content-Type": "text/event-stream" }, streams.open(params.run, after, abortSignal, caller));
      },
    }),
    route({
      method: "POST",
      path: "/api/workflow-runs/:run/cancel",
      access: "contributor",
      on: "some",
      operationId: "cancelWorkflowRun",
      summary: "Stop a run and undo its finished steps where they can be undone",
      tag,
      params: RunParams,
      response: RunAnswer,
      handle: async ({ params, caller }) => {
        await steerableRun(params.run, caller);
        return { run: await workflows.cancel(params.run) };
      },
    }),
    route({
      method: "POST",
      path: "/api/workflow-runs/:run/retry",
      access: "contributor",
      on: "some",
      operationId: "retryWorkflowRun",
      summary: "Let a failed or cancelled run go on from its last finished step",
      tag,
      params: RunParams,
      response: RunAnswer,
      handle: async ({ params, caller }) => {
        await steerableRun(params.run, caller);
        return { run: await workflows.retry(params.run) };
      },
    }),
    route({
      method: "POST",
      path: "/api/signals",
      access: "contributor",
      on: "some",
      operationId: "sendSignal",
      summary: "Send a signal to the run that waits for it, or will",
      description: "One run of the team takes it. The same id again sends nothing twice.",
      tag,
      body: { kind: "json", schema: SignalRequest },
      response: z.object({ id: z.string() }),
      handle: ({ body, caller, auditAs }) => {
        auditAs({ object: `signal:${body.signal}`, detail: { key: body.key, team: body.team } });
        requireInTeam(caller, "contributor", body.team);
        return workflows.signal(body);
      },
    }),
    route({
      method: "GET",
      path: "/api/schedules",
      access: "viewer",
      on: "some",
      operationId: "listSchedules",
      summary: "What runs when",
      tag,
      response: z.object({ schedules: z.array(Schedule) }),
      handle: async ({ caller }) => ({ schedules: (await workflows.listSchedules()).filter(({ team }) => mayInTeam(caller, "viewer", team)) }),
    }),
    route({
      method: "PUT",
      path: "/api/schedules/:schedule",
      access: "deployer",
      on: "some",
      operationId: "putSchedule",
      summary: "Start a workflow at times to come",
      tag,
      params: ScheduleParams,
      body: { kind: "json", schema: ScheduleSpec },
      response: Schedule,
      handle: async ({ params, body, caller, auditAs }) => {
        const { workflow, cron, team, paused } = body;
        auditAs({ object: `schedule:${params.schedule}`, detail: { workflow, cron, team, paused } });
        requireInTeam(caller, "deployer", body.team);
        requireStarter(caller, workflow);
        const taken = new AppError("NAME_TAKEN", "Another team has a schedule of this name.");
        return workflows.putSchedule(params.schedule, body, caller.actor, (before) => requireChange(before, caller, taken));
      },
    }),
    route({
      method: "DELETE",
      path: "/api/schedules/:schedule",
      access: "deployer",
      on: "some",
      operationId: "removeSchedule",
      summary: "Remove a schedule; its runs stay",
      tag,
      params: ScheduleParams,
      response: Schedule,
      handle: ({ params, caller }) =>
        workflows.removeSchedule(params.schedule, (schedule) => requireChange(schedule, caller, scheduleNotFound(params.schedule))),
    }),
    route({
      method: "POST",
      path: "/api/schedules/:schedule/fire",
      access: "deployer",
      on: "some",
      operationId: "fireSchedule",
      summary: "Start the run of a schedule now, beside its times",
      tag,
      params: ScheduleParams,
      response: RunAnswer,
      handle: async ({ params, caller }) => ({
        run: await workflows.fireNow(params.schedule, caller.actor, (schedule) => requireChange(schedule, caller, scheduleNotFound(params.schedule))),
      }),
    }),
  ];
}

/** Teams whose runs the caller may see; null for all. */
function teamsOf(caller: Caller): string[] | null {
  if (mayOnServer(caller, "viewer")) return null;
  const teams = caller.grants.map(({ team }) => team).filter((team) => team !== "*" && mayInTeam(caller, "viewer", team));
  return [...new Set(teams)];
}
