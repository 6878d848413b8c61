import type { EpochMs } from "../../core/clock.ts";
import type { LimitsLeft, MeasureLeft } from "../limits/index.ts";
import type { Protocol } from "../providers/provider-mapping.ts";

/** What the limits of a call's key and route had left when they decided over it. */
export interface ToldLimits {
  left: LimitsLeft;
  at: EpochMs;
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
