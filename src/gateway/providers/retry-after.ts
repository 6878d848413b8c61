/** A year: who says more says never, and no client reads numbers without end. */
const mostWaitMs = 31_536_000_000;

/**
 * Milliseconds that a provider asks to wait: `retry-after-ms`, `retry-after` in seconds (also with a fraction) or as an HTTP date (judged against the answer's own `date`, which does not depend on this machine's
 * clock); a year at most. Null where it says nothing that makes sense.
 */
export function retryAfterMs(headers: Readonly<Record<string, string>>): number | null {
  const exact = headers["retry-after-ms"]?.trim() ?? "";
  if (isNumber(exact)) return waitOf(Number(exact));
  const text = headers["retry-after"]?.trim() ?? "";
  if (isNumber(text)) return waitOf(Number(text) * 1000);
  const [at, from] = [Date.parse(text), Date.parse(headers.date ?? "")];
  return Number.isNaN(at) || Number.isNaN(from) ? null : waitOf(at - from);
}

function isNumber(text: string): boolean {
  return /^\d+(\.\d+)?$/.test(text);
}

/** Whole milliseconds between none and a year. */
export function waitOf(milliseconds: number): number {
  return Math.min(mostWaitMs, Math.max(0, Math.ceil(milliseconds)));
}
