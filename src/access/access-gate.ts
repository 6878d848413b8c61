import { anonymousCaller, localCaller, maySomewhere, mayOnServer, type Caller, type ObjectKind } from "../core/caller.ts";
import type { Clock, EpochMs } from "../core/clock.ts";
import { AppError } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import { isAnonymous, requireOn, type AuditedRequest, type Credentials, type RequestGate } from "../core/request-gate.ts";
import type { Access, AccessTarget } from "../core/route.ts";
import { RecentMap } from "../core/recent-map.ts";
import type { AttemptLimiter } from "./attempt-limiter.ts";
import type { KnownKeys } from "./known-keys.ts";
import { isForeignKey, keyInAuthorization, sessionInCookie } from "./read-credentials.ts";
import type { AccessMode } from "./schemas.ts";
import { secretHash } from "./secret-text.ts";
import type { SessionService } from "./session-service.ts";

/** Which team an object belongs to; null when there is none. From memory where it can be: it is asked for every request. */
export type TeamOfObject = (kind: ObjectKind, name: string) => string | null | Promise<string | null>;

export interface AccessGateParts {
  mode: AccessMode;
  /** Browsers reach this server over TLS. */
  secure: boolean;
  known: KnownKeys;
  sessions: SessionService;
  attempts: AttemptLimiter;
  teamOf: TeamOfObject;
  /** Settles when the entry is durable. */
  audit: (request: AuditedRequest) => Promise<void>;
  clock: Clock;
  logger: Logger;
}

/** What people without a name did to nothing, such as being denied, that is written down at once, and per second after that: strangers must not fill the disk. */
const strangersBurst = 100;
const strangersPerSecond = 5;

/** Keys that were found, whose hashes are kept: to hash one takes longer than to find who it is. */
const mostHashes = 2000;

/** Who calls, whether they may, and where it is written down. */
export class AccessGate implements RequestGate {
  readonly #parts: AccessGateParts;
  /** Who comes without credentials. */
  readonly nobody: Caller;
  readonly #hashes = new RecentMap<string, string>(mostHashes);
  #strangers = { left: strangersBurst, at: -Infinity, unwritten: 0 };

  constructor(parts: AccessGateParts) {
    this.#parts = parts;
    this.nobody = parts.mode === "open" ? localCaller : anonymousCaller;
  }

  identify({ authorization, cookie, address }: Credentials, now: EpochMs): Caller | Promise<Caller> {
    if (authorization !== undefined) {
      // Clients of language models must be given some key: an open server takes any that is none of its own.
      if (this.#parts.mode === "open" && isForeignKey(authorization)) return this.nobody;
      return this.identifyKey(keyInAuthorization(authorization), address, now);
    }
    const session = cookie === undefined ? undefined : sessionInCookie(cookie, this.#parts.secure);
    if (session === undefined) return this.nobody;
    const caller = this.#parts.sessions.identify(session, now);
    return caller instanceof Promise ? caller.then((found) => found ?? this.nobody) : (caller ?? this.nobody);
  }

  /** Throws UNAUTHENTICATED; TOO_MANY_ATTEMPTS where the address has shown too many keys that do not exist. */
  identifyKey(key: string, address: string, now: EpochMs): Caller | Promise<Caller> {
    const { known, attempts, clock } = this.#parts;
    const kept = this.#hashes.get(key);
    const hash = kept ?? secretHash(key);
    // A key that is known is no guess, whatever others at its address do.
    if (!known.has(hash)) attempts.check(address, clock.monotonic());
    else if (kept === undefined) this.#hashes.set(key, hash);
    const caller = known.byHash(hash, now);
    return caller instanceof Promise ? caller.then((found) => found ?? this.#refuse(address)) : (caller ?? this.#refuse(address));
  }

  authorize(caller: Caller, access: Access, on: AccessTarget, params: Readonly<Record<string, string | undefined>>): void | Promise<void> {
    if (access === "public") return;
    if (isAnonymous(caller)) throw new AppError("UNAUTHENTICATED", "This needs an API key or a session.");
    if (on === "server") {
      if (!mayOnServer(caller, access)) throw new AppError("FORBIDDEN", `This needs the role ${access} on the whole server.`);
    } else if (on === "some") {
      if (!maySomewhere(caller, access)) throw new AppError("FORBIDDEN", `This needs the role ${access}.`);
    } else {
      const { kind } = on;
      const name = params[on.parameter] ?? "";
      const team = this.#parts.teamOf(kind, name);
      if (team instanceof Promise) return team.then((found) => requireOn(caller, access, { kind, name, team: found }));
      requireOn(caller, access, { kind, name, team });
    }
  }

  audit(request: AuditedRequest): Promise<void> {
    const isIdle = request.result === "denied" || request.object === "";
    if (isIdle && isAnonymous(request.caller) && !this.#takeStranger()) return Promise.resolve();
    return this.#parts.audit(request);
  }

  #refuse(address: string): never {
    this.#parts.attempts.failed(address, this.#parts.clock.monotonic());
    throw new AppError("UNAUTHENTICATED", "There is no such API key.");
  }

  #takeStranger(): boolean {
    const strangers = this.#strangers;
    const now = this.#parts.clock.monotonic();
    strangers.left = Math.min(strangersBurst, strangers.left + ((now - strangers.at) / 1000) * strangersPerSecond);
    strangers.at = now;
    if (strangers.left < 1) {
      strangers.unwritten++;
      return false;
    }
    strangers.left--;
    if (strangers.unwritten > 0) this.#parts.logger.warn("audit.denials_left_out", { count: strangers.unwritten });
    strangers.unwritten = 0;
    return true;
  }
}
