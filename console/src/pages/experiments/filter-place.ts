/** Where in the filter the server says that it stopped to understand, as an index; null where it does not say. The server counts from 1. */
export function problemPlace(message: string, filter: string): number | null {
  const position = /at position (\d+)/.exec(message)?.[1];
  if (position === undefined || !/filter/i.test(message)) return null;
  return Math.min(filter.length, Math.max(0, Number(position) - 1));
}
