import type { ApiFailure } from "../../data/api.ts";

/** What a reader does about a change that somebody else was quicker with: the server's hint is for programs. */
export function ConflictNote({ error }: { error: ApiFailure }) {
  return error.code === "GATEWAY_CONFLICT" ? <p>Nothing was saved. Copy what you want to keep, close this, and open it again with the newest settings.</p> : null;
}
