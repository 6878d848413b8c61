import type { Datatype } from "../../core/tensor.ts";
import type { TensorSpec } from "../../registry/index.ts";
import type { DurationTotal, ModelDescription, RepositoryEntry, VersionStatistics } from "./inference-service.ts";

/** What `GET /v2` answers. Extensions as Triton names them. */
export function serverMetadata(version: string) {
  return {
    name: "slipway",
    version,
    extensions: ["binary_tensor_data", "model_configuration", "model_repository", "statistics"],
  };
}

const platforms: Record<ModelDescription["kind"], string> = { onnx: "onnx_onnxv1", python: "python", upstream: "upstream", lookup: "lookup", none: "" };

/** What `GET /v2/models/M` answers; -1 stands for a variable dimension, the batch's too. */
export function modelMetadata(description: ModelDescription) {
  return {
    name: description.model,
    versions: [...description.versions],
    platform: platforms[description.kind],
    inputs: description.signature.inputs.map(tensorMetadata),
    outputs: description.signature.outputs.map(tensorMetadata),
  };
}

function tensorMetadata({ name, datatype, shape }: TensorSpec) {
  return { name, datatype, shape: [...shape] };
}

const tritonTypes: Record<Datatype, string> = {
  BOOL: "TYPE_BOOL", UINT8: "TYPE_UINT8", UINT16: "TYPE_UINT16", UINT32: "TYPE_UINT32", UINT64: "TYPE_UINT64",
  INT8: "TYPE_INT8", INT16: "TYPE_INT16", INT32: "TYPE_INT32", INT64: "TYPE_INT64",
  FP16: "TYPE_FP16", FP32: "TYPE_FP32", FP64: "TYPE_FP64", BYTES: "TYPE_STRING",
};

/** Rows that Triton's configuration may promise: none where an input has no dimension beside the batch. */
function maxBatchSize({ signature, maxBatchRows }: ModelDescription): number {
  return signature.batchable && signature.inputs.every(({ shape }) => shape.length > 1) ? maxBatchRows : 0;
}

/** Triton's model configuration, as far as its tools read it: what perf_analyzer needs to make up requests. */
export function modelConfig(description: ModelDescription) {
  const batch = maxBatchSize(description);
  const tensor = ({ name, datatype, shape }: TensorSpec) => {
    const dims = batch > 0 ? shape.slice(1) : [...shape];
    return { name, data_type: tritonTypes[datatype], ...(dims.length === 0 ? { dims: [1], reshape: { shape: [] } } : { dims }) };
  };
  return {
    name: description.model,
    platform: description.kind === "onnx" ? "onnxruntime_onnx" : "",
    backend: description.kind === "onnx" ? "onnxruntime" : description.kind,
    version_policy: { specific: { versions: description.versions.map(Number) } },
    max_batch_size: batch,
    input: description.signature.inputs.map(tensor),
    output: description.signature.outputs.map(tensor),
    instance_group: [{
      name: description.model,
      kind: description.executionProvider === "cpu" ? "KIND_CPU" : "KIND_GPU",
      count: description.runners,
    }],
    ...(batch > 0
      ? {
          dynamic_batching: {
            max_queue_delay_microseconds: Math.round(description.maxBatchDelayMs * 1000),
            default_queue_policy: {
              timeout_action: "REJECT",
              default_timeout_microseconds: description.deadlineMs * 1000,
              allow_timeout_override: true,
              max_queue_size: description.maxQueueRows,
            },
          },
        }
      : {}),
    response_cache: { enable: description.cacheEnabled },
    model_transaction_policy: { decoupled: false },
  };
}

const tritonStates: Record<RepositoryEntry["state"], string> = {
  loading: "LOADING", ready: "READY", failed: "UNAVAILABLE", draining: "UNLOADING", unloaded: "UNAVAILABLE",
};

/** What `POST /v2/repository/index` answers. */
export function repositoryIndex(entries: readonly RepositoryEntry[], readyOnly: boolean) {
  return entries
    .filter(({ state }) => !readyOnly || state === "ready")
    .map(({ model, version, state, reason }) => ({ name: model, version, state: tritonStates[state], reason: reason ?? "" }));
}

const none: DurationTotal = { count: 0, totalUs: 0 };

function duration({ count, totalUs }: DurationTotal) {
  return { count, ns: Math.round(totalUs * 1000) };
}

/** What `GET /v2/models/M/stats` answers. Slipway does not time the copying of tensors apart from the run: those are 0. */
export function modelStatistics(statistics: readonly VersionStatistics[]) {
  return {
    model_stats: statistics.map((version) => ({
      name: version.model,
      version: version.version,
      last_inference: version.lastInferenceAt ?? 0,
      inference_count: version.rows,
      execution_count: version.runs,
      inference_stats: {
        success: duration(version.success),
        fail: duration(version.fail),
        queue: duration(version.queue),
        compute_input: duration(none),
        compute_infer: duration(version.run),
        compute_output: duration(none),
        cache_hit: duration(version.cacheHit),
        cache_miss: duration(version.cacheMiss),
      },
      batch_stats: version.batches.map(({ rows, run }) => ({
        batch_size: rows, compute_input: duration(none), compute_infer: duration(run), compute_output: duration(none),
      })),
    })),
  };
}
