import { readFile } from "node:fs/promises";
import { Readable } from "node:stream";
import { AppError } from "../../core/errors.ts";
import type { Artifact, BlobStore, PythonFacts } from "../../registry/index.ts";
import type { ExampleTensor } from "../../registry/schemas.ts";
import type { SourceModel } from "../../registry/model-source.ts";
import { pickleNote, readBareModel } from "./bare-model-file.ts";
import { isWeightsAlone, modelOfFolder, weightsAloneAdvice } from "./folder-model.ts";
import { exampleTensors, specsOfExample } from "./mlflow-example.ts";
import { readMlmodel, type Mlmodel } from "./mlmodel-file.ts";
import type { PythonInspector } from "./python-inspector.ts";
import { parseCondaFile, parsePythonEnvironmentFile, parseRequirements } from "./requirements.ts";

/** What the files alone say; where the run came from is for whoever found them. */
export interface ReadModel extends Pick<SourceModel, "files" | "flavours" | "signature" | "example" | "runtime" | "notes"> {
  /** Run and logged model that MLmodel names; null where it names none. */
  runId: string | null;
  modelId: string | null;
  /** False where rows must not be joined: the model answers them otherwise together than alone. */
  batchable: boolean;
}

export interface ModelReaderParts {
  blobs: BlobStore;
  /** Loads models that have no signature; null reads files only. */
  inspector: PythonInspector | null;
}

/** Reads a model out of the files of a folder, or out of one file: what MLflow wrote, a folder as on the Hugging Face hub, a bare model. */
export class MlflowModelReader {
  readonly #parts: ModelReaderParts;

  constructor(parts: ModelReaderParts) {
    this.#parts = parts;
  }

  /**
   * The files are in the blob store, with paths relative to the model's folder. Null where they are no model. Throws
   * MODEL_FILE_INVALID, MODEL_PROBE_FAILED, PYTHON_MISSING, ENVIRONMENT_FAILED.
   */
  async read(files: readonly Artifact[]): Promise<ReadModel | null> {
    const sorted = [...files].sort((left, right) => (left.path < right.path ? -1 : 1));
    const mlmodel = sorted.find(({ path }) => path === "MLmodel");
    if (mlmodel !== undefined) return this.#readFolder(sorted, readMlmodel(await this.#bytes(mlmodel)));
    const path = modelOfFolder(sorted.map((file) => file.path));
    const model = sorted.find((file) => file.path === path);
    if (model !== undefined) return /\.onnx$/i.test(model.path) ? { ...empty(sorted), runtime: { kind: "onnx", file: model } } : this.#readBare(sorted, model);
    if (isWeightsAlone(sorted.map((file) => file.path))) throw new AppError("MODEL_FILE_INVALID", `The folder ${weightsAloneAdvice}`);
    return null;
  }

  async #readFolder(files: readonly Artifact[], mlmodel: Mlmodel): Promise<ReadModel> {
    const { flavours, runId, modelId } = mlmodel;
    const basics = { ...empty(files), flavours, runId, modelId };
    const examples = await this.#exampleTexts(files, mlmodel);
    if (flavours.includes("onnx")) {
      const file = onnxFile(files, mlmodel);
      const signature = mlmodel.inputs === null ? null : { inputs: mlmodel.inputs.specs, outputs: mlmodel.outputs ?? [] };
      // The graph's own inputs win: how the example fits them is for whoever reads the graph.
      const example = mlmodel.inputs === null ? firstFit(examples, (text) => specsAndExample(text)) : firstFit(examples, (text) => exampleTensors(text, mlmodel.inputs!.specs));
      return { ...basics, signature, example, runtime: { kind: "onnx", file } };
    }
    const { requirements, pythonVersion, notes } = await this.#requirementsOf(files, mlmodel);
    const python: PythonFacts = { flavor: mlmodel.flavour, pythonVersion: mlmodel.pythonVersion ?? pythonVersion, requirements, entry: "MLmodel" };
    const all = { ...basics, runtime: { kind: "python" as const, python }, notes: [...notes, ...(mlmodel.hasParams ? ["The model's params keep their defaults."] : [])] };
    const inputs = mlmodel.inputs?.specs ?? null;
    if (inputs !== null && mlmodel.outputs !== null) {
      const batchable = inputs.every(({ shape }) => shape[0] === -1);
      return { ...all, signature: { inputs, outputs: mlmodel.outputs }, example: firstFit(examples, (text) => exampleTensors(text, inputs)), batchable };
    }
    // What is not said is asked of the model itself.
    const given = inputs ?? firstFit(examples, specsOfExample);
    return this.#inspected(all, python, given === null ? null : { inputs: given, example: firstFit(examples, (text) => exampleTensors(text, given)) });
  }

  async #readBare(files: readonly Artifact[], file: Artifact): Promise<ReadModel> {
    const facts = await readBareModel(await this.#parts.blobs.verifiedPath(file.digest), file.path);
    const stated = files.find(({ path }) => path === "requirements.txt");
    const requirements = stated === undefined ? await this.#keep(facts.packages) : stated.digest;
    if (stated !== undefined) parseRequirements((await this.#bytes(stated)).toString());
    const python: PythonFacts = { flavor: facts.flavor, pythonVersion: null, requirements, entry: file.path };
    const notes = [...(facts.isCode ? [pickleNote] : []), ...(stated === undefined && facts.packages.length > 0 ? [`Requirements were read from the file: ${facts.packages.join(", ")}.`] : [])];
    return this.#inspected({ ...empty(files), flavours: [facts.flavor], runtime: { kind: "python", python }, notes }, python, null);
  }

  async #inspected(model: ReadModel, python: PythonFacts, given: Parameters<PythonInspector["inspect"]>[2]): Promise<ReadModel> {
    const { inspector } = this.#parts;
    if (inspector === null) return { ...model, signature: null };
    const { signature, example, batchable } = await inspector.inspect(model.files, python, given);
    const note = batchable ? [] : ["The model answers rows otherwise together than alone: requests are not joined."];
    return { ...model, signature, example, batchable, notes: [...model.notes, "The signature was read from the loaded model.", ...note] };
  }

  /** requirements.txt first, as MLflow itself does; then python_env.yaml, then the pip part of conda.yaml. */
  async #requirementsOf(files: readonly Artifact[], mlmodel: Mlmodel): Promise<{ requirements: string | null; pythonVersion: string | null; notes: string[] }> {
    const find = async (path: string): Promise<Buffer | null> => {
      const file = files.find((one) => one.path === path);
      return file === undefined ? null : this.#bytes(file);
    };
    const conda = await find(condaPath(mlmodel));
    const environment = await find("python_env.yaml");
    const fromConda = conda === null ? null : parseCondaFile(conda);
    const fromEnvironment = environment === null ? null : parsePythonEnvironmentFile(environment);
    const pythonVersion = fromEnvironment?.python ?? fromConda?.python ?? null;
    const file = files.find(({ path }) => path === "requirements.txt");
    if (file !== undefined) return { requirements: file.digest, pythonVersion, notes: [...parseRequirements((await this.#bytes(file)).toString()).notes] };
    const made = [fromEnvironment?.requirements, fromConda?.requirements].find((one) => one !== undefined && one.packages.length > 0);
    return { requirements: await this.#keep(made?.packages ?? []), pythonVersion, notes: [...(made?.notes ?? [])] };
  }

  async #keep(packages: readonly string[]): Promise<string | null> {
    if (packages.length === 0) return null;
    return (await this.#parts.blobs.put(Readable.from([Buffer.from(packages.map((line) => `${line}\n`).join(""))]))).digest;
  }

  async #exampleTexts(files: readonly Artifact[], { example }: Mlmodel): Promise<string[]> {
    const texts: string[] = [];
    for (const path of [example?.servingPath, example?.path]) {
      const file = typeof path === "string" ? files.find((one) => one.path === path) : undefined;
      if (file !== undefined && file.bytes <= maxExampleBytes) texts.push((await this.#bytes(file)).toString());
    }
    return texts;
  }

  async #bytes(file: Artifact): Promise<Buffer> {
    return readFile(await this.#parts.blobs.verifiedPath(file.digest));
  }
}

const maxExampleBytes = 8 * 1024 * 1024;

function empty(files: readonly Artifact[]): ReadModel {
  return { files, flavours: [], signature: null, example: null, runtime: { kind: "onnx", file: files[0]! }, notes: [], runId: null, modelId: null, batchable: true };
}

/** An example of a model that has no signature, as what it looks like itself. */
function specsAndExample(text: string): ExampleTensor[] | null {
  const specs = specsOfExample(text);
  return specs === null ? null : exampleTensors(text, specs);
}

function firstFit<Fit>(texts: readonly string[], read: (text: string) => Fit[] | null): Fit[] | null {
  for (const text of texts) {
    const fit = read(text);
    if (fit !== null) return fit;
  }
  return null;
}

function condaPath({ pythonFunction }: Mlmodel): string {
  const { env } = pythonFunction ?? {};
  if (typeof env === "string") return env;
  return typeof env === "object" && env !== null && "conda" in env && typeof env.conda === "string" ? env.conda : "conda.yaml";
}

function onnxFile(files: readonly Artifact[], { flavour, configuration, pythonFunction }: Mlmodel): Artifact {
  const named = [flavour === "onnx" ? configuration.data : undefined, pythonFunction?.data, "model.onnx"];
  for (const name of named) {
    const file = files.find(({ path }) => path === name || path === `${String(name)}/model.onnx`);
    if (file !== undefined) return file;
  }
  throw new AppError("MODEL_FILE_INVALID", "The folder names a model in ONNX and does not have its file.");
}

