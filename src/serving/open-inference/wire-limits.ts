import { AppError } from "../../core/errors.ts";

/**
 * What a request may list, far above what models have. Without these a body of some megabytes of empty entries would
 * become gigabytes of objects.
 */
export const wireLimits = {
  /** Inputs, requested outputs and raw contents, each. */
  tensors: 10_000,
  dimensions: 32,
  columns: 100_000,
  /** Pieces that one tensor's contents may come in on the protobuf wire. */
  contentParts: 1000,
} as const;

/** Throws INVALID_REQUEST when `count` is above its limit. */
export function assertWithin(limit: keyof typeof wireLimits, count: number, what: string): void {
  if (count > wireLimits[limit]) throw new AppError("INVALID_REQUEST", `The request has more than ${wireLimits[limit]} ${what}.`);
}
