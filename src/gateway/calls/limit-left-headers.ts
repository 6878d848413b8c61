import type { EpochMs } from "../../core/clock.ts";
import type { LimitsLeft, MeasureLeft } from "../limits/index.ts";
import type { Protocol } from "../providers/provider-mapping.ts";

/** What the limits of a call had left when they decided over it: those of its key and route, and those of its provider and model where they bind it. */
export interface ToldLimits {
  left: LimitsLeft;
  at: EpochMs;
}

/** Of each measure the one that has less left; of two that have as much, the one that takes longer to be full. */
export function leastLeft(earlier: ToldLimits | null, later: ToldLimits): ToldLimits {
  if (earlier === null) return later;
  const passedMs = Math.max(0, later.at - earlier.at);
  const least = (one: MeasureLeft | null, other: MeasureLeft | null): MeasureLeft | null => {
    if (one === null) return other;
    const known = { ...one, resetMs: Math.max(0, one.resetMs - passedMs) };
    if (other === null) return known;
    return other.remaining < known.remaining || (other.remaining === known.remaining && other.resetMs > known.resetMs) ? other : known;
  };
  return { left: { requests: least(earlier.left.requests, later.left.requests), tokens: least(earlier.left.tokens, later.left.tokens) }, at: later.at };
}

/** In the names and forms of the caller's protocol, by which its clients pace themselves. */
export function limitLeftHeaders({ left: { requests, tokens }, at }: ToldLimits, protocol: Protocol): Record<string, string> {
  const headers: Record<string, string> = {};
  const add = protocol === "anthropic-messages" ? addAnthropic : addOpenAi;
  if (requests !== null) add(headers, "requests", requests, at);
  if (tokens !== null) add(headers, "tokens", tokens, at);
  return headers;
}

function addOpenAi(headers: Record<string, string>, measure: string, { limit, remaining, resetMs }: MeasureLeft): void {
  headers[`x-ratelimit-limit-${measure}`] = String(limit);
  headers[`x-ratelimit-remaining-${measure}`] = String(remaining);
  headers[`x-ratelimit-reset-${measure}`] = goDuration(resetMs);
}

function addAnthropic(headers: Record<string, string>, measure: string, { limit, remaining, resetMs }: MeasureLeft, at: EpochMs): void {
  headers[`anthropic-ratelimit-${measure}-limit`] = String(limit);
  headers[`anthropic-ratelimit-${measure}-remaining`] = String(remaining);
  // Of RFC 3339, in whole seconds as Anthropic writes it: not before it is so.
  headers[`anthropic-ratelimit-${measure}-reset`] = new Date(Math.ceil((at + resetMs) / 1000) * 1000).toISOString().replace(".000Z", "Z");
}

/** As Go writes spans of time, and OpenAI its resets: `120ms`, `8.64s`, `6m0s`, `1h0m0s`. Of whole milliseconds. */
export function goDuration(milliseconds: number): string {
  if (milliseconds === 0) return "0s";
  if (milliseconds < 1000) return `${milliseconds}ms`;
  const [hours, minutes, seconds] = [Math.floor(milliseconds / 3_600_000), Math.floor(milliseconds / 60_000) % 60, (milliseconds % 60_000) / 1000];
  return hours > 0 ? `${hours}h${minutes}m${seconds}s` : minutes > 0 ? `${minutes}m${seconds}s` : `${seconds}s`;
}
