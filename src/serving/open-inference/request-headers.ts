import { AppError } from "../../core/errors.ts";
import type { RouteRequest } from "../../core/route.ts";
import { quoted } from "./problem-list.ts";

type Headers = RouteRequest<unknown, unknown, unknown>["headers"];

/** A header's text; the first of repeated ones. */
export function headerText(headers: Headers, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
}

/** `X-Slipway-Deadline-Ms`: how long the caller will wait. Throws INVALID_REQUEST. */
export function deadlineHeader(headers: Headers): number | undefined {
  const text = headerText(headers, "x-slipway-deadline-ms");
  if (text === undefined) return undefined;
  const milliseconds = /^[0-9]{1,9}(\.[0-9]{1,6})?$/.test(text) ? Number(text) : 0;
  if (milliseconds <= 0) throw new AppError("INVALID_REQUEST", `X-Slipway-Deadline-Ms is ${quoted(text)}; it must be a number of milliseconds above 0.`);
  return milliseconds;
}
