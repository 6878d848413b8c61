import { readFile } from "node:fs/promises";
import { AppError } from "../../core/errors.ts";
import type { Tensor } from "../../core/tensor.ts";
import type { BlobStore } from "../../registry/index.ts";
import type { ConversionSession, ConvertedModel, ModelConverter, OriginalModel } from "../../exporting/model-converter.ts";
import type { ModelRunner } from "../../serving/versions/model-runtime.ts";
import type { PythonRuntime } from "./python-runtime.ts";
import { parseRequirements } from "./requirements.ts";

/** What the converters of each family need beside the model's own packages. */
const estimators = ["onnx>=1.16", "skl2onnx>=1.17"];
const trees = [...estimators, "onnxmltools>=1.13"];
const torch = ["onnx>=1.16", "onnxscript>=0.1"];

const pickled = ["sklearn", "pickle", "joblib", "skops"];
const boosted = ["xgboost", "lightgbm"];
const networks = ["pytorch", "torchscript"];

/** A conversion that takes longer is ended. */
const convertMs = 30 * 60_000;

/** Converts models of scikit-learn, XGBoost, LightGBM and PyTorch, each in a process of its own without rights. */
export class PythonExporter implements ModelConverter {
  readonly #runtime: PythonRuntime;
  readonly #blobs: BlobStore;

  constructor(parts: { runtime: PythonRuntime; blobs: BlobStore }) {
    this.#runtime = parts.runtime;
    this.#blobs = parts.blobs;
  }

  async open(model: OriginalModel, { progress, signal }: { progress(note: string): void; signal: AbortSignal }): Promise<ConversionSession> {
    const { files, python, signature } = model;
    const exportWith = await this.#packagesFor(model);
    signal.throwIfAborted();
    try {
      const runner = await this.#runtime.startProcess({
        files, python, exportWith, progress, logFields: { exporting: python.entry }, signature: { inputs: [...signature.inputs], outputs: [...signature.outputs] },
      });
      return new PythonConversion(runner, signal);
    } catch (error) {
      // Loaded or not, it is what the caller gave: to try again would bring the same.
      if (error instanceof AppError && error.code === "VERSION_FAILED") throw new AppError("EXPORT_FAILED", error.message, { cause: error });
      throw error;
    }
  }

  /** Throws EXPORT_FAILED for a flavour without a converter. */
  async #packagesFor({ python }: OriginalModel): Promise<string[]> {
    if (networks.includes(python.flavor)) return torch;
    if (boosted.includes(python.flavor)) return trees;
    if (pickled.includes(python.flavor)) return (await this.#requires(python.requirements, boosted)) ? trees : estimators;
    throw new AppError("EXPORT_FAILED", `There is no converter to ONNX for models of the flavour ${python.flavor}: there are those for ${["sklearn", ...boosted, "pytorch"].join(", ")}, and for bare files of theirs.`);
  }

  async #requires(requirements: string | null, names: readonly string[]): Promise<boolean> {
    if (requirements === null) return false;
    const { packages } = parseRequirements(await readFile(await this.#blobs.verifiedPath(requirements), "utf8"));
    return packages.some((line) => names.some((name) => line.toLowerCase().startsWith(name)));
  }
}

class PythonConversion implements ConversionSession {
  readonly #runner: ModelRunner;
  readonly #signal: AbortSignal;
  readonly #kill = (): void => this.#runner.kill("the export was ended");

  constructor(runner: ModelRunner, signal: AbortSignal) {
    this.#runner = runner;
    this.#signal = signal;
    if (signal.aborted) this.#kill();
    signal.addEventListener("abort", this.#kill);
  }

  predict(inputs: readonly Tensor[]): Promise<Tensor[]> {
    return this.#run(inputs);
  }

  async convert(request: { opset: number | null; precision: "single" | "double" }): Promise<ConvertedModel> {
    const [onnx, facts] = await this.#run([{ name: "slipway.export", datatype: "BYTES", shape: [1], data: [JSON.stringify(request)] }]);
    if (!(onnx?.data instanceof Uint8Array)) throw new AppError("EXPORT_FAILED", "The converter answered no graph.");
    const { converter, version, opset, notes } = JSON.parse(String(facts?.data[0])) as { converter: string; version: string; opset: number; notes: string[] };
    return { onnx: onnx.data, converter, converterVersion: version, opset, notes };
  }

  async close(): Promise<void> {
    this.#signal.removeEventListener("abort", this.#kill);
    await this.#runner.close();
  }

  async #run(inputs: readonly Tensor[]): Promise<Tensor[]> {
    const timer = setTimeout(() => this.#runner.kill(`it took longer than ${convertMs / 60_000} minutes`), convertMs);
    try {
      return (await this.#runner.run(inputs)).outputs;
    } catch (error) {
      this.#signal.throwIfAborted();
      if (error instanceof AppError && (error.code === "RUNNER_CRASHED" || error.code === "OUTPUT_INVALID")) throw new AppError("EXPORT_FAILED", error.message, { cause: error });
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }
}
