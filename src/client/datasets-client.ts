import type { ApiClient } from "../core/api-client.ts";
import { addDataset, type DatasetFile, type DatasetRows, type DatasetUse, type DatasetVersion, type DatasetVersionSummary, type HeldDataset } from "../datasets/index.ts";

/** Datasets of a running Slipway: `client.datasets`. */
export class DatasetsClient {
  readonly #api: ApiClient;

  constructor(api: ApiClient) {
    this.#api = api;
  }

  /** By name; `next` leads on as `after`, and is null at the end. */
  list(query: { after?: string; limit?: number } = {}): Promise<{ datasets: HeldDataset[]; next: string | null }> {
    return this.#api.get("/api/datasets", query);
  }

  /** With its versions, newest first. */
  find(dataset: string): Promise<{ dataset: HeldDataset; versions: DatasetVersionSummary[]; next: number | null }> {
    return this.#api.get(datasetPath(dataset));
  }

  /** Uploads a local file and adds it as the next version; `created` is false where it is the latest already. */
  add({ onProgress, ...file }: DatasetFile & { onProgress?: (text: string) => void }): Promise<{ version: DatasetVersion; created: boolean }> {
    return addDataset(this.#api, file, onProgress);
  }

  /** With the profile of its columns. */
  version(dataset: string, version: number): Promise<DatasetVersion> {
    return this.#api.get(versionPath(dataset, version));
  }

  /** At most 100 rows. */
  rows(dataset: string, version: number, page: { offset?: number; limit?: number } = {}): Promise<DatasetRows> {
    return this.#api.get(`${versionPath(dataset, version)}/rows`, page);
  }

  /** The file, as it arrives. */
  content(dataset: string, version: number): Promise<AsyncIterable<Uint8Array>> {
    return this.#api.download("GET", `${versionPath(dataset, version)}/content`);
  }

  use(dataset: string, version: number): Promise<DatasetUse> {
    return this.#api.get(`${versionPath(dataset, version)}/use`);
  }

  /** With all versions. */
  remove(dataset: string): Promise<HeldDataset> {
    return this.#api.send("DELETE", datasetPath(dataset));
  }
}

function datasetPath(dataset: string): string {
  return `/api/datasets/${encodeURIComponent(dataset)}`;
}

function versionPath(dataset: string, version: number): string {
  return `${datasetPath(dataset)}/versions/${version}`;
}
