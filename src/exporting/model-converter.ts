import type { Tensor } from "../core/tensor.ts";
import type { Artifact, ExampleTensor, PythonFacts, TensorSpec } from "../registry/index.ts";

/** A model as it was before: its files, all in the blob store, and how it is called. */
export interface OriginalModel {
  files: readonly Artifact[];
  python: PythonFacts;
  signature: { inputs: readonly TensorSpec[]; outputs: readonly TensorSpec[] };
  /** One row; null where there is none. */
  example: readonly ExampleTensor[] | null;
  /** Whether the model brings the row; else it was made up when the model was first tried. */
  bringsExample: boolean;
  batchable: boolean;
}

export interface ConvertedModel {
  onnx: Uint8Array;
  /** Package that converted, such as `skl2onnx`. */
  converter: string;
  converterVersion: string;
  opset: number;
  notes: readonly string[];
}

/** The original, loaded in a process of its own. */
export interface ConversionSession {
  /** What the library answers, under the names that the converted model has. Throws MODEL_RUN_FAILED. */
  predict(inputs: readonly Tensor[]): Promise<Tensor[]>;
  /** After `predict`. `precision` is that of the numbers within the graph. Throws EXPORT_FAILED with what the converter said. */
  convert(request: { opset: number | null; precision: "single" | "double" }): Promise<ConvertedModel>;
  close(): Promise<void>;
}

/** Converts models that are not ONNX, without trusting them: their code runs in processes without rights. */
export interface ModelConverter {
  /**
   * Builds the environment where it is not there, and loads the model. Throws EXPORT_FAILED for kinds of models that have no
   * converter, before anything is built; PYTHON_MISSING, ENVIRONMENT_FAILED, VERSION_FAILED. The signal ends all of it.
   */
  open(model: OriginalModel, options: { progress(note: string): void; signal: AbortSignal }): Promise<ConversionSession>;
}
