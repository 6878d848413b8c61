import { mayOnServer } from "./grants.ts";
import { useResource } from "./resource.ts";
import { useSession } from "./session.ts";
import type { ApiKey, User } from "./types.ts";

type NamedKey = Pick<ApiKey, "id" | "name" | "revokedAt">;
type NamedUser = Pick<User, "id" | "name">;

/** Keys that the reader may see, newest first; revoked and expired ones too, for what they did is still told of. Empty while they are not known. */
export function useNamedKeys(): readonly NamedKey[] {
  return useResource<{ keys: ApiKey[] }>("/api/keys").data?.keys ?? [];
}

/** People who sign in, where there are some on the page (`isNeeded`) and the reader may know them: an admin of the server. */
function useNamedUsers(isNeeded: boolean): readonly NamedUser[] {
  const grants = useSession().data?.caller?.grants;
  return useResource<{ users: User[] }>(isNeeded && grants !== undefined && mayOnServer(grants, "admin") ? "/api/users" : null).data?.users ?? [];
}

/** What people call these actors; their ids stay what tells them apart. */
export function useActorWords(actors: readonly string[]): (actor: string) => string {
  const keys = useNamedKeys();
  const users = useNamedUsers(actors.some((actor) => actor.startsWith("user:")));
  return (actor) => actorWords(actor, keys, users);
}

/** What people call an actor: the name of its key for `key:ID`, of the person for `user:ID`, and the actor as it is where that is not known. */
export function actorWords(actor: string, keys: readonly NamedKey[], users: readonly NamedUser[] = []): string {
  const key = keys.find(({ id }) => `key:${id}` === actor);
  // A key that took the place of a revoked one often has its name.
  if (key !== undefined) return key.revokedAt === null ? key.name : `${key.name} (revoked)`;
  return users.find(({ id }) => `user:${id}` === actor)?.name ?? actor;
}
