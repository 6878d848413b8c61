import { z } from "zod";
import type { EpochMs } from "../core/clock.ts";
import type { Caller } from "../core/caller.ts";
import { AppError } from "../core/errors.ts";
import { isAnonymous } from "../core/request-gate.ts";
import { HttpAnswer, route, type Route } from "../core/route.ts";
import type { AccessServices } from "./access-services.ts";
import { sessionCookie, sessionInCookie } from "./read-credentials.ts";
import { ApiKey, KeyRequest, KeyRotation, NewKey, SessionState, Team, TeamName, TeamRequest, User } from "./schemas.ts";
import { isSecretShaped, keyPrefix } from "./secret-text.ts";
import { sessionSeconds } from "./session-service.ts";

const tag = "Access";
/** Keys that one audit entry names. */
const maxNamedKeys = 100;

export interface AccessRouteParts {
  access: AccessServices;
  /** Ways to sign in beside keys, and whether the server waits for its first admin. */
  signIn: { oidcName: () => string | null; isSetupOpen: (now: EpochMs) => Promise<boolean> };
}

/** Keys, teams, users and the console's sessions. */
export function accessRoutes(parts: AccessRouteParts): Route[] {
  return [...sessionRoutes(parts), ...keyRoutes(parts.access), ...teamRoutes(parts.access), ...userRoutes(parts.access)];
}

function sessionRoutes({ access, signIn }: AccessRouteParts): Route[] {
  const state = async (caller: Caller, now: EpochMs): Promise<SessionState> => {
    const oidc = signIn.oidcName();
    const { actor, name, grants } = caller;
    return {
      mode: access.mode,
      caller: isAnonymous(caller) ? null : { actor, name, grants: [...grants] },
      signIn: { key: true, oidc: oidc === null ? null : { name: oidc } },
      setupOpen: await signIn.isSetupOpen(now),
    };
  };
  const cookieOptions = (): { secure: boolean; maxAgeSeconds: number } => ({ secure: access.secure, maxAgeSeconds: sessionSeconds });
  return [
    route({
      method: "GET", path: "/api/session", access: "public", operationId: "getSession", summary: "Who the caller is, and how they may sign in", tag,
      response: SessionState,
      handle: ({ caller, now }) => state(caller, now),
    }),
    route({
      method: "POST", path: "/api/session", access: "public", operationId: "signIn", summary: "Sign in with a key", tag,
      description: "Sets a cookie that the console's requests carry. The session may what the key may, ends with it, and 12 hours after its start.",
      body: { kind: "json", schema: z.strictObject({ key: z.string().max(200) }) },
      response: SessionState,
      handle: async ({ body, address, now, auditAs }) => {
        if (!isSecretShaped(keyPrefix, body.key)) throw new AppError("UNAUTHENTICATED", "This is not an API key; keys start with slk_.");
        const caller = await access.gate.identifyKey(body.key, address, now);
        if (caller.replaced === true) throw new AppError("UNAUTHENTICATED", "The API key was rotated: sign in with its new secret.");
        const cookie = sessionCookie(await access.sessions.start(caller.actor, now), cookieOptions());
        auditAs({ caller, object: caller.actor });
        return new HttpAnswer(200, { "Content-Type": "application/json", "Set-Cookie": cookie }, JSON.stringify(await state(caller, now)));
      },
    }),
    route({
      method: "DELETE", path: "/api/session", access: "public", operationId: "signOut", summary: "End the session of the cookie", tag,
      response: SessionState,
      handle: async ({ headers, caller, now, auditAs }) => {
        const session = typeof headers.cookie === "string" ? sessionInCookie(headers.cookie, access.secure) : undefined;
        if (session !== undefined) await access.sessions.end(session);
        auditAs({ object: isAnonymous(caller) ? "" : caller.actor });
        const body = JSON.stringify(await state(access.gate.nobody, now));
        return new HttpAnswer(200, { "Content-Type": "application/json", "Set-Cookie": sessionCookie(null, cookieOptions()) }, body);
      },
    }),
  ];
}

function keyRoutes({ keys }: AccessServices): Route[] {
  return [
    route({
      method: "GET", path: "/api/keys", access: "viewer", on: "some", operationId: "listKeys", summary: "Keys that the caller made, or is, and those of or in the teams that it administers; newest first", tag,
      response: z.object({ keys: z.array(ApiKey) }),
      handle: async ({ caller }) => ({ keys: await keys.list(caller) }),
    }),
    route({
      method: "POST", path: "/api/keys", access: "contributor", on: "some", operationId: "createKey", summary: "Make a key", tag,
      description: "The answer holds the key; it is shown this once. It may at most what its maker may, and ends no later than the maker's own key.",
      body: { kind: "json", schema: KeyRequest },
      response: NewKey,
      handle: async ({ caller, body, now, auditAs }) => {
        const key = await keys.create(caller, body, now);
        auditAs({ object: `key:${key.id}`, detail: { name: key.name, team: key.team, grants: key.grants, expiresAt: key.expiresAt } });
        return key;
      },
    }),
    route({
      method: "POST", path: "/api/keys/:key/rotate", access: "viewer", on: "some", operationId: "rotateKey", summary: "Give a key a new secret", tag,
      description: "The answer holds the new secret; it is shown this once. Id, name, grants, limits, budgets and spend stay. The former secret works for graceSeconds; sessions that were started with the key end. For itself, or who may all that it may. Takes effect at once, in other replicas within five seconds.",
      params: z.strictObject({ key: z.string().max(64) }),
      body: { kind: "json", schema: KeyRotation },
      response: NewKey,
      handle: async ({ caller, params, body, now, auditAs }) => {
        const key = await keys.rotate(caller, params.key, body, now);
        auditAs({ object: `key:${key.id}`, detail: { name: key.name, graceSeconds: body.graceSeconds, expiresAt: key.expiresAt } });
        return key;
      },
    }),
    route({
      method: "DELETE", path: "/api/keys/:key", access: "viewer", on: "some", operationId: "revokeKey", summary: "Revoke a key", tag,
      description: "Its maker, itself, or an admin who may all that it may. Takes effect at once, in other replicas within five seconds.",
      params: z.strictObject({ key: z.string().max(64) }),
      response: ApiKey,
      handle: ({ caller, params, now }) => keys.revoke(caller, params.key, now),
    }),
  ];
}

function teamRoutes({ teams }: AccessServices): Route[] {
  return [
    route({
      method: "GET", path: "/api/teams", access: "viewer", on: "some", operationId: "listTeams", summary: "Teams that the caller has a role in", tag,
      response: z.object({ teams: z.array(Team) }),
      handle: async ({ caller, now }) => ({ teams: await teams.list(caller, now) }),
    }),
    route({
      method: "POST", path: "/api/teams", access: "admin", operationId: "createTeam", summary: "Make a team", tag,
      body: { kind: "json", schema: TeamRequest },
      response: Team,
      handle: async ({ caller, body, now, auditAs }) => {
        auditAs({ object: `team:${body.name}` });
        return teams.create(caller, body, now);
      },
    }),
    route({
      method: "DELETE", path: "/api/teams/:team", access: "admin", operationId: "removeTeam", summary: "Remove a team that has nothing", tag,
      params: z.strictObject({ team: TeamName }),
      response: z.object({ removed: TeamName }),
      handle: async ({ caller, params, now }) => {
        await teams.remove(caller, params.team, now);
        return { removed: params.team };
      },
    }),
  ];
}

function userRoutes({ users }: AccessServices): Route[] {
  return [
    route({
      method: "GET", path: "/api/users", access: "admin", operationId: "listUsers", summary: "Those who have signed in through the identity provider", tag,
      response: z.object({ users: z.array(User) }),
      handle: async () => ({ users: await users.list() }),
    }),
    route({
      method: "PUT", path: "/api/users/:user", access: "admin", operationId: "changeUser", summary: "Disable a user, or enable them again", tag,
      description: "Disabling ends their sessions and revokes the keys that they made, with those that these made. Enabling brings none of them back.",
      params: z.strictObject({ user: z.string().max(64) }),
      body: { kind: "json", schema: z.strictObject({ disabled: z.boolean() }) },
      response: User,
      handle: async ({ caller, params, body, now, auditAs }) => {
        auditAs({ detail: { disabled: body.disabled } });
        const { user, revokedKeys } = await users.setDisabled(caller, params.user, body.disabled, now);
        if (revokedKeys.length > 0) auditAs({ detail: { disabled: body.disabled, revoked: revokedKeys.length, keys: revokedKeys.slice(0, maxNamedKeys) } });
        return user;
      },
    }),
  ];
}
