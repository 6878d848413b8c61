import { AppError } from "../core/errors.ts";
import { isSafeName } from "../core/names.ts";
import type { ModelVersion } from "./schemas.ts";

/** The alias whose version callers get who name none. */
export const championAlias = "champion";

/** Whether something was found at the version's source that a runtime can load. */
export function isRunnable({ contract }: { contract: { runtime: { kind: string } } }): boolean {
  return contract.runtime.kind !== "none";
}

/** Throws INVALID_NAME for a model whose name cannot be served, VERSION_NOT_RUNNABLE. */
export function assertRunnable(version: Pick<ModelVersion, "model" | "version"> & { contract: { runtime: { kind: string; notes: readonly string[] } } }): void {
  const { model, contract } = version;
  if (!isSafeName(model)) {
    throw new AppError("INVALID_NAME", `${JSON.stringify(model.slice(0, 140))} is a name for the registry alone: rename the model before a version of it can serve.`);
  }
  if (isRunnable(version)) return;
  const why = contract.runtime.notes[0];
  throw new AppError("VERSION_NOT_RUNNABLE", `Version ${version.version} of ${model} has nothing that can run here${why === undefined ? "." : `: ${why}`}`);
}
