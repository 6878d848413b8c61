import { AppError } from "../core/errors.ts";
import { routeOfSubject } from "../core/traffic-subject.ts";
import { championAlias, type RegistryChange } from "../registry/index.ts";
import { assertAnswering } from "./assert-answering.ts";
import type { RolloutParts } from "./rollout-parts.ts";

type Parts = Pick<RolloutParts, "registry" | "serving">;

const changesRead = 200;

/**
 * The version that was the champion before the present one, of those that are still there and can run. Throws ROLLOUT_IMPOSSIBLE where there
 * is none.
 */
export async function formerChampion({ registry }: Parts, model: string): Promise<string> {
  const { aliases } = await registry.model(model);
  let champion = aliases[championAlias];
  const changes = await registry.changes(model, { limit: changesRead });
  for (const change of changes) {
    if (change.change !== "model.alias.changed" && change.change !== "model.alias.deleted") continue;
    const [before, after] = [versionIn(change.before), versionIn(change.after)];
    if (before === null && after === null) continue;
    // Its way to the present champion is followed back, past versions that came back themselves.
    if (champion !== undefined && after !== champion) continue;
    if (before === null) break;
    if (before !== aliases[championAlias] && (await isThere({ registry }, model, before))) return before;
    champion = before;
  }
  throw new AppError("ROLLOUT_IMPOSSIBLE", `${model} had no champion before that is still there; name a version with --to.`);
}

/** A route's history has the words alone: they say that it went back, also where nobody said why. */
export function rollbackReason(model: string, reason: string): string {
  return routeOfSubject(model) === null ? reason : reason === "" ? "rolled back" : `rolled back: ${reason}`;
}

/** The champion is the version from now on, in Production; the former is Archived. Loaded first, swapped between two requests. */
export async function giveTo(parts: Parts, model: string, version: string, by: { actor: string; now: number; reason: string }): Promise<void> {
  await crownIn(parts, model, version, (await parts.registry.model(model)).aliases[championAlias] ?? null, by);
}

/** As `giveTo`, where it is known which one was the champion `before`: it may be done again where it was left half done. */
export async function crownIn({ registry, serving }: Parts, model: string, version: string, before: string | null, by: { actor: string; now: number; reason: string }): Promise<void> {
  const found = await registry.version(model, version);
  assertAnswering(model, found);
  await serving.activate(model, version, by.actor, by.reason === "" ? undefined : by.reason);
  const change = { actor: by.actor, now: by.now as never, ...(by.reason === "" ? {} : { reason: by.reason }) };
  if (found.stage !== "Production") await registry.transition(model, version, "Production", change);
  if (before !== null && before !== version && (await registry.version(model, before)).stage === "Production") await registry.transition(model, before, "Archived", change);
}

async function isThere({ registry }: Pick<Parts, "registry">, model: string, version: string): Promise<boolean> {
  try {
    assertAnswering(model, await registry.version(model, version));
    return true;
  } catch (error) {
    if (error instanceof AppError && ["VERSION_NOT_FOUND", "VERSION_NOT_RUNNABLE", "ROLLOUT_IMPOSSIBLE"].includes(error.code)) return false;
    throw error;
  }
}

/** Of a change of the alias champion, as it is kept: `champion=3`. */
function versionIn(text: RegistryChange["before"]): string | null {
  const prefix = `${championAlias}=`;
  return text?.startsWith(prefix) === true ? text.slice(prefix.length) : null;
}
