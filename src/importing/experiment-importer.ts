import { epochMs, type EpochMs } from "../core/clock.ts";
import type { Experiment, Lifecycle, TrackingStore } from "../tracking/index.ts";
import type { SourceExperiment } from "./import-source.ts";
import type { ImportTally } from "./import-tally.ts";

/** Who imports: the actor of what is written, the team of what is new, and when. */
export interface ImportBy {
  actor: string;
  team: string;
  now: EpochMs;
}

/** Finds or makes the experiment of the same name. Null, with a note, where it cannot take what is to come. */
export async function importExperiment(store: TrackingStore, source: SourceExperiment, { actor, team, now }: ImportBy, tally: ImportTally): Promise<Experiment | null> {
  const existing = await store.findExperimentByName(source.name);
  if (existing?.lifecycle === "deleted") {
    tally.count("experiments there already");
    if (source.lifecycle === "active") tally.note(`experiment ${source.name}`, "It is deleted here, and nothing of it was imported: restore it first.");
    return null;
  }
  if (existing === null) {
    tally.count("experiments");
    return store.createExperiment({
      name: source.name, artifactLocation: "mlflow-artifacts:/{id}", tags: source.tags, team, actor, now,
      ...(source.createdAt === null ? {} : { createdAt: source.createdAt }), ...(source.updatedAt === null ? {} : { updatedAt: source.updatedAt }),
    });
  }
  tally.count("experiments there already");
  const known = new Set(existing.tags.map(({ key }) => key));
  for (const tag of source.tags) if (!known.has(tag.key)) await store.setExperimentTag(existing.id, tag, now);
  return existing;
}

/** What is deleted in the source is deleted here after all of it has come: nothing could be logged to it before. */
export async function deleteImported(
  store: TrackingStore, { experiment, lifecycle, deletedRuns, isNew }: { experiment: string; lifecycle: Lifecycle; deletedRuns: readonly string[]; isNew: boolean }, { actor, now }: ImportBy,
): Promise<void> {
  for (const run of deletedRuns) await store.setRunLifecycle(run, "deleted", now);
  // An experiment that was here before is in use, whatever became of its namesake.
  if (lifecycle === "deleted" && isNew) await store.setExperimentLifecycle(experiment, "deleted", { actor, now: epochMs(now) });
}
