import { AppError } from "../../core/errors.ts";
import { Datatype, type Tensor } from "../../core/tensor.ts";
import type { StopSignal } from "../../core/stop-signal.ts";
import type { Signature, TensorSpec } from "../../registry/index.ts";
import type { InferenceCall, InferenceResult, InferenceService, ModelDescription, RepositoryEntry, VersionStatistics } from "./inference-service.ts";

function spec(name: string, datatype: TensorSpec["datatype"], shape: number[], more: Partial<TensorSpec> = {}): TensorSpec {
  return { name, datatype, shape, missingAllowed: false, ...more };
}

const matrix: Signature = {
  inputs: [spec("x", "FP32", [-1, 2], { columns: ["a", "b"] })],
  outputs: [spec("y", "FP32", [-1, 2]), spec("label", "INT64", [-1])],
  batchable: true,
};

/** `echo` gives inputs back under `out_NAME`, one of every datatype; `lenient` takes missing values. */
const signatures: Record<string, Signature> = {
  double: matrix,
  lenient: { ...matrix, inputs: [{ ...matrix.inputs[0]!, missingAllowed: true }] },
  echo: {
    inputs: Datatype.options.map((datatype) => spec(datatype.toLowerCase(), datatype, [-1, 2])),
    outputs: Datatype.options.map((datatype) => spec(`out_${datatype.toLowerCase()}`, datatype, [-1, 2])),
    batchable: true,
  },
  slow: matrix, busy: matrix, broken: matrix,
};

/** Models that are made for the tests of the wires: arithmetic that can be checked, and every way to fail. */
export class FakeInferenceService implements InferenceService {
  readonly calls: InferenceCall[] = [];
  readonly refusals: [string, string][] = [];
  readonly loaded = new Set(["double"]);
  /** Calls of `slow` that have started and not ended. */
  waiting = 0;
  isReady = true;
  onWaiting: () => void = () => undefined;

  /** Nobody's models are missing to the gate: what is missing is said by the service itself. */
  teamOf(): string {
    return "default";
  }

  async infer(call: InferenceCall): Promise<InferenceResult> {
    this.calls.push(call);
    if (call.model === "busy") throw new AppError("QUEUE_FULL", "The queue of busy is full.", { retryAfterSeconds: 2 });
    if (call.model === "broken") throw new Error("a secret: /etc/passwd");
    if (call.model === "slow") await this.#wait(call.connection.signal!);
    const outputs = call.model === "echo" ? call.inputs.map((input) => ({ ...input, name: `out_${input.name}` })) : doubled(call.inputs[0]!);
    return { predictionId: "prd_01ktz0000000000000000000ab", model: call.model, version: call.version ?? "3", outputs, ...this.#armOf(call) };
  }

  /** Callers with a key are an arm's. */
  #armOf({ routingKey, connection }: InferenceCall): Pick<InferenceResult, "arm"> {
    const key = routingKey ?? connection.headers["slipway-key"];
    return key === undefined ? {} : { arm: `candidate of ${String(key)}` };
  }

  signature(model: string, version?: string): Signature {
    const signature = Object.hasOwn(signatures, model) ? signatures[model] : undefined;
    if (signature === undefined) throw new AppError("MODEL_NOT_FOUND", `There is no model named ${JSON.stringify(model)}.`);
    if (version !== undefined && version !== "3") throw new AppError("VERSION_NOT_FOUND", `${model} has no version ${version}.`);
    return signature;
  }

  describe(model: string, version?: string): ModelDescription {
    return {
      model, version: version ?? "3", versions: ["2", "3"], signature: this.signature(model, version), kind: "onnx",
      maxBatchRows: 64, maxBatchDelayMs: 0.5, maxQueueRows: 4096, deadlineMs: 30_000, runners: 1, executionProvider: "cpu", cacheEnabled: false,
    };
  }

  ready(model?: string, version?: string): boolean {
    return this.isReady && (model === undefined || (Object.hasOwn(signatures, model) && (version ?? "3") === "3"));
  }

  index(): RepositoryEntry[] {
    return [
      { model: "double", version: "2", state: "unloaded", reason: null, active: false },
      { model: "double", version: "3", state: "ready", reason: null, active: true },
      { model: "broken", version: "1", state: "failed", reason: "It does not load.", active: true },
    ];
  }

  async load(model: string, version?: string): Promise<void> {
    this.signature(model);
    this.loaded.add(version === undefined ? model : `${model}:${version}`);
  }

  async unload(model: string): Promise<void> {
    this.signature(model);
    this.loaded.delete(model);
  }

  statistics(model?: string): VersionStatistics[] {
    if (model !== undefined) this.signature(model);
    const total = { count: 2, totalUs: 1500 };
    return [{
      model: "double", version: "3", lastInferenceAt: null, rows: 5, runs: 2, success: total, fail: { count: 0, totalUs: 0 }, queue: total, run: total,
      cacheHit: { count: 0, totalUs: 0 }, cacheMiss: { count: 0, totalUs: 0 }, batches: [{ rows: 2, run: total }],
    }];
  }

  refused(model: string, code: string): void {
    this.refusals.push([model, code]);
  }

  #wait(signal: StopSignal): Promise<void> {
    this.waiting++;
    this.onWaiting();
    return new Promise((_, reject) => {
      signal.addEventListener("abort", () => {
        this.waiting--;
        this.onWaiting();
        reject(new AppError("CALLER_GONE", "The caller has gone."));
      });
    });
  }
}

function doubled(x: Tensor): Tensor[] {
  const rows = x.shape[0]!;
  return [
    { name: "y", datatype: "FP32", shape: [...x.shape], data: (x.data as Float32Array).map((value) => value * 2) },
    { name: "label", datatype: "INT64", shape: [rows], data: BigInt64Array.from({ length: rows }, (_, row) => 2n ** 53n + BigInt(row)) },
  ];
}
