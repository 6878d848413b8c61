import { apiPath, call } from "./api.ts";
import { invalidate, useResource, type Resource } from "./resource.ts";
import type { ListedExperiment, RunView } from "./types.ts";

/** The wire of MLflow, as its clients use it: names in snake case, whole numbers of 64 bits as numbers. */
export const wire = "/ajax-api/2.0/mlflow";

export interface WireTag {
  key: string;
  value: string;
}

export interface WireExperiment {
  experiment_id: string;
  name: string;
  artifact_location: string;
  lifecycle_stage: "active" | "deleted";
  creation_time?: number;
  last_update_time?: number;
  tags?: WireTag[];
}

/** Numbers that JSON does not have come as text. */
export interface WireMetric {
  key: string;
  value: number | string;
  timestamp: number;
  step: number;
}

export interface WireDataset {
  dataset: { name: string; digest: string; source_type?: string; source?: string; schema?: string; profile?: string };
  tags?: WireTag[];
}

export interface WireRun {
  info: {
    run_id: string; experiment_id: string; run_name: string; user_id?: string; status: string; start_time: number; end_time?: number;
    lifecycle_stage: "active" | "deleted"; artifact_uri: string;
  };
  data: { metrics?: WireMetric[]; params?: WireTag[]; tags?: WireTag[] };
  inputs?: { dataset_inputs?: WireDataset[]; model_inputs?: { model_id: string }[] };
  outputs?: { model_outputs?: { model_id: string; step?: number }[] };
}

export interface WireFile {
  /** From the root of the run's artifacts. */
  path: string;
  is_dir: boolean;
  file_size?: number;
}

export type Cell = string | number | null;

/** Answer of `POST /api/runs/table`. */
export interface TablePage {
  runs: string[];
  rows: Cell[][];
  next: string | null;
}

export interface TableQuery {
  experiments: string[];
  filter: string;
  order: string[];
  view: "active" | "deleted" | "all";
  columns: string[];
  limit: number;
  after: string | null;
}

export interface RunKeys {
  metrics: string[];
  params: string[];
  tags: string[];
}

/** A metric of one run, by step; `values` that JSON does not have are text. */
export interface RunSeries {
  run: string;
  steps: number[];
  timestamps: number[];
  values: (number | string | null)[];
}

export interface SeriesAnswer {
  series: RunSeries[];
  firstStep: number | null;
  lastStep: number | null;
}

function post<Result>(path: string, body: unknown, signal?: AbortSignal): Promise<Result> {
  return call<Result>(path, { method: "POST", body: JSON.stringify(body), ...(signal === undefined ? {} : { signal }) });
}

/** All that the reader sees, page after page. */
export function useExperiments(view: "active" | "deleted"): Resource<ListedExperiment[]> {
  return useResource(`experiments:${view}`, {
    refreshMs: 15_000,
    async load() {
      const found: ListedExperiment[] = [];
      let after: string | null = null;
      do {
        const page: { experiments: ListedExperiment[]; next: string | null } = await call(`/api/experiments?view=${view}&limit=5000${after === null ? "" : `&after=${after}`}`);
        found.push(...page.experiments);
        after = page.next;
      } while (after !== null && found.length < 20_000);
      return found;
    },
  });
}

export function useExperiment(id: string): Resource<{ experiment: WireExperiment }> {
  return useResource(`${wire}/experiments/get?experiment_id=${encodeURIComponent(id)}`);
}

export async function createExperiment(name: string): Promise<string> {
  const { experiment_id: id } = await post<{ experiment_id: string }>(`${wire}/experiments/create`, { name });
  invalidate((key) => key.startsWith("experiments:"));
  return id;
}

export function useRunKeys(experiment: string): Resource<RunKeys> {
  return useResource(apiPath`/api/experiments/${experiment}/keys`, { refreshMs: 30_000 });
}

export function readRunTable(query: TableQuery, signal?: AbortSignal): Promise<TablePage> {
  return post("/api/runs/table", query, signal);
}

/** Runs of the table as a resource; the same question is asked once for all who ask it. */
export function useRunTable(query: TableQuery | null, refreshMs?: number): Resource<TablePage> {
  return useResource<TablePage>(query === null ? null : `runs:table:${JSON.stringify(query)}`, {
    load: () => readRunTable(query!), ...(refreshMs === undefined ? {} : { refreshMs }),
  });
}

export function useRun(run: string | null, refreshMs?: number): Resource<{ run: WireRun }> {
  return useResource(run === null ? null : `${wire}/runs/get?run_id=${encodeURIComponent(run)}`, refreshMs === undefined ? {} : { refreshMs });
}

/** Runs with all that they hold, in the order of `ids`. */
export function useRuns(experiment: string, ids: readonly string[]): Resource<WireRun[]> {
  return useResource<WireRun[]>(ids.length === 0 ? null : `runs:of:${experiment}:${ids.join()}`, {
    async load() {
      const filter = `attributes.run_id IN (${ids.map((id) => `'${id.replaceAll("'", "")}'`).join(", ")})`;
      const { runs = [] } = await post<{ runs?: WireRun[] }>(`${wire}/runs/search`, { experiment_ids: [experiment], filter, run_view_type: "ALL", max_results: 100 });
      const byId = new Map(runs.map((run) => [run.info.run_id, run]));
      return ids.map((id) => byId.get(id)).filter((run) => run !== undefined);
    },
  });
}

/** A metric of some runs, with its extremes, between two steps or over all. */
export function useMetricSeries(request: { runs: readonly string[]; key: string; buckets: number; fromStep?: number; toStep?: number } | null, refreshMs?: number): Resource<SeriesAnswer> {
  return useResource<SeriesAnswer>(request === null || request.runs.length === 0 ? null : `runs:series:${JSON.stringify(request)}`, {
    load: () => post("/api/runs/series", request), ...(refreshMs === undefined ? {} : { refreshMs }),
  });
}

export async function changeRuns(ids: readonly string[], verb: "delete" | "restore"): Promise<void> {
  for (const id of ids) await post(`${wire}/runs/${verb}`, { run_id: id });
  invalidate((key) => key.startsWith("runs:") || key.startsWith(`${wire}/runs`));
}

export function useRunViews(experiment: string): Resource<{ views: RunView[] }> {
  return useResource(apiPath`/api/experiments/${experiment}/views`);
}

export async function saveRunView(experiment: string, name: string, view: RunView["view"]): Promise<RunView> {
  const saved = await post<RunView>(apiPath`/api/experiments/${experiment}/views`, { name, view });
  invalidate((key) => key === apiPath`/api/experiments/${experiment}/views`);
  return saved;
}

export async function removeRunView(experiment: string, view: string): Promise<void> {
  await call(apiPath`/api/experiments/${experiment}/views/${view}`, { method: "DELETE" });
  invalidate((key) => key === apiPath`/api/experiments/${experiment}/views`);
}

export function useArtifacts(run: string, path: string | null): Resource<{ root_uri?: string; files?: WireFile[] }> {
  return useResource(path === null ? null : `${wire}/artifacts/list?run_id=${encodeURIComponent(run)}${path === "" ? "" : `&path=${encodeURIComponent(path)}`}`);
}

/** Where the bytes of a run's artifact are; null where this server does not read them. What it lists of a disk is in a folder that it shares. */
export function artifactHref({ run_id: run, artifact_uri: artifactUri }: WireRun["info"], path: string): string | null {
  if (/^(?:file:|\/)/i.test(artifactUri)) return `/ajax-api/2.0/mlflow/get-artifact?${new URLSearchParams({ run_id: run, path }).toString()}`;
  const match = /^mlflow-artifacts:\/+(.*)$/.exec(artifactUri);
  if (match === null) return null;
  const whole = `${match[1]!.replace(/^[^/]*:\d+\//, "")}/${path}`;
  return `/ajax-api/2.0/mlflow-artifacts/artifacts/${whole.split("/").map(encodeURIComponent).join("/")}`;
}

/** A wire number: text where JSON has none for it. */
export function wireNumber(value: number | string | null | undefined): number {
  return typeof value === "string" ? Number(value) : (value ?? NaN);
}

export function tagOf(tags: readonly WireTag[] | undefined, key: string): string | undefined {
  return tags?.find((tag) => tag.key === key)?.value;
}
