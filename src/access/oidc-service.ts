import { randomBytes, timingSafeEqual } from "node:crypto";
import type { Grant } from "../core/caller.ts";
import { epochMs, type EpochMs } from "../core/clock.ts";
import { AppError, toAppError } from "../core/errors.ts";
import type { IdGenerator } from "../core/ids.ts";
import type { Logger } from "../core/logger.ts";
import { RecentMap } from "../core/recent-map.ts";
import type { SecretBox } from "../core/secret-box.ts";
import type { UserStore } from "./access-store.ts";
import type { AuditTrail } from "./audit-trail.ts";
import type { IdentityProvider, SignInSecrets } from "./identity-provider.ts";
import type { User } from "./schemas.ts";
import type { SessionService } from "./session-service.ts";

/** What members of a group of the provider may do. */
export interface GroupGrant {
  group: string;
  grant: Grant;
}

export interface OidcParts {
  provider: IdentityProvider;
  groups: readonly GroupGrant[];
  users: Pick<UserStore, "signIn">;
  sessions: Pick<SessionService, "start" | "forgetAll">;
  box: SecretBox;
  audit: Pick<AuditTrail, "append" | "note">;
  ids: IdGenerator;
  logger: Logger;
}

/** Between the click on sign-in and the provider's answer. */
export const transactionSeconds = 600;
const maxReturnTo = 1000;
const maxUsed = 10_000;

interface Transaction extends SignInSecrets {
  returnTo: string;
  expiresAt: number;
}

export interface SignedIn {
  user: User;
  /** Value of the session's cookie. */
  session: string;
  returnTo: string;
}

/**
 * Sign-in through an identity provider. What must come back with the answer travels in a sealed cookie, so that any
 * replica can finish what another began; a transaction is good once, for ten minutes, in the browser that began it.
 */
export class OidcService {
  readonly #parts: OidcParts;
  /** Transactions that came back already, until they would have expired. */
  readonly #used = new RecentMap<string, true>(maxUsed);

  constructor(parts: OidcParts) {
    this.#parts = parts;
  }

  get providerName(): string {
    return this.#parts.provider.name;
  }

  /** Where the browser goes, and the cookie's value that it takes along. Throws SIGN_IN_FAILED. */
  async begin(returnTo: string, now: EpochMs): Promise<{ location: string; transaction: string }> {
    const random = (): string => randomBytes(32).toString("base64url");
    const secrets: SignInSecrets = { state: random(), nonce: random(), codeVerifier: random() };
    const location = await this.#parts.provider.authorizationUrl(secrets);
    const transaction: Transaction = { ...secrets, returnTo: ownPath(returnTo), expiresAt: now + transactionSeconds * 1000 };
    return { location, transaction: Buffer.from(this.#parts.box.seal(JSON.stringify(transaction), "sign-in", "")).toString("base64url") };
  }

  /** The provider's answer. Throws SIGN_IN_FAILED, and FORBIDDEN for somebody who may nothing here. Either way it is written down. */
  async finish(parameters: Readonly<Record<string, string>>, transaction: string | undefined, request: { requestId: string; now: EpochMs }): Promise<SignedIn> {
    let user: User | undefined;
    try {
      const { returnTo, ...secrets } = this.#open(transaction, parameters.state ?? "", request.now);
      const identity = await this.#parts.provider.identityOf(parameters, secrets);
      const grants = this.#grantsOf(identity.groups);
      const { issuer, subject, name, email } = identity;
      // Also without any grant: whoever lost the last group loses at once what their earlier sessions may.
      user = await this.#parts.users.signIn({ id: this.#parts.ids.next("user"), issuer, subject, name, email, grants }, request.now);
      this.#parts.sessions.forgetAll();
      if (user.disabledAt !== null) throw new AppError("FORBIDDEN", "An admin has disabled this user.");
      if (grants.length === 0) throw new AppError("FORBIDDEN", "None of your groups may do anything here.");
      await this.#write(user, "allowed", request, { groups: identity.groups.filter((group) => this.#isMapped(group)), grants });
      return { user, session: await this.#parts.sessions.start(`user:${user.id}`, request.now), returnTo };
    } catch (thrown) {
      const error = toAppError(thrown);
      this.#parts.logger.warn("sign_in.failed", { requestId: request.requestId, code: error.code, message: error.message, cause: error.cause });
      void this.#write(user, "denied", request, { code: error.code, reason: error.message });
      throw error;
    }
  }

  #open(transaction: string | undefined, state: string, now: EpochMs): Transaction {
    const failed = (reason: string, cause?: unknown): AppError => new AppError("SIGN_IN_FAILED", reason, { cause });
    if (transaction === undefined) throw failed("This browser has not begun a sign-in, or too long ago.");
    let opened: Transaction;
    try {
      opened = JSON.parse(this.#parts.box.open(Buffer.from(transaction, "base64url"), "sign-in", "")) as Transaction;
    } catch (cause) {
      throw failed("This browser has not begun a sign-in here.", cause);
    }
    if (now >= opened.expiresAt) throw failed("The sign-in took too long.");
    if (!sameText(opened.state, state)) throw failed("The answer belongs to another sign-in.");
    if (this.#used.get(opened.state) !== undefined) throw failed("This sign-in has been finished already.");
    this.#used.set(opened.state, true);
    return opened;
  }

  #grantsOf(groups: readonly string[]): Grant[] {
    const member = new Set(groups);
    return this.#parts.groups.filter(({ group }) => member.has(group)).map(({ grant }) => grant);
  }

  #isMapped(group: string): boolean {
    return this.#parts.groups.some((mapped) => mapped.group === group);
  }

  /** A failure must not wait for the audit log, nor be told apart by it. */
  async #write(user: User | undefined, result: "allowed" | "denied", request: { requestId: string; now: EpochMs }, detail: Record<string, unknown>): Promise<void> {
    const actor = user === undefined ? "anonymous" : `user:${user.id}`;
    const entry = { time: epochMs(request.now), actor, action: "signInWithProvider", object: user === undefined ? "" : actor, result, requestId: request.requestId, detail };
    if (result === "allowed") await this.#parts.audit.append(entry);
    else this.#parts.audit.note(entry);
  }
}

/** Only a path of this server: else the sign-in would be a way to send people elsewhere. */
function ownPath(text: string): string {
  if (text.length > maxReturnTo || !text.startsWith("/")) return "/";
  const own = "http://own.invalid";
  const url = URL.canParse(text, own) ? new URL(text, own) : null;
  return url === null || url.origin !== own || url.pathname.startsWith("//") ? "/" : `${url.pathname}${url.search}${url.hash}`;
}

function sameText(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
}

