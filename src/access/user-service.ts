import type { EpochMs } from "../core/clock.ts";
import { AppError } from "../core/errors.ts";
import type { UserStore } from "./access-store.ts";
import type { User } from "./schemas.ts";
import type { SessionService } from "./session-service.ts";

/** Those who sign in through an identity provider; what they may do comes from there. */
export class UserService {
  readonly #store: UserStore;
  readonly #sessions: SessionService;

  constructor(store: UserStore, sessions: SessionService) {
    this.#store = store;
    this.#sessions = sessions;
  }

  list(): Promise<User[]> {
    return this.#store.list();
  }

  /** Disabling ends the user's sessions and lets no new one begin; keys that they made stay. Throws USER_NOT_FOUND. */
  async setDisabled(id: string, disabled: boolean, now: EpochMs): Promise<User> {
    const user = await this.#store.setDisabled(id, disabled, now);
    if (user === null) throw new AppError("USER_NOT_FOUND", `There is no user ${JSON.stringify(id.slice(0, 140))}.`);
    this.#sessions.forgetAll();
    return user;
  }
}
