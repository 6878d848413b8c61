import type { Caller } from "../../core/caller.ts";
import type { AppError } from "../../core/errors.ts";
import { releaseMemory, releaseTensors } from "../../core/release-memory.ts";
import { streamMethod, unaryMethod, type GrpcCall, type GrpcMethod, type GrpcService } from "../../core/grpc-service.ts";
import { errorText } from "./error-text.ts";
import { messageCodec } from "./grpc-messages.ts";
import { decodeInferMessage, encodeInferResponse, encodeStreamFailure, encodeStreamResponse, readInferMessage, type InferMessage } from "./infer-message.ts";
import { shorter, type InferRequest } from "./infer-request.ts";
import { counted, type InferenceResult, type InferenceService } from "./inference-service.ts";
import { modelConfig, modelMetadata, modelStatistics, repositoryIndex, serverMetadata } from "./model-metadata.ts";
import { loadVersion, unloadVersion } from "./repository-control.ts";
import { maySee, visibleTo } from "./visible-models.ts";

/** A flag and a length stand before a message; one that came in several pieces was put together with them, in memory of its own. */
const messageFraming = 5;

interface NameAndVersion {
  name: string;
  version: string;
}

/** An empty name names no model. */
const byName: Pick<GrpcMethod, "on"> = { on: { kind: "model", nameIn: ({ name }: NameAndVersion) => optional(name) } };
const control: Pick<GrpcMethod, "on" | "audited"> = { on: { kind: "model", nameIn: ({ model_name: name }: RepositoryControl) => name }, audited: true };

interface Answered {
  request: InferRequest;
  result: InferenceResult;
}

/** inference.GRPCInferenceService: the Open Inference Protocol, and Triton's additions. */
export function openInferenceGrpcService(service: InferenceService, serverVersion: string): GrpcService {
  const message = <Message extends object>(name: string) => messageCodec<Message>(`inference.${name}`);

  /** A method whose messages are named after it. */
  function simple<Request extends object>(
    name: string, access: "public" | "viewer" | "deployer", handle: (request: Request, caller: Caller) => object | Promise<object>,
    more: Pick<GrpcMethod, "on" | "audited"> = {},
  ) {
    return unaryMethod<Request, object>({
      name, access, ...more,
      decode: message<Request>(`${name}Request`).decode,
      encode: message(`${name}Response`).encode,
      handle: ({ request, caller }) => handle(request, caller),
    });
  }

  async function infer(caller: GrpcCall<InferMessage>): Promise<Answered> {
    const { request: wire, now, deadlineMs } = caller;
    const version = optional(wire.version);
    const request = counted(service, wire.model, () => readInferMessage(wire, service.signature(wire.model, version)));
    const result = await service.infer({
      model: wire.model, version, id: request.id ?? null, inputs: request.inputs, outputs: request.outputs?.map(({ name }) => name),
      deadlineMs: shorter(deadlineMs, request.timeoutMs), now, door: "grpc", connection: caller, routingKey: request.routingKey,
    });
    if (result.inputsAreFree === true) {
      releaseTensors(request.inputs);
      releaseMemory(wire.bytes as Buffer<ArrayBuffer>, messageFraming);
    }
    return { request, result };
  }

  return {
    name: "inference.GRPCInferenceService",
    errorText,
    methods: [
      unaryMethod<InferMessage, Answered>({
        name: "ModelInfer",
        access: "viewer",
        on: { kind: "model", nameIn: ({ model }) => model },
        decode: decodeInferMessage,
        encode: ({ request, result }) => encodeInferResponse(result, request),
        handle: (call) => infer(call),
      }),
      streamMethod<InferMessage, Answered | Buffer>({
        name: "ModelStreamInfer",
        access: "viewer",
        on: { kind: "model", nameIn: ({ model }) => model },
        decode: decodeInferMessage,
        encode: (answer) => (Buffer.isBuffer(answer) ? answer : encodeStreamResponse(answer.result, answer.request)),
        handle: (call) => infer(call),
        failure: (error: AppError, wire) => encodeStreamFailure(errorText(error), wire?.id ?? ""),
      }),
      simple("ServerLive", "public", () => ({ live: true })),
      simple("ServerReady", "public", () => ({ ready: service.ready() })),
      // An unknown model is not ready, and that is the whole answer: so is one that the caller does not see.
      simple<NameAndVersion>("ModelReady", "viewer", async ({ name, version }, caller) => ({ ready: (await maySee(caller, service, name)) && service.ready(name, optional(version)) }), { on: "some" }),
      simple("ServerMetadata", "public", () => serverMetadata(serverVersion)),
      simple<NameAndVersion>("ModelMetadata", "viewer", async ({ name, version }) => modelMetadata(await service.describe(name, optional(version))), byName),
      simple<NameAndVersion>("ModelConfig", "viewer", async ({ name, version }) => ({ config: modelConfig(await service.describe(name, optional(version))) }), byName),
      simple<NameAndVersion>("ModelStatistics", "viewer", async ({ name, version }, caller) => {
        const statistics = await service.statistics(optional(name), optional(version));
        return modelStatistics(await visibleTo(caller, service, statistics));
      }, byName),
      simple<{ ready: boolean }>("RepositoryIndex", "viewer", async ({ ready }, caller) => (
        { models: repositoryIndex(await visibleTo(caller, service, await service.index()), ready) }
      ), { on: "some" }),
      simple<RepositoryControl>("RepositoryModelLoad", "deployer", ({ model_name: model, parameters }) => loadVersion(service, model, scalars(parameters)), control),
      simple<RepositoryControl>("RepositoryModelUnload", "deployer", ({ model_name: model, parameters }) => unloadVersion(service, model, scalars(parameters)), control),
    ],
  };
}

interface RepositoryControl {
  model_name: string;
  parameters: Record<string, { bool_param?: boolean; int64_param?: number; string_param?: string; bytes_param?: Uint8Array }>;
}

function scalars(parameters: RepositoryControl["parameters"]): Map<string, unknown> {
  return new Map(
    Object.entries(parameters).map(([name, value]) => [name, value.string_param || value.int64_param || value.bool_param || value.bytes_param]),
  );
}

/** grpc.health.v1.Health: the server's readiness, or a model's under its name. */
export function grpcHealthService(service: InferenceService): GrpcService {
  return {
    name: "grpc.health.v1.Health",
    errorText,
    methods: [
      unaryMethod<{ service: string }, object>({
        name: "Check",
        access: "public",
        decode: messageCodec<{ service: string }>("grpc.health.v1.HealthCheckRequest").decode,
        encode: messageCodec("grpc.health.v1.HealthCheckResponse").encode,
        handle: async ({ request, caller }) => {
          const whole = request.service === "" || request.service === "inference.GRPCInferenceService";
          const ready = whole ? service.ready() : (await maySee(caller, service, request.service)) && service.ready(request.service);
          return { status: ready ? "SERVING" : "NOT_SERVING" };
        },
      }),
    ],
  };
}

/** proto3 has no absent texts: empty means not given. */
function optional(text: string): string | undefined {
  return text === "" ? undefined : text;
}
