import type { Caller } from "../core/caller.ts";
import type { EpochMs } from "../core/clock.ts";
import { AppError } from "../core/errors.ts";
import type { UserStore } from "./access-store.ts";
import type { User } from "./schemas.ts";
import type { KnownKeys } from "./known-keys.ts";
import type { SessionService } from "./session-service.ts";

/** Those who sign in through an identity provider; what they may do comes from there. */
export class UserService {
  readonly #store: UserStore;
  readonly #sessions: SessionService;
  readonly #known: KnownKeys;

  constructor({ store, sessions, known }: { store: UserStore; sessions: SessionService; known: KnownKeys }) {
    this.#store = store;
    this.#sessions = sessions;
    this.#known = known;
  }

  list(): Promise<User[]> {
    return this.#store.list();
  }

  /**
   * Disabling ends the user's sessions, lets no new one begin, and revokes the keys that they made and that these made: at once
   * here, within seconds in other processes. Who is enabled again makes new ones. Throws USER_NOT_FOUND.
   */
  async setDisabled(caller: Pick<Caller, "actor">, id: string, disabled: boolean, now: EpochMs): Promise<{ user: User; revokedKeys: string[] }> {
    const changed = await this.#store.setDisabled(id, disabled, { actor: caller.actor, now });
    if (changed === null) throw new AppError("USER_NOT_FOUND", `There is no user ${JSON.stringify(id.slice(0, 140))}.`);
    for (const key of changed.revokedKeys) this.#known.forget(key);
    this.#sessions.forgetAll();
    return changed;
  }
}
