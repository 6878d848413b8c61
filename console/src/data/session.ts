import { onSignedOut } from "./api.ts";
import { grantWords, mayOnServer, maySomewhere } from "./grants.ts";
import { forgetAll, invalidate, remember, useResource, type Resource } from "./resource.ts";
import { forgetStartNotes } from "./start-notes.ts";
import type { Role, SessionState } from "./types.ts";

const sessionKey = "/api/session";

/** Who the reader is to this server, and how they may sign in. */
export function useSession(): Resource<SessionState> {
  return useResource(sessionKey);
}

/** Another reader sees other things: everything that was fetched is forgotten. */
export function changeSession(session: SessionState): void {
  remember(sessionKey, session);
  forgetStartNotes();
  forgetAll((key) => key !== sessionKey);
}

/** A call that the server answered with 401 asks again who the reader is; the shell then leads to the sign-in. */
export function watchSession(): () => void {
  return onSignedOut(() => invalidate((key) => key === sessionKey));
}

export interface ReaderRights {
  /** True while it is not known: the server has the last word, and says so. */
  onServer(role: Role): boolean;
  somewhere(role: Role): boolean;
  words: string[];
}

export function useRights(): ReaderRights {
  const grants = useSession().data?.caller?.grants;
  return {
    onServer: (role) => grants === undefined || mayOnServer(grants, role),
    somewhere: (role) => grants === undefined || maySomewhere(grants, role),
    words: (grants ?? []).map(grantWords),
  };
}
