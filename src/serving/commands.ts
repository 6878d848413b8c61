import { readFile } from "node:fs/promises";
import type { Command } from "../core/command.ts";
import { counted } from "../core/counted.ts";
import { AppError } from "../core/errors.ts";
import { textTable } from "../core/text-table.ts";
import type { LoggedTensor, Prediction, PredictionExplanation, VerdictOfMoment } from "./schemas.ts";
import type { Assignment } from "./traffic/traffic-route.ts";

const why: Command = {
  words: ["why"],
  summary: "what a prediction was: inputs, version, contract, timing, outcome, truth, and why it went where it went",
  positionals: [{ name: "<prediction>", description: "prediction id, prd_…" }],
  run: ({ api }, { positionals }) => api.get(`/api/predictions/${encodeURIComponent(positionals[0]!)}`),
  render: ({ prediction, contractDigest, alias, truth, shadow, verdict }: PredictionExplanation) => {
    const { timing, assignment, traceId } = prediction;
    return [
      `${prediction.id}  ${new Date(prediction.time).toISOString()}  ${prediction.outcome}`,
      `  model     ${prediction.model} version ${prediction.version}${alias === null ? "" : ` (${alias})`}, contract ${contractDigest}`,
      `  timing    ${ms(timing.totalUs)} in all: ${ms(timing.queueUs)} queued, ${ms(timing.runUs)} in the model, in a batch of ${counted(timing.batchRows, "row")}`,
      ...(prediction.requestId === null ? [] : [`  request   ${prediction.requestId}`]),
      ...(traceId === null ? [] : [`  trace     ${traceId}`]),
      ...(assignment === null ? [] : assignmentLines(assignment)),
      ...prediction.inputs.map((tensor) => `  input     ${tensorText(tensor)}`),
      ...prediction.outputs.map((tensor) => `  output    ${tensorText(tensor)}`),
      ...(shadow === null ? [] : [`  shadow    version ${shadow.version}: ${shadow.outcome}, ${ms(shadow.timing.totalUs)} in all, ${shadow.id}`]),
      ...(shadow?.outputs ?? []).map((tensor) => `  shadowed  ${tensorText(tensor)}`),
      ...(verdict === null ? [] : verdictLines(verdict)),
      ...(truth.length === 0 ? ["  truth     not known yet"] : truth.map(({ row, value, receivedAt }) => `  truth     row ${row}: ${String(value)}, received ${new Date(receivedAt).toISOString()}`)),
    ].join("\n");
  },
};

const predictions: Command = {
  words: ["predictions"],
  summary: "logged predictions of a model, newest first",
  positionals: [{ name: "<model>", description: "name of the model" }],
  options: [
    { flags: "--model-version <number>", description: "only of this version" },
    { flags: "--outcome <outcome>", description: "ok or error" },
    { flags: "--shadow", description: "with answers of versions that were asked for comparison alone" },
    { flags: "--limit <number>", description: "how many", default: "20" },
  ],
  run: ({ api }, { positionals, options }) => {
    const { modelVersion, outcome, limit } = options as Record<string, string | undefined>;
    const shadow = options["shadow"] === true ? "true" : undefined;
    return api.get(`/api/models/${encodeURIComponent(positionals[0]!)}/predictions`, { version: modelVersion, outcome, shadow, limit });
  },
  render: (answer: { predictions: Prediction[] }) =>
    answer.predictions.length === 0
      ? "No predictions."
      : textTable(
          ["PREDICTION", "TIME", "VERSION", "ROWS", "OUTCOME", "MS"],
          answer.predictions.map(({ id, time, version, rows, outcome, timing }) => [id, new Date(time).toISOString(), version, String(rows), outcome, ms(timing.totalUs)]),
        ),
};

const truth: Command = {
  words: ["truth"],
  summary: "send ground truth",
  positionals: [{ name: "<file>", description: "JSON: a list of {predictionId, row?, value, observedAt?}" }],
  run: async ({ api, progress }, { positionals }) => {
    const records = await readRecords(positionals[0]!);
    const sum = { added: 0, corrected: 0, unchanged: 0 };
    for (let start = 0; start < records.length; start += 10_000) {
      const answer = await api.send<typeof sum>("POST", "/api/truth", { records: records.slice(start, start + 10_000) });
      for (const key of Object.keys(sum) as (keyof typeof sum)[]) sum[key] += answer[key];
      progress(`Sent ${Math.min(records.length, start + 10_000)} of ${records.length}`);
    }
    return sum;
  },
  render: ({ added, corrected, unchanged }: { added: number; corrected: number; unchanged: number }) => `${added} added, ${corrected} corrected, ${unchanged} known already.`,
};

export const servingCommands: readonly Command[] = [why, predictions, truth];

async function readRecords(path: string): Promise<unknown[]> {
  try {
    const value: unknown = JSON.parse(await readFile(path, "utf8"));
    if (Array.isArray(value)) return value;
  } catch (cause) {
    throw new AppError("INVALID_REQUEST", `${path} is not a readable JSON file.`, { cause });
  }
  throw new AppError("INVALID_REQUEST", `${path} must hold a list of records.`);
}

function assignmentLines({ rollout, phase, arm, by, fraction, failed, shadowOf }: Assignment): string[] {
  const how = by === "rule" ? "by a rule" : `by ${by === "key" ? "the caller's key" : "a draw"}${fraction === null ? "" : ` at ${fraction.toFixed(4)}`}`;
  return [
    `  rollout   ${rollout}, phase ${phase}: ${arm}, ${how}`,
    ...(failed === null ? [] : [`  failed    ${failed.arm}, version ${failed.version}: ${failed.outcome} after ${ms(failed.totalUs)}; the stable version answered instead`]),
    ...(shadowOf === null ? [] : [`  shadow    of ${shadowOf}: asked for comparison alone, nobody got this`]),
  ];
}

/** Gates that were met say nothing of interest here. */
function verdictLines({ time, decision, reason, gates }: VerdictOfMoment): string[] {
  return [
    `  verdict   ${decision}${reason === "" ? "" : `: ${reason}`}, at ${new Date(time).toISOString()}`,
    ...gates.filter(({ result }) => result !== "pass").map(({ gate, result, detail }) => `  gate      ${gate}: ${result}${detail === "" ? "" : `, ${detail}`}`),
  ];
}

function ms(microseconds: number): string {
  return `${(microseconds / 1000).toFixed(3)} ms`;
}

function tensorText({ name, datatype, shape, data, redacted, digest }: LoggedTensor): string {
  const shown = data === null ? (redacted === true ? "redacted" : `too large to log, ${digest ?? "no digest"}`) : `${data.slice(0, 16).join(", ")}${data.length > 16 ? ", …" : ""}`;
  return `${name} ${datatype}[${shape.join(", ")}] = ${shown}`;
}
