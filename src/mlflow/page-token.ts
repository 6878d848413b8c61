import { createHash } from "node:crypto";
import { AppError } from "../core/errors.ts";

/**
 * The token that leads to the rest of a search: what the store gave, with a mark of what was searched. A token of another
 * search throws INVALID_PARAMETER here instead of skipping rows silently.
 */
export function writePageToken(next: string | null, search: unknown): string | undefined {
  return next === null ? undefined : Buffer.from(`${markOf(search)}${next}`).toString("base64url");
}

/** What the store gave; null where no token came. `search` is what `writePageToken` was given: all that must stay the same between pages. */
export function readPageToken(token: string | undefined, search: unknown): string | null {
  if (token === undefined || token === "") return null;
  const text = Buffer.from(token, "base64url").toString();
  if (!text.startsWith(markOf(search))) throw new AppError("INVALID_PARAMETER", "Invalid page token: it is not one of this search. Start again without it.");
  return text.slice(markLength);
}

const markLength = 8;

function markOf(search: unknown): string {
  return createHash("sha256").update(JSON.stringify(search)).digest("hex").slice(0, markLength);
}
