import { mayInTeam, maySomewhere, requireInTeam, type Caller } from "../core/caller.ts";
import { AppError } from "../core/errors.ts";
import { isSafeName } from "../core/names.ts";

/** Names the team whose members see what is sent. */
export const teamHeader = "x-slipway-team";
export const defaultTeam = "default";

/**
 * Whose traces are that a caller sends: the team that the header names, else `default` where the caller may write there, else the first team of the
 * caller. Throws FORBIDDEN where the caller may not write to it.
 */
export function teamOfSender(caller: Caller, header: string | string[] | undefined): string {
  if (typeof header === "string" && header !== "") {
    if (!isSafeName(header)) throw new AppError("INVALID_NAME", `The header ${teamHeader} names no team.`);
    requireInTeam(caller, "contributor", header);
    return header;
  }
  if (mayInTeam(caller, "contributor", defaultTeam)) return defaultTeam;
  const own = caller.grants.find(({ team }) => team !== "*" && mayInTeam(caller, "contributor", team));
  if (own !== undefined) return own.team;
  throw new AppError("FORBIDDEN", maySomewhere(caller, "contributor") ? `This needs the role contributor on everything of a team; name it with ${teamHeader}.` : "This needs the role contributor in a team.");
}
