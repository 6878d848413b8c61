import type { Readable } from "node:stream";
import type { DatasetInput, Lifecycle, LoggedModelStatus, Metric, ModelOutput, RunStatus, Tag } from "../tracking/index.ts";

export interface SourceExperiment {
  /** As the source names it. */
  id: string;
  name: string;
  lifecycle: Lifecycle;
  /** Null where the source does not say it. Milliseconds. */
  createdAt: number | null;
  updatedAt: number | null;
  tags: readonly Tag[];
}

export interface SourceRun {
  id: string;
  name: string;
  user: string;
  status: RunStatus;
  startTime: number;
  endTime: number | null;
  lifecycle: Lifecycle;
  /** Where its artifacts are, as the source says it; empty for files that only `artifacts` knows. */
  artifactUri: string;
  params: readonly Tag[];
  tags: readonly Tag[];
  datasets: readonly DatasetInput[];
  modelInputs: readonly string[];
  modelOutputs: readonly ModelOutput[];
  /** What of it cannot come, in sentences for people. */
  notes: readonly string[];
}

export interface SourceLoggedModel {
  id: string;
  name: string;
  status: LoggedModelStatus;
  createdAt: number;
  updatedAt: number;
  modelType: string;
  sourceRun: string | null;
  artifactUri: string;
  params: readonly Tag[];
  tags: readonly Tag[];
  /** With the run that logged each. */
  metrics: readonly (Metric & { run: string })[];
}

export interface SourceVersion {
  version: number;
  createdAt: number;
  description: string;
  stage: string;
  /** As its registrar gave it. */
  source: string;
  runId: string | null;
  runLink: string;
  /** The logged model, where the source is one. */
  loggedModel: string | null;
  tags: readonly Tag[];
}

export interface SourceModel {
  name: string;
  createdAt: number;
  description: string;
  tags: readonly Tag[];
  aliases: Readonly<Record<string, string>>;
  /** From the least number to the greatest. */
  versions: readonly SourceVersion[];
}

export interface SourceFile {
  /** Relative to the place of the artifacts, `/` between. */
  path: string;
  /** Null where the source does not say it before it is read. */
  bytes: number | null;
  open(): Promise<Readable>;
}

/** The artifacts of a run or a logged model: its files, or why they stay where they are. */
export type SourceArtifacts = { kind: "files"; files: AsyncIterable<SourceFile> } | { kind: "kept"; uri: string } | { kind: "missing"; why: string };

export interface SourcePage<Item> {
  items: Item[];
  /** What to give as `after` for the next page; null at the end. */
  next: string | null;
}

/**
 * Somebody else's experiments, read and never written. Pages come in an order that does not change while nothing is written to the
 * source, so that a page can be read again. Every method throws IMPORT_SOURCE_INVALID where the source is not what it was taken for.
 */
export interface ImportSource {
  /** All of them, deleted ones too. */
  experiments(): Promise<SourceExperiment[]>;
  /** Runs of the experiment, deleted ones too. */
  runs(experiment: SourceExperiment, after: string | null, limit: number): Promise<SourcePage<SourceRun>>;
  /** Every point of every metric of the run, at most 1,000 at once. */
  metrics(experiment: SourceExperiment, run: SourceRun): AsyncIterable<Metric[]>;
  artifacts(experiment: SourceExperiment, of: { run: SourceRun } | { model: SourceLoggedModel }): Promise<SourceArtifacts>;
  loggedModels(experiment: SourceExperiment, after: string | null, limit: number): Promise<SourcePage<SourceLoggedModel>>;
  modelNames(): Promise<string[]>;
  model(name: string): Promise<SourceModel>;
  /** Kinds of things that the source has and that have no place here, in sentences for people. */
  cannotCome(): Promise<string[]>;
  close(): Promise<void>;
}
