import { AppError } from "../../core/errors.ts";
import type { Tensor } from "../../core/tensor.ts";

export interface RequestedOutput {
  name: string;
  /** Whether its answer is binary; undefined when the caller left it to the request's default. */
  binary: boolean | undefined;
}

/** One inference request, checked against the signature, whatever wire it came on. */
export interface InferRequest {
  /** The caller's own id, to be echoed; undefined when none was sent. */
  id: string | undefined;
  /** Milliseconds that the request's `timeout` parameter gives; undefined without one. */
  timeoutMs: number | undefined;
  /** The parameter `routing_key`: what keeps the caller with one version while versions share the traffic. */
  routingKey: string | undefined;
  /** In the order of the signature. */
  inputs: Tensor[];
  /** Undefined = all. */
  outputs: RequestedOutput[] | undefined;
  /** For outputs that do not say whether they want to be binary. */
  binaryOutputDefault: boolean;
}

/**
 * The parameters of a request, an input or an output that mean something to Slipway; all others are passed over. The
 * values are as they were sent.
 */
export interface KnownParameters {
  binaryDataSize: unknown;
  binaryData: unknown;
  binaryDataOutput: unknown;
  /** Triton's, in microseconds. */
  timeout: unknown;
  classification: unknown;
  sharedMemoryRegion: unknown;
  routingKey: unknown;
}

export const noParameters: Readonly<KnownParameters> = Object.freeze({
  binaryDataSize: undefined, binaryData: undefined, binaryDataOutput: undefined,
  timeout: undefined, classification: undefined, sharedMemoryRegion: undefined, routingKey: undefined,
});

/** Keeps the parameter when it is one of the known. */
export function setParameter(parameters: KnownParameters, name: string, value: unknown): void {
  if (name === "binary_data_size") parameters.binaryDataSize = value;
  else if (name === "binary_data") parameters.binaryData = value;
  else if (name === "binary_data_output") parameters.binaryDataOutput = value;
  else if (name === "timeout") parameters.timeout = value;
  else if (name === "classification") parameters.classification = value;
  else if (name === "shared_memory_region") parameters.sharedMemoryRegion = value;
  else if (name === "routing_key") parameters.routingKey = value;
}

export function timeoutMs({ timeout }: KnownParameters): number | undefined {
  return typeof timeout === "number" && timeout > 0 && Number.isFinite(timeout) ? timeout / 1000 : undefined;
}

/** A key may be a text or a number, such as the id of a user. */
export function routingKey({ routingKey: key }: KnownParameters): string | undefined {
  return typeof key === "string" && key !== "" ? key : typeof key === "number" ? String(key) : undefined;
}

/** Refuses parameters that ask for what Slipway does not do. Throws NOT_SUPPORTED. */
export function refuseUnsupported(parameters: KnownParameters, path: () => string): void {
  if (parameters.sharedMemoryRegion !== undefined) {
    throw new AppError("NOT_SUPPORTED", `${path()} asks for shared memory; send and receive the data itself.`);
  }
  if (parameters.classification !== undefined && parameters.classification !== 0) {
    throw new AppError("NOT_SUPPORTED", `${path()} asks for classification; read the scores and rank them in the client.`);
  }
}

/** The lesser of two times, of which either may be absent. */
export function shorter(first: number | undefined, second: number | undefined): number | undefined {
  if (first === undefined) return second;
  return second === undefined ? first : Math.min(first, second);
}
