import { AppError } from "../../core/errors.ts";
import type { InferenceService } from "./inference-service.ts";
import { quoted } from "./problem-list.ts";

/** Parameters that Triton's load takes to bring another configuration or other files. */
const overriding = /^(config$|file:)/;

/** Loads a model, or the version that the parameter `version` names. Throws NOT_SUPPORTED for Triton's overrides. */
export async function loadVersion(service: InferenceService, model: string, parameters: ReadonlyMap<string, unknown>): Promise<object> {
  for (const name of parameters.keys()) {
    if (overriding.test(name)) {
      throw new AppError("NOT_SUPPORTED", `Loading with ${quoted(name)} is not supported: versions do not change. Deploy a new version instead.`);
    }
  }
  await service.load(model, versionOf(parameters));
  return {};
}

export async function unloadVersion(service: InferenceService, model: string, parameters: ReadonlyMap<string, unknown>): Promise<object> {
  await service.unload(model, versionOf(parameters));
  return {};
}

function versionOf(parameters: ReadonlyMap<string, unknown>): string | undefined {
  const version = parameters.get("version");
  if (version === undefined) return undefined;
  if (typeof version === "string" || typeof version === "number") return String(version);
  throw new AppError("INVALID_REQUEST", "The parameter version must be a text such as \"3\".");
}
