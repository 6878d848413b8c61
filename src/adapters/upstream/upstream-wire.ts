import type { Tensor } from "../../core/tensor.ts";
import type { Signature, TensorSpec, UpstreamDocument } from "../../registry/index.ts";

/** A request for predictions. */
export interface WireRequest {
  path: string;
  headers: Readonly<Record<string, string>>;
  body: Uint8Array | string;
}

export interface WireAnswer {
  status: number;
  /** Names in lower case. */
  headers: Readonly<Record<string, string>>;
  body: Uint8Array;
}

/** What a server says of its model. */
export interface WireMetadata {
  inputs: TensorSpec[];
  outputs: TensorSpec[];
  /** It takes tensors as bytes. */
  binary: boolean;
  notes: string[];
}

export type WireShape = Pick<Signature, "inputs" | "outputs">;

/** One protocol of servers of models: pure translation, no connection. */
export interface UpstreamWire {
  /** Throws MODEL_RUN_FAILED for values that the protocol cannot say. */
  predict(inputs: readonly Tensor[], document: UpstreamDocument, shape: WireShape): WireRequest;
  /** Outputs in the order of the contract. Throws UPSTREAM_BAD_ANSWER. */
  outputs(answer: WireAnswer, document: UpstreamDocument, shape: WireShape): Tensor[];
  /** The status that a refusal means, where servers of the protocol say several things with one. */
  meaningOf?(answer: WireAnswer): number;
  /** What is asked to learn whether predictions can be had. */
  healthPath(document: UpstreamDocument): string;
  /** Whether the answer to that says yes. */
  isHealthy(answer: WireAnswer, document: UpstreamDocument): boolean;
  /** Undefined for protocols without metadata. `ask` is a GET whose answer has a status of 2xx, else it throws; `askMaybe` answers null then. */
  metadata?(document: UpstreamDocument, ask: (path: string) => Promise<WireAnswer>, askMaybe: (path: string) => Promise<WireAnswer | null>): Promise<WireMetadata>;
}

export function isSuccess({ status }: Pick<WireAnswer, "status">): boolean {
  return status >= 200 && status < 300;
}

export const jsonHeaders: Readonly<Record<string, string>> = { "content-type": "application/json", accept: "application/json" };
