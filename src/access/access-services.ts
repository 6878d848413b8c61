import type { Clock, EpochMs } from "../core/clock.ts";
import type { IdGenerator } from "../core/ids.ts";
import type { Logger } from "../core/logger.ts";
import { AccessGate, type AccessGateParts } from "./access-gate.ts";
import type { AccessStore } from "./access-store.ts";
import { AttemptLimiter, type AttemptLimits } from "./attempt-limiter.ts";
import type { NamedObjects } from "./grant-notes.ts";
import { KeyService } from "./key-service.ts";
import { KnownKeys } from "./known-keys.ts";
import { SessionService } from "./session-service.ts";
import { TeamService } from "./team-service.ts";
import { UserService } from "./user-service.ts";

export interface AccessParts extends Pick<AccessGateParts, "mode" | "secure" | "teamOf" | "audit"> {
  store: AccessStore;
  routeName?: NamedObjects["routeName"];
  clock: Clock;
  ids: IdGenerator;
  logger: Logger;
  attempts?: Partial<AttemptLimits>;
}

const minuteMs = 60_000;

/** Everything of this module over one store. */
export class AccessServices {
  readonly mode;
  readonly secure;
  readonly gate: AccessGate;
  readonly keys: KeyService;
  readonly teams: TeamService;
  readonly users: UserService;
  readonly sessions: SessionService;
  readonly known: KnownKeys;
  readonly #logger: Logger;
  #sweptAt = -Infinity;

  constructor({ store, mode, secure, teamOf, routeName, audit, clock, ids, logger, attempts }: AccessParts) {
    this.mode = mode;
    this.secure = secure;
    this.#logger = logger;
    this.known = new KnownKeys(store.keys, clock);
    this.sessions = new SessionService({ store, known: this.known, clock });
    this.gate = new AccessGate({ mode, secure, known: this.known, sessions: this.sessions, attempts: new AttemptLimiter(attempts), teamOf, audit, clock, logger });
    this.keys = new KeyService({ store, known: this.known, sessions: this.sessions, ids, objects: { teamOf, routeName } });
    this.teams = new TeamService(store.teams);
    this.users = new UserService({ store: store.users, sessions: this.sessions, known: this.known });
  }

  /** Called by the scheduler, each second or so: notes when keys were used, drops sessions that are over. */
  async tick(now: EpochMs): Promise<void> {
    try {
      await this.known.flush();
      if (now - this.#sweptAt < minuteMs) return;
      this.#sweptAt = now;
      await this.sessions.removeExpired(now);
    } catch (cause) {
      this.#logger.warn("access.not_written", { cause });
    }
  }
}
