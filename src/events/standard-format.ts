import { createHmac } from "node:crypto";
import type { EpochMs } from "../core/clock.ts";
import type { RecordedEvent } from "./schemas.ts";
import type { WebhookFormat } from "./webhook-format.ts";

/** The format of Slipway's own webhooks: Standard Webhooks (https://www.standardwebhooks.com). */
export const standardFormat: WebhookFormat = {
  wants: () => true,
  request({ event, secrets, now }) {
    const body = standardBody(event);
    return { headers: signedHeaders(secrets, event.id, body, now), body };
  },
  subscription: (types) => ({ types: [...types], detail: null }),
};

/** The payload as Standard Webhooks recommends it: type, time of the event, data. */
function standardBody({ type, object, team, actor, time, payload }: RecordedEvent): string {
  return JSON.stringify({ type, timestamp: new Date(time).toISOString(), data: { ...payload, object, team, actor } });
}

/**
 * HMAC-SHA-256 over `id.timestamp.body`, once with each secret (`whsec_` and the key in base64). The timestamp is that of the
 * attempt, so a receiver may refuse what is old.
 */
export function signedHeaders(secrets: readonly string[], id: string, body: string, now: EpochMs): Record<string, string> {
  const timestamp = String(Math.floor(now / 1000));
  const signatures = secrets.map((secret) => {
    const key = Buffer.from(secret.slice("whsec_".length), "base64");
    return `v1,${createHmac("sha256", key).update(`${id}.${timestamp}.${body}`).digest("base64")}`;
  });
  return { "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": signatures.join(" ") };
}
