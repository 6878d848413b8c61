import type { ErrorCode } from "../../core/error-catalogue.ts";
import type { Problem } from "../../core/errors.ts";

/** Raised when a message changes its meaning; a runner of another version is refused. */
export const protocolVersion = 1;

/** Descriptor of the socket that carries the frames, in the runner. */
export const frameDescriptor = 3;
/** Descriptor of a pipe on which nothing is ever sent: its end means that the parent is gone. */
export const lifelineDescriptor = 4;

/** What the parent sends. `run` carries the inputs as tensors. */
export type ParentMessage =
  | { type: "load"; path: string; settings: Readonly<Record<string, unknown>> }
  | { type: "run"; id: number }
  | { type: "close" };

export interface WireError {
  code: ErrorCode;
  /** For the caller: no library text, no paths. */
  message: string;
  problems?: readonly Problem[];
  /** For the log: the library's own words. */
  detail?: string;
}

/** What the loaded model tells of itself. */
export interface LoadedFacts {
  /** `cuda` or `cpu`. */
  executionProvider: string;
  /** Why a better provider is not used; absent when none was to be had. */
  executionProviderNote?: string;
}

/** What the runner sends. `result` carries the outputs as tensors. */
export type RunnerMessage =
  | { type: "hello"; protocol: number; runtime: string }
  | ({ type: "loaded" } & LoadedFacts)
  | { type: "result"; id: number; runUs: number }
  /** Without `id` it answers `load`. */
  | { type: "error"; id?: number; error: WireError }
  /** The runner's last words; it ends after them. */
  | { type: "fatal"; error: WireError };
