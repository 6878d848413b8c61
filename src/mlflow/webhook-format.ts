import { createHmac } from "node:crypto";
import { z } from "zod";
import { AppError } from "../core/errors.ts";
import { matchesType, testEventType, type RecordedEvent, type WebhookDetail, type WebhookFormat } from "../events/index.ts";
import { examplesOf, webhookEvents, type MlflowWebhookEvent, type WebhookPair } from "./webhook-events.ts";

/** Its name in the store and in Slipway's own API. */
export const mlflowFormatName = "mlflow";

const Pair = z.object({ entity: z.string(), action: z.string() });
/** What is noted of a webhook: the pairs that it subscribed to, in their order. */
const Detail = z.object({ events: z.array(Pair) });
const TestPayload = z.object({ example: Pair.optional() });

/** Deliveries as receivers of MLflow's webhooks (3.x) understand and verify them. */
export const mlflowWebhookFormat: WebhookFormat = {
  wants(event, detail) {
    if (event.type === testEventType) return true;
    const told = toldAs(event);
    return told !== undefined && pairsOf(detail).some((pair) => isSame(pair, told));
  },
  request({ event, detail, secrets: [secret], now }) {
    const body = bodyOf(event, detail);
    const timestamp = String(Math.floor(now / 1000));
    const headers = { "X-MLflow-Delivery-Id": event.id, "X-MLflow-Timestamp": timestamp };
    // There is room for one signature only, so a new secret holds at once.
    return { body, headers: secret === undefined ? headers : { ...headers, "X-MLflow-Signature": signatureOf(secret, event.id, timestamp, body) } };
  },
  subscription(types) {
    const events = webhookEvents.filter(({ type }) => types.some((pattern) => matchesType(pattern, type)));
    if (events.length === 0) throw new AppError("INVALID_PARAMETER", "The format of MLflow's webhooks has no words for any of these types of events.");
    return subscriptionTo(events);
  },
};

/** The types that the pairs are told from, and the pairs themselves. */
export function subscriptionTo(pairs: readonly WebhookPair[]): { types: string[]; detail: { events: WebhookPair[] } } {
  const events = webhookEvents.filter((event) => pairs.some((pair) => isSame(pair, event)));
  return { types: [...new Set(events.map(({ type }) => type))], detail: { events: pairs.map(({ entity, action }) => ({ entity, action })) } };
}

/** Those that a webhook subscribed to. */
export function pairsOf(detail: WebhookDetail): WebhookPair[] {
  return Detail.safeParse(detail).data?.events ?? [];
}

/** Of a webhook.test: which example is meant. */
export function exampleOf(pair: WebhookPair): z.infer<typeof TestPayload> {
  return { example: { entity: pair.entity, action: pair.action } };
}

/** `v1,` and HMAC-SHA-256 in base64 over `id.timestamp.body`, with the text of the secret as the key. */
export function signatureOf(secret: string, id: string, timestamp: string, body: string): string {
  return `v1,${createHmac("sha256", secret).update(`${id}.${timestamp}.${body}`).digest("base64")}`;
}

function bodyOf(event: RecordedEvent, detail: WebhookDetail): string {
  const told = toldAs(event);
  const { entity, action } = told ?? TestPayload.parse(event.payload).example ?? pairsOf(detail)[0] ?? webhookEvents[0]!;
  const data = told === undefined ? examplesOf({ entity, action }) : told.data(event.payload);
  return JSON.stringify({ entity, action, timestamp: new Date(event.time).toISOString().replace("Z", "+00:00"), data });
}

function toldAs({ type, payload }: RecordedEvent): MlflowWebhookEvent | undefined {
  return webhookEvents.find((event) => event.type === type && event.ofPrompt === (payload.prompt === true));
}

function isSame(left: WebhookPair, right: WebhookPair): boolean {
  return left.entity === right.entity && left.action === right.action;
}
