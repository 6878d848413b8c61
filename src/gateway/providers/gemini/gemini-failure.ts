import type { UpstreamFailure } from "../provider-mapping.ts";
import { retryAfterMs, waitOf } from "../retry-after.ts";
import { callerText, fieldsOf, listOf, parseFields, textOf, type Fields } from "../wire-value.ts";

/** google.rpc.Status as JSON, alone or as the one entry of a list (streams without server-sent events). */
export function geminiFailure(status: number, headers: Readonly<Record<string, string>>, body: Uint8Array): UpstreamFailure {
  const text = Buffer.from(body).toString("utf8");
  const error = fieldsOf((parseFields(text) ?? fieldsOf(firstOf(text))).error);
  const details = listOf(error.details).map(fieldsOf);
  const words = textOf(error.message);
  const kind = kindOf(status, textOf(error.status), words, details);
  return {
    status, kind, message: callerText(words) || `The provider answered with status ${status}.`, code: reasonOf(details) ?? (textOf(error.status) || null),
    retryAfterMs: kind === "quota" ? null : (retryDelay(details) ?? retryAfterMs(headers)),
  };
}

function firstOf(text: string): unknown {
  try {
    return listOf(JSON.parse(text))[0];
  } catch {
    return undefined;
  }
}

function kindOf(status: number, word: string, message: string, details: readonly Fields[]): UpstreamFailure["kind"] {
  const reason = reasonOf(details);
  // A wrong key is answered with 400.
  if (reason?.startsWith("API_KEY_") === true || status === 401 || status === 403) return "unauthorized";
  if (status === 402) return "quota";
  if (status === 404) return "not-found";
  if (status === 413) return "context-length";
  if (status === 429) return isUsedUp(message, details) ? "quota" : "rate-limited";
  if (status === 503 || status === 529) return "overloaded";
  if (status === 400 && word === "FAILED_PRECONDITION") return "unauthorized";
  if (status === 400 && /token count|number of tokens|too many tokens/i.test(message)) return "context-length";
  return status >= 400 && status < 500 && status !== 408 && status !== 499 ? "invalid" : "failed";
}

/** Quotas of a day, or of zero, and money: minutes do not bring them back. */
function isUsedUp(message: string, details: readonly Fields[]): boolean {
  const quotas = details.flatMap((detail) => listOf(detail.violations)).map((violation) => textOf(fieldsOf(violation).quotaId));
  return quotas.some((quota) => quota.includes("PerDay")) || /per day|limit: 0\b|spend(ing)? (cap|limit)|credits are depleted/i.test(message);
}

function reasonOf(details: readonly Fields[]): string | null {
  return details.map(({ reason }) => textOf(reason)).find((reason) => reason !== "") ?? null;
}

/** RetryInfo: a protobuf duration, such as `34.074824224s`. */
function retryDelay(details: readonly Fields[]): number | null {
  const seconds = details.map(({ retryDelay: delay }) => /^(\d{1,9}(?:\.\d{1,9})?)s$/.exec(textOf(delay))?.[1]).find((match) => match !== undefined);
  return seconds === undefined ? null : waitOf(Number(seconds) * 1000);
}
