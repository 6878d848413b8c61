import type { AnswerScope } from "../cache/index.ts";
import type { OpenedFloor } from "../calls/call-floor.ts";
import { missingTag } from "../routing/choose-targets.ts";
import { targetName } from "../routing/target-name.ts";
import type { RouteSettings, RouteTarget } from "../schemas.ts";

const targetsOfSettings = new WeakMap<RouteSettings, { revision: number | null; targets: readonly string[] }>();

/**
 * Whose answers a route's cache has. A changed route begins anew: what is kept went through the guardrails of its time. Calls that tags send to other targets have answers of their own; everything else that conditions look at
 * is in the call itself.
 */
export function answerScope({ route, caller, remarks: { tags } }: OpenedFloor): AnswerScope {
  return { team: route.team, keyScope: caller.actor, route: route.name, targets: answeringTargets(route.settings, route.revision, tags) };
}

function answeringTargets(settings: RouteSettings, revision: number | null, tags: Readonly<Record<string, string>>): readonly string[] {
  const { targets } = settings;
  if (targets.some(({ when }) => when?.tags !== undefined)) return namesOf(targets.filter(({ when }) => missingTag(when, tags) === null), revision);
  const known = targetsOfSettings.get(settings);
  if (known?.revision === revision) return known.targets;
  const names = namesOf(targets, revision);
  targetsOfSettings.set(settings, { revision, targets: names });
  return names;
}

function namesOf(targets: readonly RouteTarget[], revision: number | null): string[] {
  return [...targets.map(targetName), `revision ${revision}`];
}
