import { posix } from "node:path";

/** Whether a location names a place of a disk: a path, or a URI with the scheme `file`. One letter before the colon is a drive and no scheme. */
export function isLocalLocation(location: string): boolean {
  return !/^[a-z][a-z0-9+.-]+:/i.test(location) || /^file:/i.test(location);
}

/** Whether a location is a `file:` URI of another machine. */
export function isOfAnotherHost(location: string): boolean {
  return /^file:\/\/(?!localhost(?:\/|$))[^/]/i.test(location);
}

/**
 * The absolute path, without `.`, `..`, doubled slashes and a slash at the end, that MLflow's clients read and write for a location: a path
 * or a `file:` URI without a host (or with localhost), percent escapes decoded once in both. A relative path counts from `workingFolder`, and is none without it.
 * Null for everything else, also for text that is no plain path: control characters, backslashes, escapes that are no UTF-8, queries and fragments of a URI.
 */
export function localPathOf(location: string, workingFolder?: string): string | null {
  if (!isLocalLocation(location)) return null;
  const ofUri = /^file:(?:\/\/(?:localhost)?(\/.*)|(\/(?!\/).*))$/is.exec(location);
  if (/^file:/i.test(location) && (ofUri === null || /[?#]/.test(location))) return null;
  const path = unquoted(ofUri === null ? location : (ofUri[1] ?? ofUri[2]!));
  if (path === null || path === "" || /[\\\p{Cc}]/u.test(path) || !path.isWellFormed()) return null;
  if (!path.startsWith("/") && workingFolder === undefined) return null;
  const whole = posix.normalize(path.startsWith("/") ? path : posix.join(workingFolder!, path));
  return whole === "/" ? whole : whole.replace(/\/+$/, "");
}

/** Whether a path is the folder or lies below it. Both as `localPathOf` answers them. */
export function isWithin(folder: string, path: string): boolean {
  return path === folder || path.startsWith(folder.endsWith("/") ? folder : `${folder}/`);
}

/** Percent signs that begin no escape stay. */
function unquoted(text: string): string | null {
  try {
    return text.replace(/(?:%[0-9a-f]{2})+/gi, (escapes) => decodeURIComponent(escapes));
  } catch {
    return null;
  }
}
