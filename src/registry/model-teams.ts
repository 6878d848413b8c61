import { isWhole, mayOn, mayOnServer, type Caller, type Role } from "../core/caller.ts";
import { requireOn } from "../core/request-gate.ts";
import type { VisibleModels } from "./registry-search.ts";
import type { RegistryStore } from "./registry-store.ts";

/** Whose the models are, kept in memory: a model stays with its team as long as it is there under its name. */
export class ModelTeams {
  readonly #store: Pick<RegistryStore, "teamOf">;
  readonly #teams = new Map<string, string>();
  /** Readings under way, with the models that were forgotten meanwhile: what was read of these is not kept. */
  readonly #readings = new Set<Set<string>>();

  constructor(store: Pick<RegistryStore, "teamOf">) {
    this.#store = store;
  }

  /** What this server wrote. */
  remember(model: string, team: string): void {
    this.#teams.set(model, team);
  }

  /** Reads, and keeps whose the models are: but for those that were forgotten meanwhile, which may have been read before they were removed. */
  async keep<Read>(read: () => Promise<Read>, modelsOf: (read: Read) => readonly { name: string; team: string }[]): Promise<Read> {
    const forgotten = new Set<string>();
    this.#readings.add(forgotten);
    try {
      const found = await read();
      if (this.#readings.has(forgotten)) for (const { name, team } of modelsOf(found)) if (!forgotten.has(name)) this.#teams.set(name, team);
      return found;
    } finally {
      this.#readings.delete(forgotten);
    }
  }

  /** The model was removed or renamed, here or on another server: its name may be another team's next. */
  forget(model: string): void {
    this.#teams.delete(model);
    for (const forgotten of this.#readings) forgotten.add(model);
  }

  /** What was read before events were followed, and is being read: nobody tells of what was removed meanwhile. */
  forgetAll(): void {
    this.#teams.clear();
    this.#readings.clear();
  }

  /** Null when there is no such model. From memory for every model that was asked for before. */
  of(model: string): string | null | Promise<string | null> {
    return this.#teams.get(model) ?? this.#read(model);
  }

  /** Whether the caller may see the model, of those that this process has read. */
  sees(caller: Caller, model: string): boolean {
    return mayOnServer(caller, "viewer") || mayOn(caller, "viewer", { kind: "model", name: model, team: this.#teams.get(model) ?? null });
  }

  /** Throws MODEL_NOT_FOUND, also for a model that the caller may not see; FORBIDDEN. */
  async require(caller: Caller, role: Role, model: string): Promise<string> {
    const team = await this.of(model);
    requireOn(caller, role, { kind: "model", name: model, team });
    return team!;
  }

  #read(model: string): Promise<string | null> {
    return this.keep(() => this.#store.teamOf(model), (team) => (team === null ? [] : [{ name: model, team }]));
  }
}

/** What of the registry the caller may see, for searches. */
export function visibleModels(caller: Caller): VisibleModels {
  if (mayOnServer(caller, "viewer")) return "all";
  const whole = caller.grants.filter(isWhole);
  return {
    teams: whole.map(({ team }) => team),
    models: caller.grants.flatMap(({ team, models }) => (models ?? []).map((name) => ({ team, name }))),
  };
}
