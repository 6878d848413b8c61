import { nameOrder } from "../../../src/core/name-order.ts";
import { apiPath } from "./api.ts";
import { useResource, type Resource } from "./resource.ts";
import type { DriftReport, Model, ModelDetail, ModelEntry, PolicyRevision, ServedVersion, ServerFacts } from "./types.ts";

export function useModels(): Resource<{ models: ModelEntry[] }> {
  return useResource("/api/models", { refreshMs: 30_000 });
}

export function useModel(model: string): Resource<ModelDetail> {
  return useResource(apiPath`/api/models/${model}`);
}

export function usePolicy(model: string): Resource<PolicyRevision> {
  return useResource(apiPath`/api/models/${model}/policy`);
}

export function useDrift(model: string, version?: string | null, refreshMs = 30_000): Resource<DriftReport> {
  const query = version ? `?version=${encodeURIComponent(version)}` : "";
  return useResource(apiPath`/api/models/${model}/drift` + query, { refreshMs });
}

export function useServer(): Resource<ServerFacts> {
  return useResource("/api/server");
}

/** The version that callers get who name none: the champion, or what the server says is active. */
export function championOf(model: Model, served: readonly ServedVersion[]): string | null {
  return model.aliases.champion ?? served.find((entry) => entry.active)?.version ?? null;
}

/** Names that stand for a version, `champion` first. */
export function aliasesOf(model: Model, version: string): string[] {
  return Object.entries(model.aliases).filter(([, target]) => target === version).map(([alias]) => alias).sort((a, b) => (a === "champion" ? -1 : b === "champion" ? 1 : nameOrder(a, b)));
}

/** `CUDA` and `CPU` are how people know them; others are shown as they are called. */
export function providerName(provider: string): string {
  return /^(cuda|cpu|tensorrt|coreml|webgpu)$/i.test(provider) ? provider.toUpperCase() : provider;
}
