import type { ArtifactStore, Experiment, Run, Tag, TrackingStore } from "../tracking/index.ts";
import { importArtifacts } from "./artifact-importer.ts";
import type { ImportBy } from "./experiment-importer.ts";
import type { ImportSource, SourceArtifacts, SourceExperiment, SourceRun } from "./import-source.ts";
import type { ImportTally } from "./import-tally.ts";

const nameTag = "mlflow.runName";
const ends: ReadonlySet<string> = new Set(["FINISHED", "FAILED", "KILLED"]);

interface Parts {
  store: TrackingStore;
  artifacts: ArtifactStore;
  source: ImportSource;
  tally: ImportTally;
  by: ImportBy;
  signal: AbortSignal;
}

/**
 * Brings a run with all that it logged, under its own id. One that is here already is completed: what it lacks is added, what
 * somebody changed here stays. Answers whether it is to be deleted in the end, as it is in the source.
 */
export async function importRun({ store, artifacts, source, tally, by, signal }: Parts, experiment: Experiment, from: SourceExperiment, run: SourceRun): Promise<boolean> {
  const object = `run ${run.id}`;
  const before = await store.findRun(run.id);
  if (before !== null && before.experiment !== experiment.id) {
    tally.note(object, `There is another run of this id here, in the experiment ${before.experiment}.`);
    return false;
  }
  tally.count(before === null ? "runs" : "runs there already");
  if (before?.lifecycle === "deleted") return false;
  for (const note of run.notes) tally.note(object, note);
  const found = await source.artifacts(from, { run });
  if (before === null) await addRun(store, experiment, run, found, by);
  else await completeRun(store, before, run, by);
  await store.logInputs(run.id, { datasets: missingDatasets(before, run), models: run.modelInputs });
  if (run.modelOutputs.length > 0) await store.logOutputs(run.id, run.modelOutputs);
  for await (const points of source.metrics(from, run)) {
    signal.throwIfAborted();
    // A model's metrics come with the model: it is not here yet.
    await store.logToRun(run.id, { metrics: points.map(({ model: _, ...point }) => point), params: [], tags: [] }, by.now);
    tally.count("metric points read", points.length);
  }
  const target = before?.artifactUri ?? artifactUriOf(experiment, run, found);
  // A place of others that both sides know is nothing to copy.
  if (found.kind !== "kept" || before === null) await importArtifacts(artifacts, { object, target, source: found }, tally, signal);
  return run.lifecycle === "deleted";
}

async function addRun(store: TrackingStore, experiment: Experiment, run: SourceRun, found: SourceArtifacts, { actor, now }: ImportBy): Promise<void> {
  const { id, name, user, status, startTime, endTime, params, tags } = run;
  await store.importRun({ id, experiment: experiment.id, name, user, status, startTime, endTime, artifactUri: artifactUriOf(experiment, run, found), params, tags, actor, now });
}

async function completeRun(store: TrackingStore, before: Run, run: SourceRun, { actor, now }: ImportBy): Promise<void> {
  const params = lacking(before.params, run.params);
  const tags = lacking(before.tags, run.tags).filter(({ key }) => key !== nameTag);
  if (params.length + tags.length > 0) await store.logToRun(run.id, { metrics: [], params, tags }, now);
  // It went on in the source after it was brought here.
  if (!ends.has(before.status) && ends.has(run.status)) {
    await store.updateRun(run.id, { status: run.status, ...(run.endTime === null ? {} : { endTime: run.endTime }) }, { actor, now });
  }
}

/** What clients could reach by themselves before stays where it is. */
function artifactUriOf({ artifactLocation }: Experiment, { id }: SourceRun, found: SourceArtifacts): string {
  return found.kind === "kept" ? found.uri : `${artifactLocation.replace(/\/+$/, "")}/${id}/artifacts`;
}

function lacking(present: readonly Tag[], wanted: readonly Tag[]): Tag[] {
  const known = new Set(present.map(({ key }) => key));
  return wanted.filter(({ key }) => !known.has(key));
}

function missingDatasets(before: Run | null, run: SourceRun): SourceRun["datasets"] {
  const known = new Set((before?.datasets ?? []).map(({ dataset }) => JSON.stringify([dataset.name, dataset.digest])));
  return run.datasets.filter(({ dataset }) => !known.has(JSON.stringify([dataset.name, dataset.digest])));
}
