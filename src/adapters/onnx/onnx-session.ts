import type * as OnnxRuntimeNode from "onnxruntime-node";
import type { InferenceSession, Tensor as OnnxTensor } from "onnxruntime-node";
import { AppError } from "../../core/errors.ts";
import type { Datatype, NumericData, Tensor, TensorData } from "../../core/tensor.ts";
import { fallbackReason, providersToTry, type ExecutionProviderChoice } from "./execution-provider.ts";
import { loadError, runError } from "./onnx-session-errors.ts";

export interface OnnxSessionSettings {
  /** Threads that one operator is spread over, this one included; 0 leaves it to the library: one for each physical core. */
  intraOpThreads: number;
  /** `auto` tries CUDA where the build has it; `cpu` does not. */
  executionProvider: ExecutionProviderChoice;
}

const onnxTypes = {
  BOOL: "bool", UINT8: "uint8", UINT16: "uint16", UINT32: "uint32", UINT64: "uint64", INT8: "int8", INT16: "int16", INT32: "int32",
  INT64: "int64", FP16: "float16", FP32: "float32", FP64: "float64", BYTES: "string",
} as const satisfies Record<Datatype, OnnxTensor.Type>;

const datatypes = new Map<string, Datatype>(Object.entries(onnxTypes).map(([datatype, type]) => [type, datatype as Datatype]));

let library: Promise<typeof OnnxRuntimeNode> | undefined;

/** The native library is 45 MB: loaded at first use, and told to be silent, as every failure also comes as an error. */
function loadLibrary(): Promise<typeof OnnxRuntimeNode> {
  library ??= import("onnxruntime-node").then((loaded) => {
    loaded.env.logLevel = "fatal";
    return loaded;
  });
  return library;
}

type Constructor = new (type: OnnxTensor.Type, data: TensorData, dims: readonly number[]) => OnnxTensor;

function toOnnx(library: typeof OnnxRuntimeNode, { name, datatype, shape, data }: Tensor): OnnxTensor {
  if (Array.isArray(data) && data.some((element) => element.includes("\0"))) {
    // The binding cuts a text off at its first zero character, so the model would see another text than the caller sent.
    throw new AppError("MODEL_RUN_FAILED", `The input ${JSON.stringify(name)} has a text with a zero character in it, which the model cannot take.`);
  }
  const tensor = new (library.Tensor as Constructor)(onnxTypes[datatype], data, shape);
  // The library turns the bits into a Float16Array, whose length its native side (1.30) reads as 0. It takes the bits themselves.
  if (datatype === "FP16") Object.defineProperty(tensor, "data", { value: data });
  return tensor;
}

function fromOnnx(name: string, tensor: OnnxTensor | undefined): Tensor {
  const datatype = tensor && datatypes.get(tensor.type);
  if (datatype === undefined) throw new AppError("MODEL_RUN_FAILED", `The output ${JSON.stringify(name)} has a datatype that cannot be served.`);
  const data = tensor!.data as TensorData;
  const shape = [...tensor!.dims];
  if (datatype !== "FP16") return { name, datatype, shape, data };
  const { buffer, byteOffset, length } = data as NumericData;
  return { name, datatype, shape, data: new Uint16Array(buffer as ArrayBuffer, byteOffset, length) };
}

/** One loaded ONNX model in this process. `run` blocks the thread for as long as the model takes. */
export class OnnxSession {
  /** `cuda` or `cpu`. */
  readonly executionProvider: string;
  /** Why CUDA is not used where the build has it. */
  readonly executionProviderNote: string | undefined;
  readonly #library: typeof OnnxRuntimeNode;
  readonly #session: InferenceSession;

  /** Rejects with MODEL_FILE_INVALID, MODEL_OPERATOR_UNSUPPORTED or MODEL_EXTERNAL_DATA. */
  static async load(path: string, settings: OnnxSessionSettings): Promise<OnnxSession> {
    const library = await loadLibrary();
    let note: string | undefined;
    for (const executionProviders of providersToTry(settings.executionProvider, library.listSupportedBackends())) {
      try {
        const session = await library.InferenceSession.create(path, {
          executionProviders,
          graphOptimizationLevel: "all",
          executionMode: "sequential",
          intraOpNumThreads: settings.intraOpThreads,
          interOpNumThreads: 1,
          logSeverityLevel: 4,
          // Threads that spin while they wait would take the cores from the server and the other models.
          extra: { session: { intra_op: { allow_spinning: "0" }, inter_op: { allow_spinning: "0" } } },
        });
        return new OnnxSession(library, session, executionProviders[0]!, note);
      } catch (error) {
        if (executionProviders[0] === "cpu") throw loadError(error);
        note = fallbackReason(error);
      }
    }
    throw new AppError("INTERNAL", "There is no execution provider to load a model with.");
  }

  private constructor(library: typeof OnnxRuntimeNode, session: InferenceSession, executionProvider: string, note: string | undefined) {
    this.#library = library;
    this.#session = session;
    this.executionProvider = executionProvider;
    this.executionProviderNote = note;
  }

  /** All outputs, in the model's order, in memory of their own. Rejects with MODEL_RUN_FAILED. */
  async run(inputs: readonly Tensor[]): Promise<{ outputs: Tensor[]; runUs: number }> {
    const feeds: Record<string, OnnxTensor> = {};
    for (const input of inputs) feeds[input.name] = toOnnx(this.#library, input);
    let startedAt = 0;
    // The library runs the model in an immediate of its own; this one comes right before it, so no other work is measured.
    setImmediate(() => (startedAt = performance.now()));
    let results: InferenceSession.ReturnType;
    try {
      results = await this.#session.run(feeds);
    } catch (error) {
      throw runError(error);
    }
    const runUs = Math.round((performance.now() - startedAt) * 1000);
    return { outputs: this.#session.outputNames.map((name) => fromOnnx(name, results[name] as OnnxTensor | undefined)), runUs };
  }

  /** Returns the model's memory. A run after this rejects. */
  async release(): Promise<void> {
    await this.#session.release();
  }
}
