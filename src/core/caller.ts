import { z } from "zod";
import type { EpochMs } from "./clock.ts";
import { AppError } from "./errors.ts";

/** From the least to the most; each may do what the ones before it may. */
export const Role = z.enum(["viewer", "contributor", "deployer", "admin"]).meta({ id: "Role" });
export type Role = z.infer<typeof Role>;

/** What has an owner and a team. */
export type ObjectKind = "model" | "experiment" | "workflow" | "route";

/** One object as access is judged on it; `team` is null when there is no such object. */
export interface ObjectReference {
  kind: ObjectKind;
  name: string;
  team: string | null;
}

/**
 * A role on the objects of one team, or of all with `*`. Where `models`, `experiments` or `routes` are named, it holds on those
 * alone: nothing else, also nothing of the whole server.
 */
export const Grant = z
  .strictObject({
    role: Role,
    team: z.string().min(1).max(128).default("*"),
    models: z.array(z.string().min(1).max(128)).max(100).optional(),
    experiments: z.array(z.string().min(1).max(200)).max(100).optional(),
    routes: z.array(z.string().min(1).max(300)).max(100).optional().meta({ description: "Routes of the gateway, and PROVIDER/MODEL" }),
  })
  .meta({ id: "Grant" });
export type Grant = z.infer<typeof Grant>;

/** Who calls, as far as the door could tell. */
export interface Caller {
  /** Written to the audit log and to what they change: `key:<id>`, `user:<id>`, `local` or `anonymous`. */
  readonly actor: string;
  /** For people. */
  readonly name: string;
  readonly grants: readonly Grant[];
  /** When the credentials end by themselves; what they make ends no later. Absent for those that do not. */
  readonly expiresAt?: EpochMs;
  /** The secret that they showed was replaced by a newer one, and ends with its grace: it neither starts a session nor changes the key. */
  readonly replaced?: true;
}

/** Nobody: what public routes get when no credentials came. */
export const anonymousCaller: Caller = { actor: "anonymous", name: "anonymous", grants: [] };

/** As whom the caller sees its own calls, however little else it may see. Null for nobody, whose calls are anybody's. */
export function ownActor({ actor }: Caller): string | null {
  return actor === anonymousCaller.actor ? null : actor;
}

/** Whoever calls a server that listens on loopback alone and asks for no keys: the person at the machine. */
export const localCaller: Caller = { actor: "local", name: "local", grants: [{ role: "admin", team: "*" }] };

const ranks: Readonly<Record<Role, number>> = { viewer: 0, contributor: 1, deployer: 2, admin: 3 };

function roleIncludes(role: Role, wanted: Role): boolean {
  return ranks[role] >= ranks[wanted];
}

/** Whether the grant holds on everything of its team, and not on what it names alone. */
export function isWhole(grant: Grant): boolean {
  return grant.models === undefined && grant.experiments === undefined && grant.routes === undefined;
}

function covers(grant: Grant, object: ObjectReference): boolean {
  if (grant.team !== "*" && grant.team !== object.team) return false;
  if (isWhole(grant)) return true;
  const names = object.kind === "model" ? grant.models : object.kind === "experiment" ? grant.experiments : object.kind === "route" ? grant.routes : undefined;
  return names?.includes(object.name) === true;
}

/** Whether some grant has the role somewhere. The handler then shows and changes only what `mayOn` allows. */
export function maySomewhere(caller: Caller, role: Role): boolean {
  return caller.grants.some((grant) => roleIncludes(grant.role, role));
}

/** Whether the caller has the role on the whole server: all teams, without a list of objects. */
export function mayOnServer(caller: Caller, role: Role): boolean {
  return caller.grants.some((grant) => grant.team === "*" && isWhole(grant) && roleIncludes(grant.role, role));
}

/** Whether the caller has the role on everything of the team. */
export function mayInTeam(caller: Caller, role: Role, team: string): boolean {
  return caller.grants.some((grant) => (grant.team === "*" || grant.team === team) && isWhole(grant) && roleIncludes(grant.role, role));
}

export function mayOn(caller: Caller, role: Role, object: ObjectReference): boolean {
  return caller.grants.some((grant) => roleIncludes(grant.role, role) && covers(grant, object));
}

/** Whether everything that `inner` allows is allowed by one of `outer`: what a key may be given by its maker. */
export function grantWithin(inner: Grant, outer: readonly Grant[]): boolean {
  return outer.some((grant) => {
    if (!roleIncludes(grant.role, inner.role) || (grant.team !== "*" && grant.team !== inner.team)) return false;
    if (isWhole(grant)) return true;
    if (isWhole(inner)) return false;
    const subset = (wanted: readonly string[] | undefined, given: readonly string[] | undefined): boolean =>
      (wanted ?? []).every((name) => given?.includes(name) === true);
    return subset(inner.models, grant.models) && subset(inner.experiments, grant.experiments) && subset(inner.routes, grant.routes);
  });
}

/** Whether whoever had the grants `before` still may all that they allowed, whichever grants allow it now, and however much more. */
export function keepsRights(before: readonly Grant[], now: readonly Grant[]): boolean {
  return before.every((grant) => {
    if (isWhole(grant)) return grantWithin(grant, now);
    const { role, team } = grant;
    // One by one: what one grant named may be named by several.
    const named = (["models", "experiments", "routes"] as const).flatMap((kind) => (grant[kind] ?? []).map((name): Grant => ({ role, team, [kind]: [name] })));
    return named.every((each) => grantWithin(each, now));
  });
}

/** Whether the caller may know that there is something of the team at all. */
export function maySeeTeam(caller: Caller, team: string): boolean {
  return caller.grants.some((grant) => grant.team === "*" || grant.team === team);
}

/** Throws FORBIDDEN unless the caller has the role on everything of the team. */
export function requireInTeam(caller: Caller, role: Role, team: string): void {
  if (!mayInTeam(caller, role, team)) throw new AppError("FORBIDDEN", `This needs the role ${role} in the team ${team}.`);
}
