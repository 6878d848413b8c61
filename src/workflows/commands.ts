import { readFile } from "node:fs/promises";
import type { Command } from "../core/command.ts";
import { AppError } from "../core/errors.ts";
import { followRun, hasEnded } from "./follow-run.ts";
import { definitionsText, lineText, runsText, runText, schedulesText, stepEventText } from "./run-text.ts";
import type { LogLine, Schedule, WorkflowRun, WorkflowStep, WorkflowSummary } from "./schemas.ts";

type TextOptions = Record<string, string | undefined>;

const runPath = (id: string): string => `/api/workflow-runs/${encodeURIComponent(id)}`;
const schedulePath = (name: string): string => `/api/schedules/${encodeURIComponent(name)}`;
const runPositional = [{ name: "<run>", description: "run id, wfr_…" }];
const jsonOption = "JSON, or @file";

const definitions: Command = {
  words: ["workflows", "definitions"],
  summary: "workflows that this server knows",
  run: ({ api }) => api.get("/api/workflows"),
  render: ({ workflows }: { workflows: WorkflowSummary[] }) => definitionsText(workflows),
};

const start: Command = {
  words: ["workflows", "start"],
  summary: "start a run of a workflow",
  positionals: [{ name: "<workflow>", description: "name of the workflow" }],
  options: [
    { flags: "--input <json>", description: `its input: ${jsonOption}` },
    { flags: "--idempotency-key <key>", description: "starts no second run with the same key" },
    { flags: "--priority <number>", description: "-100 to 100; higher goes first" },
    { flags: "--at <time>", description: "not before, such as 2026-01-31T08:00:00Z" },
    { flags: "--team <team>", description: "whose run it is" },
    { flags: "--follow", description: "show its log until it has ended" },
  ],
  run: async (context, { positionals, options }) => {
    const { input, idempotencyKey, priority, at, team } = options as TextOptions;
    const answer = await context.api.send<{ run: WorkflowRun; created: boolean }>("POST", `/api/workflows/${encodeURIComponent(positionals[0]!)}/runs`, {
      input: await jsonOf(input, "--input"), idempotencyKey, team,
      priority: priority === undefined ? undefined : Number(priority),
      startAt: at === undefined ? undefined : timeOf(at),
    });
    return options.follow === true ? { ...answer, run: await follow(context, answer.run.id, 0) } : answer;
  },
  render: ({ run, created }: { run: WorkflowRun; created: boolean }) =>
    hasEnded(run) ? runText(run, []) : `${run.id} ${created ? "is queued" : `is there already, ${run.state}`}. Follow it: slipway workflows logs ${run.id} --follow`,
};

const list: Command = {
  words: ["workflows", "list"],
  summary: "runs, newest first",
  namesKeys: true,
  options: [
    { flags: "--workflow <name>", description: "only of this workflow" },
    { flags: "--state <state>", description: "queued, running, sleeping, compensating, succeeded, failed or cancelled" },
    { flags: "--before <run>", description: "older than this run" },
    { flags: "--limit <number>", description: "how many", default: "20" },
  ],
  run: ({ api }, { options }) => {
    const { workflow, state, before, limit } = options as TextOptions;
    return api.get("/api/workflow-runs", { workflow, state, before, limit });
  },
  render: ({ runs }: { runs: WorkflowRun[] }) => runsText(runs),
};

const show: Command = {
  words: ["workflows", "show"],
  summary: "a run with its steps",
  namesKeys: true,
  positionals: runPositional,
  run: ({ api }, { positionals }) => api.get(runPath(positionals[0]!)),
  render: ({ run, steps }: { run: WorkflowRun; steps: WorkflowStep[] }) => runText(run, steps),
};

const logs: Command = {
  words: ["workflows", "logs"],
  summary: "the log of a run",
  positionals: runPositional,
  options: [
    { flags: "--follow", description: "go on until the run has ended" },
    { flags: "--after <sequence>", description: "only lines after this one", default: "0" },
    { flags: "--limit <number>", description: "how many lines, without --follow", default: "1000" },
  ],
  run: async (context, { positionals, options }) => {
    const { after, limit } = options as TextOptions;
    if (options.follow === true) return { run: await follow(context, positionals[0]!, Number(after)) };
    return context.api.get(`${runPath(positionals[0]!)}/log`, { after, limit });
  },
  render: (result: { lines: LogLine[] } | { run: WorkflowRun }) => {
    if ("run" in result) return runText(result.run, []);
    return result.lines.length === 0 ? "No lines." : result.lines.map(lineText).join("\n");
  },
};

const cancel: Command = {
  words: ["workflows", "cancel"],
  summary: "cancel a run; its finished steps are undone where they can be",
  positionals: runPositional,
  run: ({ api }, { positionals }) => api.send("POST", `${runPath(positionals[0]!)}/cancel`),
  render: ({ run }: { run: WorkflowRun }) => (hasEnded(run) ? `${run.id} is ${run.state}.` : `${run.id} is told to stop.`),
};

const retry: Command = {
  words: ["workflows", "retry"],
  summary: "let a failed or cancelled run go on from its last finished step",
  positionals: runPositional,
  run: ({ api }, { positionals }) => api.send("POST", `${runPath(positionals[0]!)}/retry`),
  render: ({ run }: { run: WorkflowRun }) => `${run.id} is ${run.state}.`,
};

const schedules: Command = {
  words: ["workflows", "schedules"],
  summary: "what runs when",
  run: ({ api }) => api.get("/api/schedules"),
  render: ({ schedules: all }: { schedules: Schedule[] }) => schedulesText(all),
};

const schedule: Command = {
  words: ["workflows", "schedule"],
  summary: "start a workflow at times to come; replaces a schedule of the same name",
  positionals: [{ name: "<schedule>", description: "name of the schedule" }],
  options: [
    { flags: "--workflow <name>", description: "what to start", required: true },
    { flags: "--cron <fields>", description: "minute hour day month weekday, such as \"0 3 * * *\"", required: true },
    { flags: "--time-zone <zone>", description: "such as Europe/Paris; UTC when not given" },
    { flags: "--missed <policy>", description: "skip, once or all: what becomes of times at which no server ran" },
    { flags: "--input <json>", description: `input of each run: ${jsonOption}` },
    { flags: "--team <team>", description: "whose runs they are" },
    { flags: "--paused", description: "keep it, and start nothing" },
  ],
  run: async ({ api }, { positionals, options }) => {
    const { workflow, cron, timeZone, missed, input, team } = options as TextOptions;
    return api.send("PUT", schedulePath(positionals[0]!), {
      workflow, cron, timeZone, missed, team, input: await jsonOf(input, "--input"), paused: options.paused === true,
    });
  },
  render: ({ name, workflow, nextAt, paused }: Schedule) =>
    `${name} starts ${workflow}${paused ? " when it is no longer paused" : nextAt === null ? " never" : ` next at ${new Date(nextAt).toISOString()}`}.`,
};

const unschedule: Command = {
  words: ["workflows", "unschedule"],
  summary: "remove a schedule",
  positionals: [{ name: "<schedule>", description: "name of the schedule" }],
  run: async ({ api }, { positionals }) => {
    await api.send("DELETE", schedulePath(positionals[0]!));
    return { name: positionals[0]! };
  },
  render: ({ name }: { name: string }) => `${name} is removed.`,
};

const fire: Command = {
  words: ["workflows", "fire"],
  summary: "start the run of a schedule now",
  positionals: [{ name: "<schedule>", description: "name of the schedule" }],
  run: ({ api }, { positionals }) => api.send("POST", `${schedulePath(positionals[0]!)}/fire`),
  render: ({ run }: { run: WorkflowRun }) => `${run.id} is ${run.state}.`,
};

const signal: Command = {
  words: ["workflows", "signal"],
  summary: "send a signal to the run that waits for it, or will",
  positionals: [{ name: "<signal>", description: "name of the signal" }],
  options: [
    { flags: "--key <key>", description: "which of those that wait: what the workflow waits with" },
    { flags: "--payload <json>", description: `what the run is told: ${jsonOption}` },
    { flags: "--id <id>", description: "the same id again sends nothing twice" },
    { flags: "--team <team>", description: "whose runs may take it" },
  ],
  run: async ({ api }, { positionals, options }) => {
    const { key, payload, id, team } = options as TextOptions;
    return api.send("POST", "/api/signals", { signal: positionals[0], key, id, team, payload: await jsonOf(payload, "--payload") });
  },
  render: ({ id }: { id: string }) => `${id} is sent.`,
};

export const workflowCommands: readonly Command[] = [definitions, start, list, show, logs, cancel, retry, schedules, schedule, unschedule, fire, signal];

type Context = Parameters<Command["run"]>[0];

/** Prints lines and steps as they come; answers with the run as it ended. */
async function follow({ api, print, progress }: Context, id: string, after: number): Promise<WorkflowRun> {
  let last: WorkflowRun | undefined;
  let told = "";
  for await (const event of followRun(api, id, { after })) {
    if (event.type === "line") print(lineText(event.line), event.line);
    else if (event.type === "step") progress(stepEventText(event.step));
    else {
      last = event.run;
      const text = `  ${last.state}${last.progress === null ? "" : ` ${Math.round(last.progress * 100)}%`}${last.progressNote === null ? "" : ` ${last.progressNote}`}`;
      if (text !== told) progress(text);
      told = text;
    }
  }
  return last !== undefined && hasEnded(last) ? last : (await api.get<{ run: WorkflowRun }>(runPath(id))).run;
}

async function jsonOf(text: string | undefined, option: string): Promise<unknown> {
  if (text === undefined) return undefined;
  const file = text.startsWith("@") ? text.slice(1) : undefined;
  const content = file === undefined ? text : await readFile(file, "utf8").catch((cause: unknown) => {
    throw new AppError("INVALID_REQUEST", `${option}: there is no file ${file} that can be read.`, { cause });
  });
  try {
    return JSON.parse(content);
  } catch (cause) {
    throw new AppError("INVALID_REQUEST", `${option} is not JSON.`, { cause });
  }
}

function timeOf(text: string): number {
  const time = Date.parse(text);
  if (Number.isNaN(time)) throw new AppError("INVALID_REQUEST", `--at: ${text} is not a time such as 2026-01-31T08:00:00Z.`);
  return time;
}
