import type { Grant, Role } from "./types.ts";

/** From the least to the most, as the server ranks them. */
export const roles = ["viewer", "contributor", "deployer", "admin"] as const satisfies readonly Role[];

export const roleWords: Record<Role, string> = {
  viewer: "sees models, predictions and runs",
  contributor: "also asks models, starts runs and sends truth",
  deployer: "also deploys versions, promotes and schedules",
  admin: "also manages keys, webhooks and teams",
};

/** What a grant names one by one; null where it holds on everything of its team. A list without names holds on nothing. */
function namesOf({ models, experiments, routes }: Grant): string[] | null {
  return models === undefined && experiments === undefined && routes === undefined ? null : [...(models ?? []), ...(experiments ?? []), ...(routes ?? [])];
}

/** `deployer in fraud`, `viewer of churn, support-chat in fraud`: a grant as people say it. */
export function grantWords(grant: Grant): string {
  const { role, team } = grant;
  const only = namesOf(grant);
  const where = team === "*" ? "everywhere" : `in ${team}`;
  return only === null ? `${role} ${where}` : `${role} of ${only.length === 0 ? "nothing" : only.join(", ")}${team === "*" ? "" : ` ${where}`}`;
}

function reaches(grant: Grant, role: Role): boolean {
  return roles.indexOf(grant.role) >= roles.indexOf(role);
}

/** Whether the role holds on the whole server: in every team, without a list of names. */
export function mayOnServer(grants: readonly Grant[], role: Role): boolean {
  return grants.some((grant) => grant.team === "*" && namesOf(grant) === null && reaches(grant, role));
}

export function maySomewhere(grants: readonly Grant[], role: Role): boolean {
  return grants.some((grant) => reaches(grant, role));
}
