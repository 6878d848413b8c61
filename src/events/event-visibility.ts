import type { Caller } from "../core/caller.ts";
import type { EventVisibility } from "./outbox.ts";

/** The events that a caller may see: those of the teams, models, experiments and routes that they may view. */
export function visibleEvents({ grants }: Caller): EventVisibility {
  const visible = { teams: new Set<string>(), objects: [] as { team: string; object: string }[] };
  for (const { team, models, experiments, routes } of grants) {
    if (models === undefined && experiments === undefined && routes === undefined) visible.teams.add(team);
    for (const name of models ?? []) visible.objects.push({ team, object: `model:${name}` });
    for (const name of routes ?? []) visible.objects.push({ team, object: `gateway-route:${name}` });
    for (const name of experiments ?? []) visible.objects.push({ team, object: `experiment:${name}` });
  }
  return { teams: [...visible.teams], objects: visible.objects };
}
