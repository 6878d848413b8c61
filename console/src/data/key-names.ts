import { useResource } from "./resource.ts";
import type { ApiKey } from "./types.ts";

type NamedKey = Pick<ApiKey, "id" | "name" | "revokedAt">;

/** Keys that the reader may see, newest first; revoked and expired ones too, for what they did is still told of. Empty while they are not known. */
export function useNamedKeys(): readonly NamedKey[] {
  return useResource<{ keys: ApiKey[] }>("/api/keys").data?.keys ?? [];
}

/** What people call an actor: the name of its key for `key:ID`, and the actor as it is where that is not known. */
export function actorWords(actor: string, keys: readonly NamedKey[]): string {
  const key = keys.find(({ id }) => `key:${id}` === actor);
  // A key that took the place of a revoked one often has its name.
  return key === undefined ? actor : key.revokedAt === null ? key.name : `${key.name} (revoked)`;
}
