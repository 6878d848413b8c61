/**
 * The moment between two looks at what another process does. One that looks again at once keeps a processor busy, its server
 * another one, and both take them from what is waited for. It is no limit: whoever waits looks until it is so.
 */
export function betweenLooks(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 25));
}
