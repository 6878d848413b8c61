import type { ErrorCode } from "../../core/error-catalogue.ts";
import type { AppError } from "../../core/errors.ts";
import { recordOfFailure, type CallRecord } from "./call-record.ts";
import type { OpenedFloor } from "./call-floor.ts";
import { isUsedUp } from "./is-used-up.ts";
import { limitLeftHeaders } from "./limit-left-headers.ts";
import { limitHeaders, processingHeaders } from "../providers/provider-headers.ts";
import type { Protocol } from "../providers/provider-mapping.ts";
import { attemptsOfFailure, type AttemptRecord, type OpenedCall } from "../routing/call-plan.ts";

/** What an answer says of its way, beside the protocol. Clients show the request's id as `_request_id`: this server's, for its log and its trace lead to the provider's. */
export function answerHeaders(record: CallRecord, protocol: Protocol): Record<string, string> {
  const { target, attempts, headers: more, requestId, limits } = record;
  const headers: Record<string, string> = { "X-Request-Id": requestId, ...ownIdHeader(protocol, requestId), ...wayHeaders(record) };
  if (target !== null) headers["X-Slipway-Target"] = safeHeader(`${target.provider}/${target.model}`);
  Object.assign(headers, providerRequest(attempts));
  if (limits !== null) Object.assign(headers, limitLeftHeaders(limits, protocol));
  return more === null ? headers : Object.assign(headers, more);
}

/**
 * What an error says beside the protocol; of a call that was let in also what its answer would have said of its way, so that a failed call is found again. Clients of OpenAI and Anthropic ask again by themselves after every 429 and 5xx,
 * unless `x-should-retry` says that it is of no use.
 */
export function errorHeaders(error: AppError, requestId: string, protocol: Protocol): Record<string, string> {
  const record = recordOfFailure.get(error);
  const own = record === undefined ? {} : { ...wayHeaders(record), ...record.headers, ...(record.limits === null ? {} : limitLeftHeaders(record.limits, protocol)) };
  return { ...ownIdHeader(protocol, requestId), ...own, ...(isFinal(error) ? { "X-Should-Retry": "false" } : {}), ...providerRequest(attemptsOfFailure.get(error) ?? []) };
}

/** Of statuses after which clients ask again, what stays as it is until somebody changes the server. A document that did not keep to its schema was asked for as often as its route says, and each round costs. */
const staying: ReadonlySet<ErrorCode> = new Set(["GUARDRAIL_UNAVAILABLE", "PROVIDER_UNAUTHORIZED", "SECRET_UNREADABLE", "STRUCTURED_OUTPUT_INVALID"]);
/** Clients of Python wait no longer; those of JavaScript sleep as long as they are told, and older ones of both ask again after half a second. */
const longestWaitSeconds = 120;

/** Whether asking again soon is of no use. */
function isFinal(error: AppError): boolean {
  return isUsedUp(error) || staying.has(error.code) || (error.retryAfterSeconds ?? 0) > longestWaitSeconds;
}

function wayHeaders({ attribution: { route, traceId }, attempts }: CallRecord): Record<string, string> {
  const headers: Record<string, string> = { ...(route === null ? {} : { "X-Slipway-Route": safeHeader(route) }), "X-Slipway-Trace": traceId };
  if (attempts.length > 1) headers["X-Slipway-Attempts"] = String(attempts.length);
  return headers;
}

/**
 * What a provider's answer says of the provider, for a caller of its protocol. Its limits are the caller's only where nothing else decides over the next call: one target, and no limits of this server's own, which
 * may be narrower.
 */
export function passedHeaders({ route: { settings }, policy }: OpenedFloor, { provider, headers }: OpenedCall<unknown>, protocol: Protocol): Record<string, string> {
  if (provider.mapping.native[protocol] === undefined) return {};
  const { limits, modelLimits } = provider.settings;
  const isLimitedHere = [settings.limits, policy?.limits, limits, modelLimits].some((own) => own !== undefined);
  return { ...processingHeaders(headers), ...(isLimitedHere || settings.targets.length > 1 ? {} : limitHeaders(headers)) };
}

/** Anthropic's clients look for the id under a name of their own. */
function ownIdHeader(protocol: Protocol, requestId: string): Record<string, string> {
  return protocol === "anthropic-messages" || protocol === "anthropic-count" ? { "Request-Id": requestId } : {};
}

/** By which the provider's support finds the attempt that decided: the one that answered, else the last. */
function providerRequest(attempts: readonly AttemptRecord[]): Record<string, string> {
  const { requestId = null } = attempts.at(-1) ?? {};
  return requestId === null ? {} : { "X-Slipway-Provider-Request": requestId };
}

/** Fields of the request that the provider was not told, and what it was told instead of others. */
export function remarkHeaders(dropped: readonly string[], emulated: readonly string[]): Record<string, string> {
  return { ...(dropped.length === 0 ? {} : { "X-Slipway-Dropped": safeHeader(listed(dropped)) }), ...(emulated.length === 0 ? {} : { "X-Slipway-Emulated": safeHeader(listed(emulated)) }) };
}

/** Of one such header. Clients take 8 or 16 KiB of all together, and callers choose how long names are. */
const mostListed = 2000;

/** The first of them, and whether there are more. */
function listed(names: readonly string[]): string {
  let length = 0;
  const fitting = names.findIndex((name) => (length += encodeURIComponent(name.toWellFormed()).length + 2) > mostListed);
  return fitting < 0 ? names.join(", ") : [...names.slice(0, fitting), "and more"].join(", ");
}

/** Names of models come from callers: nothing in them may end a header or begin another. */
export function safeHeader(text: string): string {
  return /^[\x20-\x7e]*$/.test(text) ? text : encodeURIComponent(text.toWellFormed());
}
