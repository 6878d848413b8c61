import { actorWords, useNamedKeys } from "../data/key-names.ts";

/** Whose doing something was: a key by its name, with its id in the title. */
export function ActorName({ actor }: { actor: string }) {
  const words = actorWords(actor, useNamedKeys());
  return words === actor ? actor : <span title={actor}>{words}</span>;
}
