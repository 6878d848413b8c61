import type { Grant, Role } from "./types.ts";

/** From the least to the most, as the server ranks them. */
export const roles = ["viewer", "contributor", "deployer", "admin"] as const satisfies readonly Role[];

export const roleWords: Record<Role, string> = {
  viewer: "sees models, predictions and runs",
  contributor: "also asks models, starts runs and sends truth",
  deployer: "also deploys versions, promotes and schedules",
  admin: "also manages keys, webhooks and teams",
};

/** `deployer in fraud`, `viewer of churn, risk in every team`: a grant as people say it. */
export function grantWords({ role, team, models, experiments }: Grant): string {
  const only = [...(models ?? []), ...(experiments ?? [])];
  const where = team === "*" ? "everywhere" : `in ${team}`;
  return only.length === 0 ? `${role} ${where}` : `${role} of ${only.join(", ")}${team === "*" ? "" : ` ${where}`}`;
}

function reaches(grant: Grant, role: Role): boolean {
  return roles.indexOf(grant.role) >= roles.indexOf(role);
}

/** Whether the role holds on the whole server: in every team, without a list of models. */
export function mayOnServer(grants: readonly Grant[], role: Role): boolean {
  return grants.some((grant) => grant.team === "*" && grant.models === undefined && grant.experiments === undefined && reaches(grant, role));
}

export function maySomewhere(grants: readonly Grant[], role: Role): boolean {
  return grants.some((grant) => reaches(grant, role));
}
