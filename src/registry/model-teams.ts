import { isWhole, mayOn, mayOnServer, type Caller, type Role } from "../core/caller.ts";
import { requireOn } from "../core/request-gate.ts";
import type { VisibleModels } from "./registry-search.ts";
import type { RegistryStore } from "./registry-store.ts";

/** Whose the models are, kept in memory: a model stays with its team as long as it is there under its name. */
export class ModelTeams {
  readonly #store: Pick<RegistryStore, "teamOf">;
  readonly #teams = new Map<string, string>();

  constructor(store: Pick<RegistryStore, "teamOf">) {
    this.#store = store;
  }

  remember(model: string, team: string): void {
    this.#teams.set(model, team);
  }

  /** The model was removed or renamed, here or on another server: its name may be another team's next. */
  forget(model: string): void {
    this.#teams.delete(model);
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

  async #read(model: string): Promise<string | null> {
    const team = await this.#store.teamOf(model);
    if (team !== null) this.#teams.set(model, team);
    return team;
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
