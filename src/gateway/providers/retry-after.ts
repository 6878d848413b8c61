/**
 * Milliseconds that a provider asks to wait: `retry-after-ms`, `retry-after` in seconds (also with a fraction) or as an HTTP date (judged against the answer's own `date`, which does not depend on this machine's
 * clock). Null where it says nothing that makes sense.
 */
export function retryAfterMs(headers: Readonly<Record<string, string>>): number | null {
  const exact = Number(headers["retry-after-ms"] ?? "");
  if (headers["retry-after-ms"] !== undefined && Number.isFinite(exact) && exact >= 0) return Math.ceil(exact);
  const text = headers["retry-after"]?.trim();
  if (text === undefined || text === "") return null;
  if (/^\d+(\.\d+)?$/.test(text)) return Math.ceil(Number(text) * 1000);
  const [at, from] = [Date.parse(text), Date.parse(headers.date ?? "")];
  return Number.isNaN(at) || Number.isNaN(from) ? null : Math.max(0, at - from);
}
