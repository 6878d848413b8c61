import { maySeeTeam, type Caller } from "../core/caller.ts";
import type { EpochMs } from "../core/clock.ts";
import { AppError } from "../core/errors.ts";
import { inNameOrder } from "../core/name-order.ts";
import type { TeamStore } from "./access-store.ts";
import { defaultTeam, type Team, type TeamRequest } from "./schemas.ts";

export function teamNotFound(name: string): AppError {
  return new AppError("TEAM_NOT_FOUND", `There is no team named ${JSON.stringify(name.slice(0, 140))}.`);
}

export class TeamService {
  readonly #store: TeamStore;

  constructor(store: TeamStore) {
    this.#store = store;
  }

  /** Those that some grant of the caller names. */
  async list(caller: Caller, now: EpochMs): Promise<Team[]> {
    return inNameOrder((await this.#store.list(now)).filter((team) => maySeeTeam(caller, team.name)));
  }

  /** Throws TEAM_EXISTS. */
  async create(caller: Caller, { name, description }: TeamRequest, now: EpochMs): Promise<Team> {
    await this.#store.add({ name, description }, { actor: caller.actor, now });
    return { name, description, createdAt: now, models: 0, keys: 0 };
  }

  /** Throws TEAM_NOT_FOUND, TEAM_NOT_EMPTY. */
  async remove(caller: Caller, name: string, now: EpochMs): Promise<void> {
    if (name === defaultTeam) throw new AppError("TEAM_NOT_EMPTY", `The team ${defaultTeam} is always there: it has everything that names no other.`);
    await this.#store.remove(name, { actor: caller.actor, now });
  }
}
