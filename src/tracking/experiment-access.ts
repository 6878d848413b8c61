import { isWhole, mayOn, type Caller, type Role } from "../core/caller.ts";
import { AppError } from "../core/errors.ts";
import { requireOn } from "../core/request-gate.ts";
import type { LoggedModelStore } from "./logged-model-store.ts";
import type { TrackingStore, VisibleExperiments } from "./tracking-store.ts";

type MaybePromise<Value> = Value | Promise<Value>;

/** Entries of one map that are kept in memory: some 20 MB for the runs. */
const maxKept = 100_000;

export function missingExperiment(id: string): AppError {
  return new AppError("EXPERIMENT_NOT_FOUND", `No Experiment with id=${id.slice(0, 100)} exists`);
}

export function missingRun(id: string): AppError {
  return new AppError("TRACKING_RUN_NOT_FOUND", `Run with id=${id.slice(0, 100)} not found`);
}

export function missingModel(id: string): AppError {
  return new AppError("LOGGED_MODEL_NOT_FOUND", `Logged model with ID '${id.slice(0, 100)}' not found.`);
}

/**
 * Who may do what on experiments and on what belongs to them. A run, a logged model and an experiment never change their
 * owner, so all of it stays in memory: logging a metric reads nothing. What a caller may not see fails as what is not there.
 */
export class ExperimentAccess {
  readonly #store: TrackingStore;
  readonly #models: LoggedModelStore;
  readonly #teams = new Map<string, string>();
  readonly #runs = new Map<string, string>();
  readonly #modelExperiments = new Map<string, string>();

  constructor(store: TrackingStore, models: LoggedModelStore) {
    this.#store = store;
    this.#models = models;
  }

  /** Null where there is no such experiment, deleted or not. */
  teamOf(experiment: string): MaybePromise<string | null> {
    const known = this.#teams.get(experiment);
    if (known !== undefined) return known;
    return /^\d{1,15}$/.test(experiment) ? this.#read(this.#teams, experiment, async () => (await this.#store.findExperiment(experiment))?.team ?? null) : null;
  }

  /** Throws EXPERIMENT_NOT_FOUND, FORBIDDEN. Answers without waiting where the experiment is known. */
  requireExperiment(caller: Caller, role: Role, experiment: string): MaybePromise<void> {
    return this.#require(caller, role, experiment, () => missingExperiment(experiment));
  }

  /** Answers with the run's experiment. Throws TRACKING_RUN_NOT_FOUND, FORBIDDEN. */
  requireRun(caller: Caller, role: Role, run: string): MaybePromise<string> {
    const missing = (): AppError => missingRun(run);
    const known = this.#runs.get(run);
    if (known !== undefined && this.#teams.has(known)) {
      void this.#require(caller, role, known, missing);
      return known;
    }
    return this.#requireOwner(caller, role, this.#read(this.#runs, run, () => this.#store.experimentOfRun(run)), missing);
  }

  /** Answers with the model's experiment. Throws LOGGED_MODEL_NOT_FOUND, FORBIDDEN. */
  requireModel(caller: Caller, role: Role, model: string): Promise<string> {
    const owner = this.#read(this.#modelExperiments, model, () => this.#models.experimentOfLoggedModel(model));
    return this.#requireOwner(caller, role, owner, () => missingModel(model));
  }

  /** Which experiments a list shows to the caller. */
  async visible(caller: Caller): Promise<VisibleExperiments> {
    const whole = caller.grants.filter(isWhole);
    if (whole.some(({ team }) => team === "*")) return "all";
    const named = [...new Set(caller.grants.flatMap((grant) => grant.experiments ?? []))];
    return { teams: [...new Set(whole.map(({ team }) => team))], experiments: await this.seen(caller, named) };
  }

  /** Those of the experiments that are there and that the caller may see. */
  async seen(caller: Caller, experiments: readonly string[]): Promise<string[]> {
    const found: string[] = [];
    for (const name of new Set(experiments)) {
      const team = await this.teamOf(name);
      if (team !== null && mayOn(caller, "viewer", { kind: "experiment", name, team })) found.push(name);
    }
    return found;
  }

  /** What a test server forgets when everything is emptied. */
  forget(): void {
    this.#teams.clear();
    this.#runs.clear();
    this.#modelExperiments.clear();
  }

  async #requireOwner(caller: Caller, role: Role, owner: Promise<string | null>, missing: () => AppError): Promise<string> {
    const experiment = await owner;
    if (experiment === null) throw missing();
    await this.#require(caller, role, experiment, missing);
    return experiment;
  }

  #require(caller: Caller, role: Role, experiment: string, missing: () => AppError): MaybePromise<void> {
    const team = this.teamOf(experiment);
    if (team instanceof Promise) return team.then((known) => this.#judge(caller, role, experiment, known, missing));
    return this.#judge(caller, role, experiment, team, missing);
  }

  #judge(caller: Caller, role: Role, experiment: string, team: string | null, missing: () => AppError): void {
    const object = { kind: "experiment", name: experiment, team } as const;
    // An error takes longer to make than all else of a small write.
    if (team === null || !mayOn(caller, role, object)) requireOn(caller, role, object, missing());
  }

  async #read(kept: Map<string, string>, id: string, find: () => Promise<string | null>): Promise<string | null> {
    const known = kept.get(id);
    if (known !== undefined) return known;
    const found = await find();
    if (found === null) return null;
    if (kept.size >= maxKept) kept.delete(kept.keys().next().value!);
    kept.set(id, found);
    return found;
  }
}
