import type { EpochMs } from "../core/clock.ts";
import type { DatasetInput, Experiment, Lifecycle, ListedExperiment, Metric, ModelOutput, Page, Run, RunStatus, SearchCondition, SearchOrder, Tag, View } from "./schemas.ts";

export interface Search {
  conditions: readonly SearchCondition[];
  order: readonly SearchOrder[];
  view: View;
  limit: number;
  /** `next` of the page before. Throws INVALID_PARAMETER for one that no search of this kind gave. */
  after: string | null;
}

/** Which experiments a caller may see: those of whole teams, and some by id. `"all"` for whoever sees everything. */
export type VisibleExperiments = "all" | { teams: readonly string[]; experiments: readonly string[] };

export interface RunChanges {
  metrics: readonly Metric[];
  params: readonly Tag[];
  tags: readonly Tag[];
}

/** Keys of entries that a reader of runs wants, of each kind. */
export interface RunEntries {
  metrics: readonly string[];
  params: readonly string[];
  tags: readonly string[];
}

/** A point of a metric's history with its run, as charts of several runs need it. */
export interface RunMetric extends Metric {
  run: string;
}

/**
 * Experiments and their runs. Every method is one durable change: when it has answered, the change survives power loss;
 * when it failed, nothing of it is there. Small writes of many callers share a commit. Adapters prove themselves with
 * `tracking-store.conformance.ts`.
 *
 * Methods that take an experiment throw EXPERIMENT_NOT_FOUND where there is none; those that take a run throw
 * TRACKING_RUN_NOT_FOUND. Writes to what is deleted throw OBJECT_DELETED and change nothing.
 */
export interface TrackingStore {
  /** `artifactLocation` may hold `{id}` for the id that the store gives. Writes the event experiment.created. Throws EXPERIMENT_EXISTS (a deleted one's name is taken too), TEAM_NOT_FOUND. */
  createExperiment(request: {
    name: string; artifactLocation: string; tags: readonly Tag[]; team: string; actor: string; now: EpochMs;
    /** Of one that was made elsewhere before; `now` where they are not given. */
    createdAt?: number; updatedAt?: number;
  }): Promise<Experiment>;
  /** Deleted ones too. */
  findExperiment(id: string): Promise<Experiment | null>;
  findExperimentByName(name: string): Promise<Experiment | null>;
  /** Attributes: `name`, `createdAt`, `updatedAt`; also by tag. Without an order the newest change first. */
  searchExperiments(search: Search & { visible: VisibleExperiments }): Promise<Page<Experiment>>;
  /** Each with what is known of its runs, those of its own lifecycle: newest experiment first. `after` is the id of the last of the page before. */
  listExperiments(request: { visible: VisibleExperiments; view: View; after: string | null; limit: number }): Promise<Page<ListedExperiment>>;
  /** Throws EXPERIMENT_EXISTS. */
  renameExperiment(id: string, name: string, now: EpochMs): Promise<void>;
  /** Its runs go along, and come back with it. The experiment "0" stays: INVALID_PARAMETER. Answers when it is that already. */
  setExperimentLifecycle(id: string, lifecycle: Lifecycle, by: { actor: string; now: EpochMs }): Promise<void>;
  setExperimentTag(id: string, tag: Tag, now: EpochMs): Promise<void>;
  /** Throws TAG_NOT_FOUND. */
  deleteExperimentTag(id: string, key: string, now: EpochMs): Promise<void>;

  /** Names the run by the tag mlflow.runName too. Throws INVALID_PARAMETER where there is a run of this id. */
  createRun(request: {
    id: string; experiment: string; name: string; user: string; startTime: number; artifactUri: string; tags: readonly Tag[]; actor: string; now: EpochMs;
  }): Promise<Run>;
  /** Adds a run that was made elsewhere, as it is there, with its params and tags; writes no event. Throws INVALID_PARAMETER where there is a run of this id. */
  importRun(request: {
    id: string; experiment: string; name: string; user: string; status: RunStatus; startTime: number; endTime: number | null; artifactUri: string;
    params: readonly Tag[]; tags: readonly Tag[]; actor: string; now: EpochMs;
  }): Promise<void>;
  findRun(id: string): Promise<Run | null>;
  /** In the order of `ids`, without those that are not there. */
  findRuns(ids: readonly string[]): Promise<Run[]>;
  /** The experiment of a run, deleted or not; null where there is no run. It never changes. */
  experimentOfRun(id: string): Promise<string | null>;
  /** Only what is given changes; a new name is written to the tag mlflow.runName too. Writes the event run.finished when the status becomes FINISHED, FAILED or KILLED. */
  updateRun(id: string, changes: { status?: RunStatus; endTime?: number; name?: string }, by: { actor: string; now: EpochMs }): Promise<Run>;
  /** Throws OBJECT_DELETED for a run that would come back to a deleted experiment. */
  setRunLifecycle(id: string, lifecycle: Lifecycle, now: EpochMs): Promise<void>;
  /**
   * All or nothing. Metrics are added (an exact duplicate is one), tags set, params added; a tag mlflow.runName renames the run. Throws PARAM_CHANGED when a
   * param is there with another value, or twice in the request with two.
   */
  logToRun(id: string, changes: RunChanges, now: EpochMs): Promise<void>;
  /** Adds an element to the JSON list that the tag holds; a tag that is not there, or holds no list, becomes one of this element. Appends at once from anywhere all stay. */
  appendToRunTag(id: string, key: string, element: string): Promise<void>;
  /** Throws TAG_NOT_FOUND. */
  deleteRunTag(id: string, key: string): Promise<void>;
  /** What is there already with the same digest stays one; tags of an input are replaced. */
  logInputs(id: string, inputs: { datasets: readonly DatasetInput[]; models: readonly string[] }): Promise<void>;
  logOutputs(id: string, models: readonly ModelOutput[]): Promise<void>;
  /**
   * Attributes: `id`, `name`, `user`, `status`, `artifactUri`, `startTime`, `endTime`; metrics, params, tags, datasets. Ties, and searches without an order:
   * latest start first, then by id. Experiments that are not there have no runs; those of a deleted one are deleted along. NaN
   * is unlike every number, and neither more nor less than any. With `only`, runs come with these entries alone, and without datasets and models.
   */
  searchRuns(search: Search & { experiments: readonly string[]; only?: RunEntries }): Promise<Page<Run>>;
  /** Keys of metrics, params and tags that runs of the experiments have, each sorted, at most 5,000 of each. */
  listRunKeys(experiments: readonly string[]): Promise<{ metrics: string[]; params: string[]; tags: string[] }>;

  /** By timestamp, step, value. */
  metricHistory(run: string, key: string, page: { limit: number; after: string | null }): Promise<Page<Metric>>;
  /** How many points, and the least and greatest step; null where there is none. */
  metricExtent(run: string, key: string): Promise<{ points: number; firstStep: number; lastStep: number } | null>;
  /**
   * At most about `buckets` times four points of each run between the steps (inclusive): for each even part of the range of steps its first and last point and the ones of
   * its least and greatest value, NaN left out of the latter; all points where there are no more. By run, step, timestamp.
   */
  sampleMetric(request: { runs: readonly string[]; key: string; fromStep: number; toStep: number; buckets: number }): Promise<RunMetric[]>;
  /** Distinct steps of the runs together, ascending. */
  metricSteps(runs: readonly string[], key: string): Promise<number[]>;
  /** All points at these steps, by run, step, timestamp. */
  metricsAtSteps(run: string, key: string, steps: readonly number[]): Promise<Metric[]>;

  /** Datasets that runs of the experiments name, with the context of their inputs; at most 1,000. */
  searchDatasets(experiments: readonly string[]): Promise<{ experiment: string; name: string; digest: string; context: string | null }[]>;
}
