import { stat } from "node:fs/promises";
import { Readable } from "node:stream";
import { counted } from "../core/counted.ts";
import { AppError } from "../core/errors.ts";
import type { Tensor } from "../core/tensor.ts";
import type { BlobStore, Contract, ModelInspector } from "../registry/index.ts";
import type { ModelRuntime } from "../serving/index.ts";
import type { StepContext } from "../workflows/index.ts";
import { comparedRows, madeUpRow, rowsAround } from "./comparison-rows.ts";
import { compareOutputs, describeDifferences } from "./compare-outputs.ts";
import type { ConversionSession, ConvertedModel, ModelConverter, OriginalModel } from "./model-converter.ts";
import type { ExportReport } from "./schemas.ts";

export interface ConversionParts {
  blobs: BlobStore;
  converter: ModelConverter;
  /** Reads and tries the ONNX file exactly as a deployment does. */
  inspector: ModelInspector;
  /** Runs ONNX: what is compared is what would serve. */
  onnx: ModelRuntime;
}

type Attempt = Omit<ExportReport, "fileName">;

/** Rows, and what the library says to them. */
interface Asked {
  on: ExportReport["comparison"]["on"];
  rows: number;
  inputs: Tensor[];
  wanted: Tensor[];
}

/** One model on its way to ONNX. */
export class Conversion {
  readonly #parts: ConversionParts;
  readonly #model: OriginalModel & { name: string; notes: readonly string[] };
  readonly #options: { opset: number | null; force: boolean };
  readonly #step: StepContext;

  constructor(parts: ConversionParts, model: OriginalModel & { name: string; notes: readonly string[] }, options: { opset: number | null; force: boolean }, step: StepContext) {
    this.#parts = parts;
    this.#model = model;
    this.#options = options;
    this.#step = step;
  }

  /** Throws EXPORT_FAILED where the converter fails, the graph is none, or the answers differ and that is not wanted. */
  async run(): Promise<ExportReport> {
    const { progress, signal } = this.#step;
    progress(0.1, "preparing the environment of the converter");
    const session = await this.#parts.converter.open(this.#model, { progress: (note) => progress(0.2, note), signal });
    try {
      const attempt = await this.#best(session);
      const { comparison } = attempt;
      if (!comparison.agrees && !this.#options.force) {
        throw new AppError("EXPORT_FAILED", `The converted model answers otherwise than the model itself, on ${counted(comparison.rows, "row")} of ${comparison.on}: ${describeDifferences(comparison.outputs)}.`);
      }
      return { ...attempt, fileName: `${this.#model.name}.onnx` };
    } finally {
      await session.close();
    }
  }

  /** In single precision, as is usual; where that is not enough and the model takes doubles, in double. */
  async #best(session: ConversionSession): Promise<Attempt> {
    const asked = await this.#ask(session);
    const attempt = async (precision: "single" | "double"): Promise<Attempt> => {
      this.#step.progress(0.6, precision === "single" ? "converting" : "converting in double precision");
      const converted = await session.convert({ opset: this.#options.opset, precision });
      return this.#checked(converted, precision, asked);
    };
    const single = await attempt("single");
    if (single.comparison.agrees || !this.#model.signature.inputs.some(({ datatype }) => datatype === "FP64")) return single;
    const double = await attempt("double").catch((error: unknown) => {
      if (error instanceof AppError && error.status < 500) return null;
      throw error;
    });
    return double?.comparison.agrees === true ? double : single;
  }

  /** Rows, and what the library says to them: more than the example where the model answers more. */
  async #ask(session: ConversionSession): Promise<Asked> {
    const { example, bringsExample, signature, batchable } = this.#model;
    const row = example ?? madeUpRow(signature.inputs);
    const on = example === null || !bringsExample ? "made-up values" : "input example";
    this.#step.progress(0.5, `asking the model itself, on ${on}`);
    const open = batchable && signature.inputs.every(({ shape }) => shape[0] === -1);
    if (open) {
      const inputs = rowsAround(row, comparedRows);
      const wanted = await session.predict(inputs).catch((error: unknown) => {
        // It need not take values around the example.
        if (error instanceof AppError && error.status < 500 && error.code !== "EXPORT_FAILED") return null;
        throw error;
      });
      if (wanted !== null) return { on, rows: comparedRows, inputs, wanted };
    }
    const inputs = rowsAround(row, 1);
    try {
      return { on, rows: 1, inputs, wanted: await session.predict(inputs) };
    } catch (cause) {
      if (!(cause instanceof AppError) || cause.code === "EXPORT_FAILED") throw cause;
      throw new AppError("EXPORT_FAILED", `The model refuses ${on === "input example" ? "its own input example" : "the values that were made from its signature; log it with an input example"}: ${cause.message}`, { cause });
    }
  }

  async #checked(converted: ConvertedModel, precision: "single" | "double", { on, rows, inputs, wanted }: Asked): Promise<Attempt> {
    const { blobs, inspector } = this.#parts;
    this.#step.progress(0.8, "checking the graph and comparing");
    let stored = await blobs.put(Readable.from([converted.onnx]));
    try {
      const inspection = await inspector.inspect(await blobs.verifiedPath(stored.digest));
      if (inspection.rewritten !== undefined) stored = await blobs.put(Readable.from([inspection.rewritten]));
      const path = await blobs.verifiedPath(stored.digest);
      const probe = await inspector.probe(path, inspection);
      const outputs = compareOutputs(wanted, await this.#answers(path, inputs));
      const { size } = await stat(path);
      return {
        artifact: stored.digest, bytes: size, converter: converted.converter, converterVersion: converted.converterVersion, opset: converted.opset,
        inputs: inspection.inputs, outputs: probe.outputs,
        comparison: { rows, on, outputs, agrees: outputs.every(({ beyond }) => beyond === 0) },
        notes: [
          ...this.#model.notes, ...converted.notes, ...inspection.notes, ...probe.notes,
          ...(precision === "double" ? ["Numbers are computed in double precision: in single precision the answers differed."] : []),
          ...(on === "made-up values" ? ["The model has no input example: it was compared on values made from its signature."] : []),
        ],
      };
    } catch (error) {
      if (!(error instanceof AppError) || error.code === "EXPORT_FAILED" || error.status >= 500) throw error;
      throw new AppError("EXPORT_FAILED", `The converted graph does not stand the check: ${error.message}`, { cause: error });
    }
  }

  async #answers(path: string, inputs: readonly Tensor[]): Promise<Tensor[]> {
    const runner = await this.#parts.onnx.start(path, { model: this.#model.name, version: "export" } as Contract, "runner");
    const kill = (): void => runner.kill("the export was ended");
    this.#step.signal.addEventListener("abort", kill);
    try {
      return (await runner.run(inputs)).outputs;
    } finally {
      this.#step.signal.removeEventListener("abort", kill);
      await runner.close();
    }
  }
}
