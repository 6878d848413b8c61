import type { EpochMs } from "../core/clock.ts";
import type { RecordedEvent, WebhookDetail } from "./schemas.ts";

/** One delivery, before it has a shape. */
export interface Dispatch {
  event: RecordedEvent;
  /** What the format noted of the webhook when it was made or changed. */
  detail: WebhookDetail;
  /** Those to sign with, the newest first; none where the webhook has no secret. */
  secrets: readonly string[];
  /** Time of the attempt. */
  now: EpochMs;
}

/** What a receiver gets. `content-type` and `user-agent` are the sender's. */
export interface WebhookRequest {
  headers: Readonly<Record<string, string>>;
  body: string;
}

/**
 * How the deliveries of some webhooks look. The same attempt at the same event gives the same id in every format, so that
 * receivers can deduplicate retries.
 */
export interface WebhookFormat {
  /** Whether the webhook is told of the event, which is of its team and types, or a `webhook.test` of itself. */
  wants(event: RecordedEvent, detail: WebhookDetail): boolean;
  request(dispatch: Dispatch): WebhookRequest;
  /** What a webhook of these patterns of types is made with. Throws INVALID_PARAMETER where the format tells of none of them. */
  subscription(types: readonly string[]): { types: string[]; detail: WebhookDetail };
}

/** By name, as it is stored with the webhook. */
export type WebhookFormats = Readonly<Record<string, WebhookFormat>>;

/** Whether a webhook wants an event. A format of another release decides nothing here: what it gets waits for that release. */
export function isWanted(formats: WebhookFormats, { format, detail }: { format: string; detail: WebhookDetail }, event: RecordedEvent): boolean {
  return !Object.hasOwn(formats, format) || formats[format]!.wants(event, detail);
}
