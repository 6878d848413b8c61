import type { ApiClient } from "../core/api-client.ts";
import { AppError } from "../core/errors.ts";
import {
  followRun, type LogLine, type RunEvent, type RunState, type Schedule, type ScheduleSpec, type StartRun, type WorkflowRun, type WorkflowStep, type WorkflowSummary,
} from "../workflows/index.ts";

/** What may be left out takes its default. */
type Given<Request, Required extends keyof Request = never> = Partial<Request> & Pick<Request, Required>;

/** Workflows of a running Slipway: `client.workflows`. */
export class WorkflowsClient {
  readonly #api: ApiClient;

  constructor(api: ApiClient) {
    this.#api = api;
  }

  /** Starts a run, or answers the one that the same idempotency key started before. Times are milliseconds since 1970. */
  start(workflow: string, input: unknown = {}, options: Omit<Given<StartRun>, "input"> = {}): Promise<{ run: WorkflowRun; created: boolean }> {
    return this.#api.send("POST", `/api/workflows/${encodeURIComponent(workflow)}/runs`, { ...options, input });
  }

  /** The run with its steps. */
  find(run: string): Promise<{ run: WorkflowRun; steps: WorkflowStep[] }> {
    return this.#api.get(runPath(run));
  }

  /** Newest first; `before` is the id of the last run of the page before. */
  async list(query: { workflow?: string; state?: RunState; before?: string; limit?: number } = {}): Promise<WorkflowRun[]> {
    return (await this.#api.get<{ runs: WorkflowRun[] }>("/api/workflow-runs", query)).runs;
  }

  /**
   * The run when it has ended, well or not: look at its `state`. A server that is away for a while is waited for. Throws the
   * signal's reason when it aborts.
   */
  async wait(run: string, options: { signal?: AbortSignal } = {}): Promise<WorkflowRun> {
    // A line far behind all others: the log is not wanted.
    for await (const event of followRun(this.#api, run, { ...options, after: Number.MAX_SAFE_INTEGER })) if (event.type === "end") return event.run;
    options.signal?.throwIfAborted();
    throw new AppError("INTERNAL", `The run ${run} was followed to no end.`);
  }

  /** Lines of the log, steps and states as they come, until `end`. */
  follow(run: string, options: { after?: number; signal?: AbortSignal } = {}): AsyncIterable<RunEvent> {
    return followRun(this.#api, run, options);
  }

  /** The log as it is now, oldest line first. */
  async logs(run: string, query: { after?: number; limit?: number } = {}): Promise<LogLine[]> {
    return (await this.#api.get<{ lines: LogLine[] }>(`${runPath(run)}/log`, query)).lines;
  }

  async cancel(run: string): Promise<WorkflowRun> {
    return (await this.#api.send<{ run: WorkflowRun }>("POST", `${runPath(run)}/cancel`)).run;
  }

  /** Lets a failed or cancelled run go on from its last finished step. */
  async retry(run: string): Promise<WorkflowRun> {
    return (await this.#api.send<{ run: WorkflowRun }>("POST", `${runPath(run)}/retry`)).run;
  }

  /** Answers with the signal's id; sending the same id again sends nothing twice. */
  signal(signal: string, options: { key?: string; payload?: unknown; id?: string; team?: string } = {}): Promise<{ id: string }> {
    return this.#api.send("POST", "/api/signals", { signal, ...options });
  }

  async definitions(): Promise<WorkflowSummary[]> {
    return (await this.#api.get<{ workflows: WorkflowSummary[] }>("/api/workflows")).workflows;
  }

  async schedules(): Promise<Schedule[]> {
    return (await this.#api.get<{ schedules: Schedule[] }>("/api/schedules")).schedules;
  }

  /** Adds the schedule, or replaces the one of this name. */
  schedule(name: string, spec: Given<ScheduleSpec, "workflow" | "cron">): Promise<Schedule> {
    return this.#api.send("PUT", `/api/schedules/${encodeURIComponent(name)}`, spec);
  }

  unschedule(name: string): Promise<Schedule> {
    return this.#api.send("DELETE", `/api/schedules/${encodeURIComponent(name)}`);
  }
}

function runPath(run: string): string {
  return `/api/workflow-runs/${encodeURIComponent(run)}`;
}
