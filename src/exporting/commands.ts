import { createWriteStream } from "node:fs";
import { rename, rm, stat } from "node:fs/promises";
import { basename, extname, resolve } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Command } from "../core/command.ts";
import { counted } from "../core/counted.ts";
import { AppError } from "../core/errors.ts";
import { uploadModel, type DeployResult } from "../registry/index.ts";
import { followToEnd, type WorkflowRun } from "../workflows/index.ts";
import { oldestOpset, type ExportReport, type ExportSource } from "./schemas.ts";

type Context = Parameters<Command["run"]>[0];

interface ExportResult extends ExportReport {
  run: string;
  file: string;
  deployed?: { model: string; version: string };
}

const exportModel: Command = {
  words: ["export"],
  summary: "convert a model to ONNX, and compare what both answer",
  positionals: [{ name: "<source>", description: "a model file (.pkl, .joblib, .skops, .ubj, .json, .txt of LightGBM, .pt), a folder with MLmodel, runs:/RUN/PATH, the id of a run, models:/NAME/VERSION, models:/m-ID" }],
  options: [
    { flags: "--to <format>", description: "onnx", required: true },
    { flags: "--opset <number>", description: `operator set, ${oldestOpset} or newer; what the converter supports when it is left out` },
    { flags: "-o, --output <file>", description: "the file to write; named after the model when it is left out" },
    { flags: "--deploy <model>", description: "make it a version of this model too" },
    { flags: "--team <team>", description: "of an uploaded file: in whose team the run is seen; default when it is left out" },
    { flags: "--force", description: "write it also where it answers otherwise than the model" },
  ],
  run: async (context, { positionals, options }): Promise<ExportResult> => {
    const { api, progress } = context;
    const { to, opset, output, deploy, team } = options as Record<string, string | undefined>;
    if (to !== "onnx") throw new AppError("INVALID_REQUEST", `There is no export to ${JSON.stringify(to)}, only to onnx.`);
    if (opset !== undefined && !/^\d{1,3}$/.test(opset)) throw new AppError("INVALID_REQUEST", `${opset} is no operator set: give a whole number.`);
    const source = await sourceOf(context, positionals[0]!);
    const { run } = await api.send<{ run: WorkflowRun }>("POST", "/api/exports", {
      source, to, force: options.force === true, ...(opset === undefined ? {} : { opset: Number(opset) }), ...(team === undefined ? {} : { team }),
    });
    const ended = await followToEnd(context.api, run.id, context.progress);
    if (ended.state !== "succeeded") throw new AppError("EXPORT_FAILED", ended.error?.message ?? `The export ${run.id} is ${ended.state}.`);
    const path = `/api/exports/${encodeURIComponent(run.id)}`;
    const report = await api.get<ExportReport>(`${path}/report`);
    const file = output ?? basename(report.fileName);
    await write(api, `${path}/model`, file);
    if (deploy === undefined) return { ...report, run: run.id, file };
    progress("Deploying it …");
    const { version } = await api.send<DeployResult>("POST", `/api/models/${encodeURIComponent(deploy)}/versions`, { artifact: report.artifact, fileName: report.fileName });
    return { ...report, run: run.id, file, deployed: { model: version.model, version: version.version } };
  },
  render: (result: ExportResult) => exportText(result),
};

export const exportCommands: readonly Command[] = [exportModel];

/** An address is one by its form; what lies here under the same name wins over the id of a run. */
async function sourceOf({ api, progress }: Context, given: string): Promise<ExportSource> {
  if (/^(runs|models|mlflow-artifacts):/.test(given)) return { uri: given };
  const found = await stat(given).catch(() => null);
  if (found === null && /^[0-9a-f]{32}$/.test(given)) return { uri: given };
  if (found === null) throw new AppError("INVALID_REQUEST", `${given} is neither a file or folder here nor the address of a model.`);
  if (extname(given).toLowerCase() === ".onnx") throw new AppError("EXPORT_FAILED", `${given} is in ONNX already.`);
  return uploadModel(api, given, progress);
}

/** Under its own name when it is whole. */
async function write(api: Context["api"], path: string, file: string): Promise<void> {
  const target = resolve(file);
  const partial = `${target}.partial`;
  try {
    await pipeline(Readable.from(await api.download("GET", path)), createWriteStream(partial));
    await rename(partial, target);
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
}

function exportText({ file, bytes, converter, converterVersion, opset, inputs, outputs, comparison, notes, deployed }: ExportResult): string {
  const shapes = (tensors: typeof inputs): string => tensors.map(({ name, datatype, shape }) => `${name} ${datatype}[${shape.join(", ")}]`).join(", ");
  const shown = (value: number | null): string => (value === null ? "-" : String(Number(value.toPrecision(3))));
  return [
    `${file} is written: ${bytes} bytes, opset ${opset}, by ${converter} ${converterVersion}.`,
    `  takes    ${shapes(inputs)}`,
    `  answers  ${shapes(outputs)}`,
    `  compared ${counted(comparison.rows, "row")} of ${comparison.on}: ${comparison.agrees ? "both answer alike" : "THEY DIFFER"}`,
    ...comparison.outputs.map(({ output, largestAbsolute, largestRelative, beyond, values }) =>
      `           ${output}: ${largestAbsolute === null ? `${beyond} of ${values} differ` : `largest difference ${shown(largestAbsolute)}, relative ${shown(largestRelative)}`}`),
    ...notes.map((note) => `  note     ${note}`),
    ...(deployed === undefined ? [] : [`It is version ${deployed.version} of ${deployed.model}.`]),
  ].join("\n");
}
