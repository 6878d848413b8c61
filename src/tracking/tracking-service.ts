import { mayInTeam, type Caller } from "../core/caller.ts";
import type { EpochMs } from "../core/clock.ts";
import { AppError } from "../core/errors.ts";
import { ArtifactLocations } from "./artifact-locations.ts";
import {
  assertArtifactLocation, assertDatasets, assertExperimentName, assertExperimentTag, checkedChanges, checkedRunTags,
} from "./entity-rules.ts";
import { evenPlaces } from "./even-places.ts";
import { missingExperiment, missingRun, type ExperimentAccess } from "./experiment-access.ts";
import { runName } from "./run-name.ts";
import type { DatasetInput, Experiment, Lifecycle, Metric, ModelOutput, Page, Run, RunStatus, Tag } from "./schemas.ts";
import type { RunChanges, RunMetric, Search, TrackingStore } from "./tracking-store.ts";

export interface TrackingServiceParts {
  store: TrackingStore;
  access: ExperimentAccess;
  /** Without them artifacts are kept by this server where an experiment names no place. */
  locations?: ArtifactLocations;
  /** In [0, 1), for names of runs. */
  random: () => number;
  /** 32 hexadecimal digits, new each time. */
  runId: () => string;
}

/** Whose an experiment becomes, where its maker does not leave that to their key. */
const teamTag = "slipway.team";
const nameTag = "mlflow.runName";
const defaultTeam = "default";
/** Up to so many points of a history are sorted in memory. */
const maxSortedPoints = 50_000;

/** Experiments and runs: the rules of what may be logged, and who may see and change what. Errors of the store come through. */
export class TrackingService {
  readonly access: ExperimentAccess;
  readonly #store: TrackingStore;
  readonly #parts: TrackingServiceParts;

  constructor(parts: TrackingServiceParts) {
    this.#parts = parts;
    this.#store = parts.store;
    this.access = parts.access;
  }

  /** Without a location the artifacts are kept at the server's default root. Throws INVALID_PARAMETER, EXPERIMENT_EXISTS, FORBIDDEN. */
  async createExperiment(caller: Caller, request: { name: string; artifactLocation?: string | undefined; tags: readonly Tag[] }, now: EpochMs): Promise<Experiment> {
    const { name, artifactLocation, tags } = request;
    assertExperimentName(name);
    tags.forEach(assertExperimentTag);
    if (artifactLocation !== undefined && artifactLocation !== "") assertArtifactLocation(artifactLocation);
    const team = teamFor(caller, tags.find(({ key }) => key === teamTag)?.value);
    const locations = this.#parts.locations ?? new ArtifactLocations();
    return this.#store.createExperiment({ name, artifactLocation: locations.ofExperiment(artifactLocation), tags, team, actor: caller.actor, now });
  }

  /** Deleted ones too. Throws EXPERIMENT_NOT_FOUND. */
  async experiment(caller: Caller, id: string): Promise<Experiment> {
    await this.access.requireExperiment(caller, "viewer", id);
    return (await this.#store.findExperiment(id)) ?? fail(missingExperiment(id));
  }

  async experimentByName(caller: Caller, name: string): Promise<Experiment> {
    const missing = new AppError("EXPERIMENT_NOT_FOUND", `Could not find experiment with name '${name.slice(0, 500)}'`);
    const found = await this.#store.findExperimentByName(name);
    if (found === null || (await this.access.seen(caller, [found.id])).length === 0) throw missing;
    return found;
  }

  async searchExperiments(caller: Caller, search: Search): Promise<Page<Experiment>> {
    return this.#store.searchExperiments({ ...search, visible: await this.access.visible(caller) });
  }

  async renameExperiment(caller: Caller, id: string, name: string, now: EpochMs): Promise<void> {
    assertExperimentName(name);
    await this.access.requireExperiment(caller, "contributor", id);
    await this.#store.renameExperiment(id, name, now);
  }

  /** Deleting hides an experiment with its runs until it is restored. For admins of its team. */
  async setExperimentLifecycle(caller: Caller, id: string, lifecycle: Lifecycle, now: EpochMs): Promise<void> {
    await this.access.requireExperiment(caller, "admin", id);
    await this.#store.setExperimentLifecycle(id, lifecycle, { actor: caller.actor, now });
  }

  async setExperimentTag(caller: Caller, id: string, tag: Tag, now: EpochMs): Promise<void> {
    assertExperimentTag(tag);
    await this.access.requireExperiment(caller, "contributor", id);
    await this.#store.setExperimentTag(id, tag, now);
  }

  async deleteExperimentTag(caller: Caller, id: string, key: string, now: EpochMs): Promise<void> {
    await this.access.requireExperiment(caller, "contributor", id);
    await named(this.#store.deleteExperimentTag(id, key, now), `No tag with name: ${key.slice(0, 300)} in experiment with id ${id}`);
  }

  /** A blank name becomes a generated one; the tag mlflow.runName says the same. */
  async createRun(
    caller: Caller, request: { experiment: string; name?: string | undefined; user?: string | undefined; startTime?: number | undefined; tags: readonly Tag[] }, now: EpochMs,
  ): Promise<Run> {
    const { experiment, startTime } = request;
    const tags = checkedRunTags(request.tags);
    await this.access.requireExperiment(caller, "contributor", experiment);
    const tagged = tags.find(({ key }) => key === nameTag)?.value ?? "";
    const wanted = request.name ?? "";
    if (wanted !== "" && tagged !== "" && wanted !== tagged) {
      throw new AppError("INVALID_PARAMETER", `Both 'run_name' argument and '${nameTag}' tag are specified, but with different values (run_name='${wanted.slice(0, 300)}', ${nameTag}='${tagged.slice(0, 300)}').`);
    }
    const name = [wanted, tagged].find((each) => each.trim() !== "") ?? runName(this.#parts.random);
    const { artifactLocation } = (await this.#store.findExperiment(experiment)) ?? fail(missingExperiment(experiment));
    const id = this.#parts.runId();
    return this.#store.createRun({
      id, experiment, name, user: request.user ?? "", startTime: startTime ?? now, artifactUri: `${artifactLocation.replace(/\/+$/, "")}/${id}/artifacts`,
      tags: [...new Map([...tags, { key: nameTag, value: name }].map((tag) => [tag.key, tag])).values()], actor: caller.actor, now,
    });
  }

  /** Deleted ones too. Throws TRACKING_RUN_NOT_FOUND. */
  async run(caller: Caller, id: string): Promise<Run> {
    await this.access.requireRun(caller, "viewer", id);
    return (await this.#store.findRun(id)) ?? fail(missingRun(id));
  }

  async updateRun(caller: Caller, id: string, changes: { status?: RunStatus | undefined; endTime?: number | undefined; name?: string | undefined }, now: EpochMs): Promise<Run> {
    await this.access.requireRun(caller, "contributor", id);
    const { status, endTime, name } = changes;
    const given = { ...(status === undefined ? {} : { status }), ...(endTime === undefined ? {} : { endTime }), ...(name === undefined || name === "" ? {} : { name }) };
    return active(id, this.#store.updateRun(id, given, { actor: caller.actor, now }));
  }

  async setRunLifecycle(caller: Caller, id: string, lifecycle: Lifecycle, now: EpochMs): Promise<void> {
    await this.access.requireRun(caller, "contributor", id);
    await this.#store.setRunLifecycle(id, lifecycle, now);
  }

  /** All or nothing. `single` says that the request named one thing alone, for its messages. */
  async log(caller: Caller, run: string, changes: RunChanges, now: EpochMs, single = false): Promise<void> {
    const checked = checkedChanges(changes, single);
    const judged = this.access.requireRun(caller, "contributor", run);
    if (judged instanceof Promise) await judged;
    await active(run, this.#store.logToRun(run, checked, now));
  }

  async deleteRunTag(caller: Caller, run: string, key: string): Promise<void> {
    await this.access.requireRun(caller, "contributor", run);
    await named(active(run, this.#store.deleteRunTag(run, key)), `No tag with name: ${key.slice(0, 300)} in run with id ${run}`);
  }

  async logInputs(caller: Caller, run: string, inputs: { datasets: readonly DatasetInput[]; models: readonly string[] }): Promise<void> {
    assertDatasets(inputs.datasets);
    await this.access.requireRun(caller, "contributor", run);
    await active(run, this.#store.logInputs(run, inputs));
  }

  async logOutputs(caller: Caller, run: string, models: readonly ModelOutput[]): Promise<void> {
    await this.access.requireRun(caller, "contributor", run);
    await active(run, this.#store.logOutputs(run, models));
  }

  /** Experiments that are not there, or that the caller may not see, have no runs. */
  async searchRuns(caller: Caller, search: Search & { experiments: readonly string[] }): Promise<Page<Run>> {
    return this.#store.searchRuns({ ...search, experiments: await this.access.seen(caller, search.experiments) });
  }

  async searchDatasets(caller: Caller, experiments: readonly string[]): Promise<{ experiment: string; name: string; digest: string; context: string | null }[]> {
    return this.#store.searchDatasets(await this.access.seen(caller, experiments));
  }

  /** By timestamp, step, value. */
  async metricHistory(caller: Caller, run: string, key: string, page: { limit: number; after: string | null }): Promise<Page<Metric>> {
    await this.access.requireRun(caller, "viewer", run);
    return this.#store.metricHistory(run, key, page);
  }

  /** Points of some runs, at most `limit` together, by run and then as `metricHistory`. */
  async metricHistories(caller: Caller, runs: readonly string[], key: string, limit: number): Promise<RunMetric[]> {
    const found: RunMetric[] = [];
    for (const run of [...new Set(runs)].sort()) {
      if (found.length >= limit) break;
      const { items } = await this.metricHistory(caller, run, key, { limit: limit - found.length, after: null });
      for (const metric of items) found.push({ ...metric, run });
    }
    return found;
  }

  /** At most `limit` points of each run within the range of steps, evenly by their place, with the first and the last; by run, step, timestamp. */
  async sampledHistories(caller: Caller, request: { runs: readonly string[]; key: string; range: { from: number; to: number } | null; limit: number }): Promise<RunMetric[]> {
    for (const run of request.runs) await this.access.requireRun(caller, "viewer", run);
    const found: RunMetric[] = [];
    for (const run of request.runs) for (const metric of await this.#sampledHistory(run, request)) found.push({ ...metric, run });
    return found;
  }

  async #sampledHistory(run: string, { key, range, limit }: { key: string; range: { from: number; to: number } | null; limit: number }): Promise<Metric[]> {
    const extent = await this.#store.metricExtent(run, key);
    if (extent === null) return [];
    const { from, to } = range ?? { from: extent.firstStep, to: extent.lastStep };
    const steps = await this.#store.metricSteps([run], key);
    if (steps.length === extent.points) {
      const inside = steps.filter((step) => step >= from && step <= to);
      return this.#store.metricsAtSteps(run, key, evenPlaces(inside.length, limit).map((place) => inside[place]!));
    }
    // Several points at one step, as clients leave them that name no steps.
    if (extent.points > maxSortedPoints) return this.#store.sampleMetric({ runs: [run], key, fromStep: from, toStep: to, buckets: Math.ceil(limit / 4) });
    const { items } = await this.#store.metricHistory(run, key, { limit: maxSortedPoints, after: null });
    const points = items.filter(({ step }) => step >= from && step <= to).sort((left, right) => left.step - right.step || left.timestamp - right.timestamp || left.value - right.value);
    return evenPlaces(points.length, limit).map((place) => points[place]!);
  }

  /** For `log-model` of old clients: the text of a model is added to the list in the tag mlflow.log-model.history. */
  async recordModel(caller: Caller, run: string, model: unknown): Promise<void> {
    await this.access.requireRun(caller, "contributor", run);
    await this.#store.appendToRunTag(run, modelHistoryTag, JSON.stringify(model));
  }
}

const modelHistoryTag = "mlflow.log-model.history";

/** The team that is named, else the default one, else the only one in which the caller may log. Throws FORBIDDEN. */
function teamFor(caller: Caller, named: string | undefined): string {
  const own = [...new Set(caller.grants.filter(({ team }) => team !== "*" && mayInTeam(caller, "contributor", team)).map(({ team }) => team))];
  const team = named ?? (mayInTeam(caller, "contributor", defaultTeam) || own.length !== 1 ? defaultTeam : own[0]!);
  if (!mayInTeam(caller, "contributor", team)) throw new AppError("FORBIDDEN", `This needs the role contributor in the team ${team}; the tag ${teamTag} names another.`);
  return team;
}

/** A missing tag in the words that clients look for. */
export async function named<Result>(change: Promise<Result>, missing: string): Promise<Result> {
  try {
    return await change;
  } catch (cause) {
    throw cause instanceof AppError && cause.code === "TAG_NOT_FOUND" ? new AppError("TAG_NOT_FOUND", missing, { cause }) : cause;
  }
}

/** The same for a write to a deleted run. */
async function active<Result>(run: string, change: Promise<Result>): Promise<Result> {
  try {
    return await change;
  } catch (cause) {
    throw cause instanceof AppError && cause.code === "OBJECT_DELETED" ? new AppError("OBJECT_DELETED", `The run ${run} must be in the 'active' state. Current state is deleted.`, { cause }) : cause;
  }
}

function fail(error: AppError): never {
  throw error;
}
