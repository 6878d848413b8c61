import type { Command } from "../core/command.ts";
import { counted } from "../core/counted.ts";
import { AppError } from "../core/errors.ts";
import { textTable } from "../core/text-table.ts";
import { followToEnd, type WorkflowRun } from "../workflows/index.ts";
import type { Evaluation, EvaluationComparison, Rival } from "./schemas.ts";

type Context = Parameters<Command["run"]>[0];
type Shown = { run: WorkflowRun } | { evaluation: Evaluation } | { evaluations: Evaluation[]; run: WorkflowRun | null };

const evaluate: Command = {
  words: ["evaluate"],
  summary: "evaluate a version beside its baseline and the champion",
  positionals: [{ name: "<model>", description: "name of the model" }, { name: "[version]", description: "number of the version; the latest when it is left out" }],
  options: [
    { flags: "--dataset <name[@number]>", description: "evaluation set; that of the model's policy when it is left out" },
    { flags: "--baseline <number>", description: "version to measure against; by the policy when it is left out" },
    { flags: "--wait", description: "show how they compare when it has ended" },
    { flags: "--list", description: "start nothing, show the evaluations that there are" },
  ],
  run: async (context, { positionals: [model, version], options }): Promise<Shown> => {
    const { dataset: named, baseline } = options as Record<string, string | undefined>;
    const path = `/api/models/${encodeURIComponent(model!)}/versions/${encodeURIComponent(version ?? (await latestOf(context, model!)))}/evaluations`;
    if (options.list === true) return context.api.get(path);
    const { run } = await context.api.send<{ run: WorkflowRun }>("POST", path, { ...datasetOf(named), baseline });
    if (options.wait !== true) return { run };
    const ended = await followToEnd(context.api, run.id, context.progress);
    if (ended.state !== "succeeded") throw new AppError(ended.error?.code === "EVALUATION_IMPOSSIBLE" ? "EVALUATION_IMPOSSIBLE" : "STEP_FAILED", ended.error?.message ?? `The run ${run.id} is ${ended.state}.`);
    return { evaluation: ended.output as Evaluation };
  },
  render: (shown: Shown) => {
    if ("evaluation" in shown) return evaluationText(shown.evaluation);
    if (!("evaluations" in shown)) return `${shown.run.id} is started. Follow it: slipway workflows logs ${shown.run.id} --follow`;
    const { evaluations, run } = shown;
    const last = run?.state === "failed" ? [`The last run, ${run.id}, failed: ${run.error?.message ?? ""}`] : [];
    return [...last, ...(evaluations.length === 0 && last.length === 0 ? ["No evaluations yet."] : []), ...evaluations.map(evaluationText)].join("\n\n");
  },
};

export const evaluationCommands: readonly Command[] = [evaluate];

async function latestOf({ api }: Context, model: string): Promise<string> {
  const { model: found } = await api.get<{ model: { latestVersion: string | null } }>(`/api/models/${encodeURIComponent(model)}`);
  if (found.latestVersion === null) throw new AppError("VERSION_NOT_FOUND", `${model} has no versions.`);
  return found.latestVersion;
}

function datasetOf(named: string | undefined): { dataset?: string; datasetVersion?: number } {
  if (named === undefined) return {};
  const [, dataset, number] = /^(.*?)(?:@(\d{1,9}))?$/.exec(named)!;
  return { dataset: dataset!, ...(number === undefined ? {} : { datasetVersion: Number(number) }) };
}

function evaluationText({ id, model, version, dataset, metric, metrics, comparisons, notes }: Evaluation): string {
  const names = Object.keys(metrics);
  const rows = comparisons.map(({ role, rival, metrics: theirs, difference, interval, verdict }: EvaluationComparison) => [
    role, rivalText(rival), ...names.map((name) => numberText(theirs[name])), `${numberText(difference)} [${numberText(interval.low)}, ${numberText(interval.high)}]`, verdict,
  ]);
  return [
    `${model} version ${version} on ${dataset.name} version ${dataset.version}, ${counted(dataset.rows, "row")}, by ${metric} (${id})`,
    textTable(["", "", ...names.map((name) => name.toUpperCase()), "DIFFERENCE", "THE VERSION IS"], [["version", version, ...names.map((name) => numberText(metrics[name])), "", ""], ...rows]),
    ...notes.map((note) => `  note    ${note}`),
  ].join("\n");
}

function rivalText(rival: Rival): string {
  if (rival.kind === "version") return rival.version;
  return rival.kind === "majority_class" ? `always ${rival.label}` : rival.kind === "mean" ? `always ${numberText(rival.value)}` : "the value before";
}

function numberText(value: number | undefined): string {
  return value === undefined ? "-" : String(Number(value.toPrecision(4)));
}
