import protobuf from "protobufjs/light.js";
import { AppError } from "../../core/errors.ts";

/** Without it, protobufjs takes the rules of proto2: repeated numbers unpacked, presence for every field. */
const proto3 = { edition: "proto3" };

type Fields = Record<string, [number: number, type: string]>;

/** A message of plain fields; `repeated T` repeats, `map T` maps texts to it. */
function message(fields: Fields, nested?: protobuf.INamespace["nested"]): protobuf.IType {
  return {
    ...proto3,
    fields: Object.fromEntries(
      Object.entries(fields).map(([name, [id, type]]) => {
        if (type.startsWith("map ")) return [name, { id, keyType: "string", type: type.slice(4) }];
        return [name, type.startsWith("repeated ") ? { id, rule: "repeated", type: type.slice(9) } : { id, type }];
      }),
    ),
    ...(nested === undefined ? {} : { nested }),
  };
}

const enumeration = (...names: string[]): protobuf.IEnum => ({ ...proto3, values: Object.fromEntries(names.map((name, index) => [name, index])) });
const empty = message({});
const nameAndVersion = message({ name: [1, "string"], version: [2, "string"] });
const tensorConfig = (dims: number): Fields => ({ name: [1, "string"], data_type: [2, "DataType"], dims: [dims, "repeated int64"], reshape: [5, "ModelTensorReshape"] });

/**
 * The messages of inference.GRPCInferenceService that are not on the hot path, with the published field numbers: the
 * Open Inference Protocol's own, and Triton's for configuration, statistics and the repository. ModelInfer's messages
 * are read and written by `infer-message.ts`.
 */
const messages: protobuf.INamespace["nested"] = {
  ServerLiveRequest: empty,
  ServerLiveResponse: message({ live: [1, "bool"] }),
  ServerReadyRequest: empty,
  ServerReadyResponse: message({ ready: [1, "bool"] }),
  ModelReadyRequest: nameAndVersion,
  ModelReadyResponse: message({ ready: [1, "bool"] }),
  ServerMetadataRequest: empty,
  ServerMetadataResponse: message({ name: [1, "string"], version: [2, "string"], extensions: [3, "repeated string"] }),
  ModelMetadataRequest: nameAndVersion,
  ModelMetadataResponse: message(
    { name: [1, "string"], versions: [2, "repeated string"], platform: [3, "string"], inputs: [4, "repeated TensorMetadata"], outputs: [5, "repeated TensorMetadata"] },
    { TensorMetadata: message({ name: [1, "string"], datatype: [2, "string"], shape: [3, "repeated int64"] }) },
  ),
  ModelConfigRequest: nameAndVersion,
  ModelConfigResponse: message({ config: [1, "ModelConfig"] }),
  ModelStatisticsRequest: nameAndVersion,
  ModelStatisticsResponse: message({ model_stats: [1, "repeated ModelStatistics"] }),
  StatisticDuration: message({ count: [1, "uint64"], ns: [2, "uint64"] }),
  InferStatistics: message(
    Object.fromEntries(
      ["success", "fail", "queue", "compute_input", "compute_infer", "compute_output", "cache_hit", "cache_miss"].map((name, index) => [name, [index + 1, "StatisticDuration"]]),
    ),
  ),
  InferBatchStatistics: message({
    batch_size: [1, "uint64"], compute_input: [2, "StatisticDuration"], compute_infer: [3, "StatisticDuration"], compute_output: [4, "StatisticDuration"],
  }),
  ModelStatistics: message({
    name: [1, "string"], version: [2, "string"], last_inference: [3, "uint64"], inference_count: [4, "uint64"], execution_count: [5, "uint64"],
    inference_stats: [6, "InferStatistics"], batch_stats: [7, "repeated InferBatchStatistics"],
  }),
  RepositoryIndexRequest: message({ repository_name: [1, "string"], ready: [2, "bool"] }),
  RepositoryIndexResponse: message(
    { models: [1, "repeated ModelIndex"] },
    { ModelIndex: message({ name: [1, "string"], version: [2, "string"], state: [3, "string"], reason: [4, "string"] }) },
  ),
  ModelRepositoryParameter: message({ bool_param: [1, "bool"], int64_param: [2, "int64"], string_param: [3, "string"], bytes_param: [4, "bytes"] }),
  RepositoryModelLoadRequest: message({ repository_name: [1, "string"], model_name: [2, "string"], parameters: [3, "map ModelRepositoryParameter"] }),
  RepositoryModelLoadResponse: empty,
  RepositoryModelUnloadRequest: message({ repository_name: [1, "string"], model_name: [2, "string"], parameters: [3, "map ModelRepositoryParameter"] }),
  RepositoryModelUnloadResponse: empty,
  DataType: enumeration(
    "TYPE_INVALID", "TYPE_BOOL", "TYPE_UINT8", "TYPE_UINT16", "TYPE_UINT32", "TYPE_UINT64", "TYPE_INT8", "TYPE_INT16", "TYPE_INT32", "TYPE_INT64",
    "TYPE_FP16", "TYPE_FP32", "TYPE_FP64", "TYPE_STRING", "TYPE_BF16",
  ),
  ModelTensorReshape: message({ shape: [1, "repeated int64"] }),
  ModelInput: message(tensorConfig(4)),
  ModelOutput: message(tensorConfig(3)),
  ModelInstanceGroup: message(
    { name: [1, "string"], count: [2, "int32"], kind: [4, "Kind"] },
    { Kind: enumeration("KIND_AUTO", "KIND_GPU", "KIND_CPU", "KIND_MODEL") },
  ),
  ModelVersionPolicy: message({ specific: [3, "Specific"] }, { Specific: message({ versions: [1, "repeated int64"] }) }),
  ModelQueuePolicy: message(
    { timeout_action: [1, "TimeoutAction"], default_timeout_microseconds: [2, "uint64"], allow_timeout_override: [3, "bool"], max_queue_size: [4, "uint32"] },
    { TimeoutAction: enumeration("REJECT", "DELAY") },
  ),
  ModelDynamicBatching: message({ max_queue_delay_microseconds: [2, "uint64"], default_queue_policy: [6, "ModelQueuePolicy"] }),
  ModelResponseCache: message({ enable: [1, "bool"] }),
  ModelTransactionPolicy: message({ decoupled: [1, "bool"] }),
  ModelConfig: message({
    name: [1, "string"], platform: [2, "string"], version_policy: [3, "ModelVersionPolicy"], max_batch_size: [4, "int32"],
    input: [5, "repeated ModelInput"], output: [6, "repeated ModelOutput"], instance_group: [7, "repeated ModelInstanceGroup"],
    dynamic_batching: [11, "ModelDynamicBatching"], backend: [17, "string"], model_transaction_policy: [19, "ModelTransactionPolicy"],
    response_cache: [24, "ModelResponseCache"],
  }),
};

/** grpc.health.v1, which Kubernetes and load balancers ask. */
const health: protobuf.INamespace["nested"] = {
  HealthCheckRequest: message({ service: [1, "string"] }),
  HealthCheckResponse: message({ status: [1, "ServingStatus"] }, { ServingStatus: enumeration("UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN") }),
};

const root = protobuf.Root.fromJSON({
  nested: { inference: { nested: messages }, grpc: { nested: { health: { nested: { v1: { nested: health } } } } } },
});

/** How one message is read and written. */
export interface MessageCodec<Message> {
  decode(bytes: Buffer): Message;
  /** Takes enumerations by name; members that the message does not have are left out. */
  encode(message: Message): Buffer;
}

/** `name` with its package, such as `inference.ModelReadyRequest`. Decoding throws INVALID_REQUEST. */
export function messageCodec<Message extends object>(name: string): MessageCodec<Message> {
  const type = root.lookupType(name);
  return {
    decode(bytes) {
      try {
        return type.toObject(type.decode(bytes), { defaults: true, longs: Number, enums: String }) as Message;
      } catch (cause) {
        throw new AppError("INVALID_REQUEST", `The message is not a valid ${type.name}.`, { cause });
      }
    },
    encode: (message) => type.encode(type.fromObject(message)).finish() as Buffer,
  };
}
