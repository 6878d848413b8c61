import { useActorWords } from "../data/key-names.ts";

/** Whose doing something was: a key or a person by name, with the id in the title. */
export function ActorName({ actor }: { actor: string }) {
  const words = useActorWords([actor])(actor);
  return words === actor ? actor : <span title={actor}>{words}</span>;
}
