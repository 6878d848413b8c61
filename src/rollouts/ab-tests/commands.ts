import type { ApiClient } from "../../core/api-client.ts";
import type { Command } from "../../core/command.ts";
import { AppError } from "../../core/errors.ts";
import { textTable } from "../../core/text-table.ts";
import { routeOfSubject, subjectPath } from "../../core/traffic-subject.ts";
import { triedVariantOf } from "../gateway/tried-options.ts";
import type { Rollout, RolloutSummary } from "../schemas.ts";
import { abTestText } from "./ab-test-text.ts";
import type { AbTestReport } from "./schemas.ts";

const testPositional = { name: "<test>", description: "id of the test, or the model that it is of" };
const reasonOption = { flags: "--reason <text>", description: "why; kept with the test" };

const start: Command = {
  words: ["abtest", "start"],
  summary: "share the traffic between the champion and variants, and compare them by a metric",
  positionals: [{ name: "<model>", description: "name of the model, or route:NAME" }],
  options: [
    { flags: "--variant <name=version...>", description: "variants, such as b=2 or b=2:10 for 10%; without a percentage the rest is shared evenly. Of a route: a revision, or a JSON file of changed settings, such as b=shorter.json:10", required: true },
    { flags: "--metric <name>", description: "accuracy, error, prediction, latency, or the name of one whose values you report; of a route: cost, latency, or a score of its traces", required: true },
    { flags: "--direction <way>", description: "up or down: which is better", required: true },
    { flags: "--covariate <input>", description: "input or column that explains a part of the metric (CUPED)" },
    { flags: "--effect <number>", description: "smallest difference that is worth finding, in the metric's unit" },
    { flags: "--key-header <name>", description: "header that keeps a caller with one variant; slipway-key when it is left out" },
    { flags: "--max-days <number>", description: "it ends by itself then; 28 when it is left out" },
    reasonOption,
  ],
  run: async ({ api }, { positionals: [model], options }) => {
    const { metric, direction, covariate, reason } = options as Record<string, string | undefined>;
    const variants = (options.variant ?? []) as unknown as readonly string[];
    const keyHeader = options.keyHeader;
    return api.send("POST", `${subjectPath(model!)}/ab-tests`, {
      variants: routeOfSubject(model!) === null ? variants.map(variantOf) : await Promise.all(variants.map(triedVariantOf)), metric, direction, covariate, reason, effect: numberOf("effect", options.effect),
      ...(typeof keyHeader === "string" ? { keyHeader: keyHeader.toLowerCase() } : {}), maxDays: numberOf("max-days", options.maxDays),
    });
  },
  render: ({ id, model, notes = [] }: Rollout & { notes?: string[] }) => [`${id} is started. Look at it: slipway abtest status ${model}`, ...notes.map((note) => `  ! ${note}`)].join("\n"),
};

const status: Command = {
  words: ["abtest", "status"],
  summary: "show what an A/B test knows so far, and what it takes to conclude",
  positionals: [testPositional],
  run: async ({ api }, { positionals: [test] }) => api.get(await pathOf(api, test!)),
  render: (report: AbTestReport) => abTestText(report),
};

const stop: Command = {
  words: ["abtest", "stop"],
  summary: "end an A/B test; all traffic goes to the champion, or to a variant",
  positionals: [testPositional],
  options: [{ flags: "--promote <variant>", description: "make this variant the champion" }, reasonOption],
  run: async ({ api }, { positionals: [test], options }) => api.send("POST", `${await pathOf(api, test!)}/stop`, { promote: options.promote, reason: options.reason }),
  render: (report: AbTestReport) => abTestText(report),
};

const list: Command = {
  words: ["abtest", "list"],
  summary: "list A/B tests, newest first",
  options: [{ flags: "--model <name>", description: "of this model alone" }, { flags: "--open", description: "those that are under way" }],
  run: async ({ api }, { options }) => {
    const { rollouts } = await listed(api, { model: options.model as string | undefined, open: options.open === true ? "true" : undefined });
    return { abTests: rollouts };
  },
  render: ({ abTests }: { abTests: RolloutSummary[] }) =>
    abTests.length === 0
      ? "No A/B tests yet. Start one: slipway abtest start MODEL --variant NAME=VERSION --metric accuracy --direction up"
      : textTable(["TEST", "MODEL", "METRIC", "STATE", "STARTED", "WHY"], abTests.map(({ id, model, test, state, startedAt, reason }) => [id, model, String(test?.metric ?? "-"), state, new Date(startedAt).toISOString(), reason || "-"])),
};

export const abTestCommands: readonly Command[] = [start, status, stop, list];

async function pathOf(api: ApiClient, test: string): Promise<string> {
  if (/^rol_[0-9a-z]{26}$/.test(test)) return `/api/ab-tests/${test}`;
  const [newest] = (await listed(api, { model: test })).rollouts;
  if (newest === undefined) throw new AppError("ROLLOUT_NOT_FOUND", `${test} has no A/B test.`);
  return `/api/ab-tests/${newest.id}`;
}

async function listed(api: ApiClient, query: Record<string, string | undefined>): Promise<{ rollouts: RolloutSummary[] }> {
  const { rollouts } = await api.get<{ rollouts: RolloutSummary[] }>("/api/rollouts", { ...query, limit: 200 });
  return { rollouts: rollouts.filter(({ kind }) => kind === "ab-test") };
}

function variantOf(text: string): { name: string; version: string; percent?: number } {
  const [, name, version, percent] = /^\s*([^=:,]+)=(\d+)(?::(\d+(?:\.\d+)?)%?)?\s*$/.exec(text) ?? [];
  if (name === undefined || version === undefined) throw new AppError("INVALID_REQUEST", `A variant is written as NAME=VERSION or NAME=VERSION:PERCENT, and not ${text}.`);
  return { name, version, ...(percent === undefined ? {} : { percent: Number(percent) }) };
}

function numberOf(option: string, value: string | boolean | undefined): number | undefined {
  if (value === undefined) return undefined;
  const number = Number(value);
  if (!Number.isFinite(number) || value === "") throw new AppError("INVALID_REQUEST", `--${option} takes a number, and not ${value}.`);
  return number;
}
