import { mayInTeam, mayOnServer, type Caller } from "../core/caller.ts";

/** Teams whose costs the caller may see: those that it sees the whole of. Null for all. */
export function visibleTeams(caller: Caller): string[] | null {
  if (mayOnServer(caller, "viewer")) return null;
  return [...new Set(caller.grants.map(({ team }) => team))].filter((team) => mayInTeam(caller, "viewer", team));
}
