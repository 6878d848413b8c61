import { AppError } from "../core/errors.ts";

/** How many results a request asks for. Throws INVALID_PARAMETER outside of 1 to `max`. */
export function resultLimit(asked: number | undefined, { otherwise, max }: { otherwise: number; max: number }): number {
  const limit = asked ?? otherwise;
  if (limit < 1 || limit > max) {
    throw new AppError("INVALID_PARAMETER", `Invalid value ${limit} for parameter 'max_results' supplied. It must be a positive integer, at most ${max}.`);
  }
  return limit;
}
