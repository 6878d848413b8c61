/** The only place where the console reads the wall clock. Milliseconds since 1970-01-01T00:00:00Z. */
export function now(): number {
  return Date.now();
}
