/** What a caller allows: to be answered from the cache, and to have its answer kept. */
export interface CacheControl {
  read: boolean;
  write: boolean;
}

/** Of the request's header `cache-control` (RFC 9111, 5.2.1): `no-cache` asks for a new answer, which is kept; `no-store` leaves no trace either way. Anything else changes nothing. */
export function cacheControlOf(header: string | undefined): CacheControl {
  if (header === undefined) return both;
  const directives = header.toLowerCase().split(",").map((directive) => directive.trim());
  if (directives.includes("no-store")) return neither;
  return directives.includes("no-cache") ? writeOnly : both;
}

const both: CacheControl = { read: true, write: true };
const writeOnly: CacheControl = { read: false, write: true };
const neither: CacheControl = { read: false, write: false };
