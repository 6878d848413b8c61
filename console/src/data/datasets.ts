import { apiPath, call } from "./api.ts";
import { invalidate, remember, useResource, type Resource } from "./resource.ts";
import type { DatasetFormat, DatasetRows, DatasetUse, DatasetVersion, DatasetVersionSummary, HeldDataset, LoggedDataset } from "./types.ts";

export interface DatasetDetail {
  dataset: HeldDataset;
  /** Newest first. */
  versions: DatasetVersionSummary[];
  /** Where older ones begin; null where these are all. */
  next: number | null;
}

const mostListed = 5000;

const all = "datasets:all";

async function loadDatasets(): Promise<{ datasets: HeldDataset[] }> {
  const datasets: HeldDataset[] = [];
  let after: string | null = null;
  do {
    const page: { datasets: HeldDataset[]; next: string | null } = await call(`/api/datasets?limit=500${after === null ? "" : `&after=${encodeURIComponent(after)}`}`);
    datasets.push(...page.datasets);
    after = page.next;
  } while (after !== null && datasets.length < mostListed);
  return { datasets };
}

/** All that the reader sees, page after page. */
export function useDatasets(): Resource<{ datasets: HeldDataset[] }> {
  return useResource(all, { refreshMs: 30_000, load: loadDatasets });
}

/** A dataset with its newest versions; `limit` of them. */
export function useDataset(name: string | null, limit = 100): Resource<DatasetDetail> {
  return useResource(name === null ? null : `${apiPath`/api/datasets/${name}`}?limit=${limit}`);
}

/** With its profile. */
export function useDatasetVersion(name: string, version: number): Resource<DatasetVersion> {
  return useResource(apiPath`/api/datasets/${name}/versions/${version}`);
}

export function useDatasetUse(name: string, version: number): Resource<DatasetUse> {
  return useResource(apiPath`/api/datasets/${name}/versions/${version}/use`);
}

export function useDatasetRows(name: string, version: number, page: { offset: number; limit: number }): Resource<DatasetRows> {
  return useResource(`${apiPath`/api/datasets/${name}/versions/${version}/rows`}?offset=${page.offset}&limit=${page.limit}`);
}

export function contentHref(name: string, version: number): string {
  return apiPath`/api/datasets/${name}/versions/${version}/content`;
}

export function useLoggedDatasets(offset: number, limit: number): Resource<{ datasets: LoggedDataset[] }> {
  return useResource(`/api/logged-datasets?offset=${offset}&limit=${limit}`);
}

export async function addDatasetVersion(name: string, version: { digest: string; format: DatasetFormat; target?: string; source?: string; description?: string; team?: string }): Promise<DatasetVersion> {
  const { version: added } = await call<{ version: DatasetVersion; created: boolean }>(apiPath`/api/datasets/${name}/versions`, { method: "POST", body: JSON.stringify(version) });
  invalidate((key) => key.startsWith("/api/datasets") || key === all);
  return added;
}

/** Nothing asks for it again: the list is known without it before anybody looks. */
export async function removeDataset(name: string): Promise<void> {
  await call(apiPath`/api/datasets/${name}`, { method: "DELETE" });
  remember(all, await loadDatasets());
}
