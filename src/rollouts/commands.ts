import { setTimeout as wait } from "node:timers/promises";
import type { ApiClient } from "../core/api-client.ts";
import type { Command, CommandContext } from "../core/command.ts";
import { AppError } from "../core/errors.ts";
import { textTable } from "../core/text-table.ts";
import { routeOfSubject, subjectPath, versionWords } from "../core/traffic-subject.ts";
import { jsonOf, triedOf, triedOptions } from "./gateway/tried-options.ts";
import { rolloutText, verdictText } from "./rollout-text.ts";
import { openStates, type RollbackResult, type Rollout, type RolloutStatus, type RolloutSummary, type Verdict } from "./schemas.ts";

const pollMs = 1000;
const modelPositional = { name: "<model>", description: "name of the model, or route:NAME for a route of the gateway" };
const reasonOption = { flags: "--reason <text>", description: "why; kept with the change" };

const start: Command = {
  words: ["rollout", "start"],
  summary: "roll a version of a model out by the plan of its policy, or other settings of a route",
  positionals: [modelPositional],
  options: [
    { flags: "--version <number>", description: "version to roll out, the newest when it is left out; of a route, one of its revisions" },
    ...triedOptions,
    { flags: "--plan <file>", description: "JSON of a plan, instead of the policy's" },
    { flags: "--canary <percent>", description: "share of the canary phase, instead of the plan's" },
    reasonOption,
    { flags: "--wait", description: "watch it to its end; fails unless it succeeds" },
  ],
  run: async ({ api, ...context }, { positionals: [model], options }) => {
    const { version, canary, reason, plan: plannedBy } = options as Record<string, string | undefined>;
    if (canary !== undefined && !/^\d{1,3}(\.\d+)?$/.test(canary)) throw new AppError("INVALID_REQUEST", `--canary takes a percentage such as 10, and not ${canary}.`);
    const tried = routeOfSubject(model!) === null ? { version } : await triedOf(options);
    const plan = plannedBy === undefined ? {} : { plan: await jsonOf(plannedBy) };
    const rollout = await api.send<StartedRollout>("POST", `${subjectPath(model!)}/rollouts`, { ...tried, ...plan, reason, ...(canary === undefined ? {} : { canary: Number(canary) }) });
    if (options.wait !== true) return rollout;
    context.progress(startText(rollout));
    const ended = await watchToEnd({ api, ...context }, rollout.id);
    if (ended.rollout.state !== "succeeded") throw new AppError("ROLLOUT_ENDED", `The rollout ${rollout.id} is ${ended.rollout.state}: ${ended.rollout.reason}`);
    return ended.rollout;
  },
  render: (rollout: StartedRollout) => (openStates.includes(rollout.state) ? `${startText(rollout)}\nWatch it: slipway rollout watch ${rollout.model}` : endText(rollout)),
};

const status: Command = {
  words: ["rollout", "status"],
  summary: "show the rollout of a model that is under way, or the latest",
  positionals: [modelPositional],
  run: ({ api }, { positionals: [model] }) => api.get(`${subjectPath(model!)}/rollout`),
  render: (shown: RolloutStatus) => rolloutText(shown),
};

const watch: Command = {
  words: ["rollout", "watch"],
  summary: "show a rollout as it goes on, until its end",
  positionals: [modelPositional],
  run: async (context, { positionals: [model] }) => {
    const { rollout } = await context.api.get<RolloutStatus>(`${subjectPath(model!)}/rollout`);
    return (await watchToEnd(context, rollout.id)).rollout;
  },
  render: (rollout: Rollout) => endText(rollout),
};

const list: Command = {
  words: ["rollout", "list"],
  summary: "list rollouts, newest first",
  options: [{ flags: "--model <name>", description: "of this model alone" }, { flags: "--open", description: "those that are under way" }],
  run: ({ api }, { options }) => api.get("/api/rollouts", { model: options.model as string | undefined, open: options.open === true ? "true" : undefined }),
  render: ({ rollouts }: { rollouts: RolloutSummary[] }) =>
    rollouts.length === 0
      ? "No rollouts yet. Start one: slipway rollout start MODEL"
      : textTable(
          ["ROLLOUT", "MODEL", "VERSION", "BESIDE", "STATE", "PHASE", "STARTED", "WHY"],
          rollouts.map(({ id, model, candidate, stable, state, plan, phase, startedAt, reason, latest }) => [
            id, model, candidate, stable, state, plan.phases[phase]?.phase ?? "-", new Date(startedAt).toISOString(), (openStates.includes(state) ? (latest?.reason ?? reason) : reason) || "-",
          ]),
        ),
};

const verdicts: Command = {
  words: ["rollout", "verdicts"],
  summary: "show what was decided, and why, newest first",
  namesKeys: true,
  positionals: [modelPositional],
  options: [{ flags: "--rollout <id>", description: "another than the latest" }, { flags: "--limit <number>", description: "how many; 20 when it is left out" }],
  run: async ({ api }, { positionals: [model], options }) => {
    const id = (options.rollout as string | undefined) ?? (await api.get<RolloutStatus>(`${subjectPath(model!)}/rollout`)).rollout.id;
    return api.get(`/api/rollouts/${encodeURIComponent(id)}/verdicts`, { limit: (options.limit as string | undefined) ?? 20 });
  },
  render: ({ verdicts: found }: { verdicts: Verdict[] }) => (found.length === 0 ? "No verdicts yet." : found.map(verdictText).join("\n")),
};

const steering = [
  { action: "promote", summary: "take the next phase now, past the gates", said: "goes on to its next phase" },
  { action: "pause", summary: "let the traffic of a rollout stay as it is", said: "is paused" },
  { action: "resume", summary: "go on after a pause", said: "goes on" },
  { action: "approve", summary: "approve what a rollout waits for", said: "is approved" },
  { action: "abort", summary: "give all traffic back to the stable version, and end the rollout", said: "is aborted: all traffic is with the stable version" },
].map(({ action, summary, said }): Command => ({
  words: ["rollout", action],
  summary,
  positionals: [modelPositional],
  options: [reasonOption],
  run: ({ api }, { positionals: [model], options }) => api.send("POST", `${subjectPath(model!)}/rollout/${action}`, { reason: options.reason }),
  render: ({ id, model }: Rollout) => `The rollout ${id} of ${model} ${said}.`,
}));

const rollback: Command = {
  words: ["rollback"],
  summary: "give the traffic back to the version that had it before; ends a rollout that is under way",
  positionals: [modelPositional],
  options: [{ flags: "--to <version>", description: "another version than the one before" }, reasonOption],
  run: ({ api }, { positionals: [model], options }) => api.send("POST", `${subjectPath(model!)}/rollback`, { to: options.to, reason: options.reason }),
  render: ({ model, champion, before, rollout }: RollbackResult) =>
    [...(rollout === null ? [] : [`The rollout ${rollout.id} is ended.`]), before === null ? `${model} ${versionWords(model, champion)} has all traffic.` : `${model} ${versionWords(model, champion)} has the traffic that ${versionWords(model, before)} had.`].join("\n"),
};

export const rolloutCommands: readonly Command[] = [start, status, watch, list, verdicts, ...steering, rollback];

/** Draws the rollout again when it changes: over what was drawn before on a terminal, one after the other elsewhere. */
async function watchToEnd({ api, print }: Pick<CommandContext, "print" | "progress"> & { api: ApiClient }, id: string): Promise<RolloutStatus> {
  const path = `/api/rollouts/${encodeURIComponent(id)}`;
  let shown = "";
  for (;;) {
    const status = await api.get<RolloutStatus>(path);
    const text = rolloutText(status);
    if (text !== shown) print(process.stdout.isTTY && shown !== "" ? `\u001b[${shown.split("\n").length}A\u001b[J${text}` : text, status);
    shown = text;
    if (!openStates.includes(status.rollout.state)) return status;
    await wait(pollMs);
  }
}

/** Of a route, with what does not hold yet. */
type StartedRollout = Rollout & { notes?: string[] };

function startText({ id, model, candidate, stable, notes = [] }: StartedRollout): string {
  return [`${id} is started: ${versionWords(model, candidate)} beside ${stable}.`, ...notes.map((note) => `  ! ${note}`)].join("\n");
}

function endText({ id, model, candidate, state, reason }: Rollout): string {
  return `The rollout ${id} of ${model} ${versionWords(model, candidate)} is ${state}${reason === "" ? "" : `: ${reason}`}.`;
}
