import { createRequire } from "node:module";
import { z } from "zod";
import { AppError } from "../../core/errors.ts";
import { readMlflowInputs, readMlflowOutputs, type MlflowInputs } from "./mlflow-signature.ts";
import type { TensorSpec } from "../../registry/index.ts";

const require = createRequire(import.meta.url);

const text = z.string().max(4096);

const MlmodelText = z.looseObject({
  flavors: z.record(z.string().max(200), z.record(z.string(), z.unknown())),
  run_id: text.nullish(),
  model_id: text.nullish(),
  model_uuid: text.nullish(),
  mlflow_version: text.nullish(),
  model_size_bytes: z.number().nonnegative().nullish(),
  signature: z.looseObject({ inputs: z.string().nullish(), outputs: z.string().nullish(), params: z.string().nullish() }).nullish(),
  saved_input_example_info: z.looseObject({ artifact_path: text, type: text.nullish(), pandas_orient: text.nullish(), serving_input_path: text.nullish() }).nullish(),
});

/** What an MLmodel file says. */
export interface Mlmodel {
  /** The flavour that gives the model its name here; `python_function` where it is the only one. */
  flavour: string;
  flavours: readonly string[];
  /** The flavour's own fields. */
  configuration: Readonly<Record<string, unknown>>;
  pythonFunction: Readonly<Record<string, unknown>> | null;
  /** Null where the file has none. */
  inputs: MlflowInputs | null;
  outputs: TensorSpec[] | null;
  /** Of the Python that wrote the model, such as `3.11.7`. */
  pythonVersion: string | null;
  /** Folder of the model's own modules, below the model's. */
  codePath: string | null;
  example: { path: string; type: string | null; servingPath: string | null } | null;
  runId: string | null;
  modelId: string | null;
  sizeBytes: number | null;
  hasParams: boolean;
}

/** Values of YAML nest and repeat by reference; a file of this size describes any model. */
const maxBytes = 1024 * 1024;

/** Throws MODEL_FILE_INVALID. */
export function readMlmodel(bytes: Uint8Array): Mlmodel {
  const file = parseYaml(bytes, "MLmodel");
  const parsed = MlmodelText.safeParse(file);
  if (!parsed.success) throw new AppError("MODEL_FILE_INVALID", "The file MLmodel is not one that MLflow wrote.", { cause: parsed.error });
  const { flavors, signature, saved_input_example_info: example } = parsed.data;
  const flavours = Object.keys(flavors);
  const pythonFunction = flavors.python_function ?? null;
  const flavour = flavours.find((name) => name !== "python_function" && name !== "onnx") ?? flavours[0];
  if (flavour === undefined) throw new AppError("MODEL_FILE_INVALID", "The file MLmodel names no flavour.");
  const configuration = flavors[flavour]!;
  return {
    flavour, flavours, configuration, pythonFunction,
    inputs: typeof signature?.inputs === "string" ? readMlflowInputs(signature.inputs) : null,
    outputs: typeof signature?.outputs === "string" ? readMlflowOutputs(signature.outputs) : null,
    pythonVersion: textOf(pythonFunction?.python_version),
    codePath: textOf(pythonFunction?.code) ?? textOf(configuration.code),
    example: example === null || example === undefined ? null : { path: example.artifact_path, type: example.type ?? null, servingPath: example.serving_input_path ?? null },
    runId: parsed.data.run_id ?? null,
    modelId: parsed.data.model_id ?? null,
    sizeBytes: parsed.data.model_size_bytes ?? null,
    hasParams: typeof signature?.params === "string",
  };
}

/** Any file of YAML that MLflow writes beside a model. Throws MODEL_FILE_INVALID. */
export function parseYaml(bytes: Uint8Array, name: string): unknown {
  if (bytes.length > maxBytes) throw new AppError("MODEL_FILE_INVALID", `The file ${name} is larger than 1 MiB.`);
  // Seventy files, which a server without models of MLflow never needs.
  const { parse } = require("yaml") as typeof import("yaml");
  try {
    // Anchors that repeat each other can make a small file endless; MLflow writes none that need more.
    return parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes), { maxAliasCount: 32, logLevel: "silent" });
  } catch (cause) {
    throw new AppError("MODEL_FILE_INVALID", `The file ${name} is not valid YAML.`, { cause });
  }
}

function textOf(value: unknown): string | null {
  return typeof value === "string" && value !== "" ? value : null;
}
