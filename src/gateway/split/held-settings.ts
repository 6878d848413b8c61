import type { GuardrailSettings, RouteSettings } from "../schemas.ts";

/** What of a route's settings holds for all arms of a rollout or an A/B test, whatever is tried. */
const ofTheRoute = ["limits", "budget", "deadlineMs", "sticky"] as const;

/** The guardrails of the present settings that are not among those that are tried: nothing gets past them all the same. */
export function heldGuardrails(present: RouteSettings, tried: RouteSettings): GuardrailSettings[] {
  const kept = new Set(tried.guardrails.map((guardrail) => JSON.stringify(guardrail)));
  return present.guardrails.filter((guardrail) => !kept.has(JSON.stringify(guardrail)));
}

/** In words, what of the settings that are tried does not hold before they are the route's. */
export function heldNotes(present: RouteSettings, tried: RouteSettings): string[] {
  const guardrails = heldGuardrails(present, tried).map((guardrail) => ("name" in guardrail ? guardrail.name : guardrail.kind));
  const others = ofTheRoute.filter((name) => JSON.stringify(present[name]) !== JSON.stringify(tried[name]));
  const until = "until the tried settings are the route's own";
  return [
    ...(guardrails.length === 0 ? [] : [`The ${guardrails.length === 1 ? "guardrail" : "guardrails"} ${guardrails.join(", ")}, taken away or changed in what is tried, ${guardrails.length === 1 ? "holds" : "hold"} for all calls as now ${until}.`]),
    ...(others.length === 0 ? [] : [`${others.join(", ")} stay as they are for all calls ${until}.`]),
  ];
}
