import assert from "node:assert/strict";
import { AppError } from "../../core/errors.ts";

/** Why each field is refused by its path, where reading a request or writing it for a provider is refused with this code; empty where it is not. */
export function refusedFields(code: "INVALID_REQUEST" | "GATEWAY_FIELD_UNSUPPORTED", run: () => unknown): Record<string, string> {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof AppError && error.code === code, String(error));
    return Object.fromEntries(error.problems.map(({ path, message }) => [path, message]));
  }
  return {};
}

/** Their paths alone, in their order. */
export function refusedPaths(...of: Parameters<typeof refusedFields>): string[] {
  return Object.keys(refusedFields(...of));
}
