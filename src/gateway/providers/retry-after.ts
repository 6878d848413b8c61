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

/** As far as a date reaches that is judged by this machine's clock, which may go wrong. */
const mostByOwnClockMs = 3_600_000;

/** The headers with `retry-after` in seconds where it is a date and the provider says no time of its own: then it is judged by `now`, an hour at most. Else as they are. */
export function withDatedWait(headers: Readonly<Record<string, string>>, now: number): Readonly<Record<string, string>> {
  const text = headers["retry-after"]?.trim() ?? "";
  if (text === "" || isNumber(text) || !Number.isNaN(Date.parse(headers.date ?? ""))) return headers;
  const at = Date.parse(text);
  return Number.isNaN(at) ? headers : { ...headers, "retry-after": String(Math.min(mostByOwnClockMs, waitOf(at - now)) / 1000) };
}

function isNumber(text: string): boolean {
  return /^\d+(\.\d+)?$/.test(text);
}

/** Whole milliseconds between none and a year. */
export function waitOf(milliseconds: number): number {
  return Math.min(mostWaitMs, Math.max(0, Math.ceil(milliseconds)));
}
