import { epochMs } from "../core/clock.ts";
import { AppError } from "../core/errors.ts";
import type { ArtifactStore, Experiment, LoggedModelStore, Metric, TrackingStore } from "../tracking/index.ts";
import { importArtifacts } from "./artifact-importer.ts";
import type { ImportBy } from "./experiment-importer.ts";
import type { ImportSource, SourceExperiment, SourceLoggedModel } from "./import-source.ts";
import type { ImportTally } from "./import-tally.ts";

interface Parts {
  store: TrackingStore;
  models: LoggedModelStore;
  artifacts: ArtifactStore;
  source: ImportSource;
  tally: ImportTally;
  by: ImportBy;
  signal: AbortSignal;
}

/** Brings a model that a run logged, under its own id, with its files and what runs measured on it. Its source run must be here. */
export async function importLoggedModel({ store, models, artifacts, source, tally, by, signal }: Parts, experiment: Experiment, from: SourceExperiment, model: SourceLoggedModel): Promise<void> {
  const object = `logged model ${model.id}`;
  const owner = await models.experimentOfLoggedModel(model.id);
  if (owner !== null && owner !== experiment.id) return tally.note(object, `There is another logged model of this id here, in the experiment ${owner}.`);
  tally.count(owner === null ? "logged models" : "logged models there already");
  const found = await source.artifacts(from, { model });
  const artifactUri = found.kind === "kept" ? found.uri : `${experiment.artifactLocation.replace(/\/+$/, "")}/models/${model.id}/artifacts`;
  if (owner === null) {
    const { id, name, modelType, params, tags } = model;
    const sourceRun = model.sourceRun !== null && (await store.findRun(model.sourceRun)) !== null ? model.sourceRun : null;
    if (sourceRun !== model.sourceRun) tally.note(object, `Its run ${model.sourceRun} is not in the source: the model was imported without it.`);
    await models.createLoggedModel({ id, experiment: experiment.id, name, artifactUri, modelType, sourceRun, params, tags, now: epochMs(model.createdAt) });
  }
  const before = await models.findLoggedModel(model.id);
  // Deleted here since.
  if (before === null) return;
  await importMetrics(store, model, object, tally, by);
  if (found.kind !== "kept" || owner === null) await importArtifacts(artifacts, { object, target: before.artifactUri, source: found }, tally, signal);
  // Last: as long as it is pending, not all of it is here.
  if (before.status !== model.status && before.status === "LOGGED_MODEL_PENDING") await models.finishLoggedModel(model.id, model.status, epochMs(model.updatedAt));
}

async function importMetrics(store: TrackingStore, model: SourceLoggedModel, object: string, tally: ImportTally, { now }: ImportBy): Promise<void> {
  const byRun = Map.groupBy(model.metrics, ({ run }) => run);
  for (const [run, metrics] of byRun) {
    const points = metrics.map(({ run: _, ...metric }): Metric => ({ ...metric, model: model.id }));
    try {
      for (let start = 0; start < points.length; start += 1000) await store.logToRun(run, { metrics: points.slice(start, start + 1000), params: [], tags: [] }, now);
    } catch (error) {
      // The run may have been deleted, here or there, before this model came.
      if (!(error instanceof AppError) || (error.code !== "TRACKING_RUN_NOT_FOUND" && error.code !== "OBJECT_DELETED")) throw error;
      tally.note(object, `Metrics of the run ${run} on it did not come: ${error.message}`);
    }
  }
}
