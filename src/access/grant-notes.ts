import { mayOn, type Caller, type Grant } from "../core/caller.ts";
import type { TeamOfObject } from "./access-gate.ts";

export interface NamedObjects {
  teamOf: TeamOfObject;
  /** The name by which grants know what can be called by this one; null where nothing can. */
  routeName?: ((name: string) => string | null) | undefined;
}

/**
 * What in the grants of a new key does nothing yet, in sentences: they may name what is made later, but a mistyped name looks the same. What the maker may not see is told as what is not there.
 */
export async function grantNotes(grants: readonly Grant[], maker: Caller, objects: NamedObjects): Promise<string[]> {
  const notes = grants.flatMap((grant) => [
    ...(grant.models ?? []).map((name) => notesOn(grant, "model", name, maker, objects)),
    ...(grant.routes ?? []).map((name) => notesOn(grant, "route", name, maker, objects)),
  ]);
  return (await Promise.all(notes)).flat();
}

async function notesOn(grant: Grant, kind: "model" | "route", name: string, maker: Caller, { teamOf, routeName }: NamedObjects): Promise<string[]> {
  if (kind === "route" && name.endsWith("*")) {
    return [`Grants name each route by itself, and ${name} stands for none: give the key its routes with \`slipway gateway set-key KEY --route '${name}'\`.`];
  }
  const called = kind === "route" ? (routeName?.(name) ?? name) : name;
  const team = await teamOf(kind, called);
  if (team === null || !mayOn(maker, "viewer", { kind, name: called, team })) return [`There is no ${kind} ${name}${grant.team === "*" ? "" : ` in the team ${grant.team}`}: look whether the name is right, or make it; the key may use it from then on.`];
  if (called !== name) return [`Grants know ${name} as ${called}: this key may not call it. Make one for ${called}.`];
  if (grant.team !== "*" && grant.team !== team) return [`The ${kind} ${name} is the team ${team}'s, and this key may use what the team ${grant.team} has: it may not use ${name}.`];
  return [];
}
