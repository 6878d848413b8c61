import { z } from "zod";
import { route, type Route } from "../core/route.ts";
import { visibleEvents } from "./event-visibility.ts";
import type { Outbox } from "./outbox.ts";
import { Delivery, DeliveryState, EventTypePattern, NewWebhook, RecordedEvent, SubscriberStatus, WebhookStatus, WebhookWithSecret } from "./schemas.ts";
import type { WebhookService } from "./webhook-service.ts";

const tag = "Events";
const Limit = z.coerce.number().int().min(1).max(500).default(50);
const Sequence = z.coerce.number().int().min(1);
const WebhookParams = z.strictObject({ webhook: z.string().min(1).max(140).meta({ description: "Id of a webhook, or of a subscriber where deliveries are meant" }) });

export interface EventRouteParts {
  outbox: Outbox;
  webhooks: WebhookService;
}

export function eventRoutes({ outbox, webhooks }: EventRouteParts): Route[] {
  return [
    route({
      method: "GET", path: "/api/events", access: "viewer", on: "some", operationId: "listEvents", tag,
      summary: "What happened, newest first: of the teams and models that the caller may see",
      query: z.strictObject({ type: EventTypePattern.optional(), object: z.string().min(1).max(300).optional(), before: Sequence.optional(), limit: Limit }),
      response: z.object({ events: z.array(RecordedEvent) }),
      handle: async ({ query, caller }) => ({ events: await outbox.list(query, visibleEvents(caller)) }),
    }),
    route({
      method: "GET", path: "/api/webhooks", access: "admin", on: "some", operationId: "listWebhooks", tag,
      summary: "The webhooks that the caller administers, and how their deliveries stand",
      description: "`subscribers` are parts of the server itself; admins of the whole server see them.",
      response: z.object({ webhooks: z.array(WebhookStatus), subscribers: z.array(SubscriberStatus) }),
      handle: ({ caller }) => webhooks.list(caller),
    }),
    route({
      method: "POST", path: "/api/webhooks", access: "admin", on: "some", operationId: "createWebhook", tag,
      summary: "Send events of a team to a URL",
      description: "Every event that happens after the answer is sent, signed by Standard Webhooks, or in the format of MLflow's webhooks with format=mlflow. The secret is shown in this answer and never again.",
      body: { kind: "json", schema: NewWebhook },
      response: WebhookWithSecret,
      handle: async ({ body, caller, now, auditAs }) => {
        const webhook = await webhooks.create(body, caller, now);
        // The host alone: paths of webhooks are secrets at many receivers.
        auditAs({ object: `webhook:${webhook.id}`, detail: { name: webhook.name, host: new URL(webhook.url).host, types: webhook.types, team: webhook.team } });
        return webhook;
      },
    }),
    route({
      method: "DELETE", path: "/api/webhooks/:webhook", access: "admin", on: "some", operationId: "removeWebhook", tag,
      summary: "Remove a webhook with its deliveries",
      params: WebhookParams,
      response: WebhookStatus,
      handle: ({ params, caller }) => webhooks.remove(params.webhook, caller),
    }),
    route({
      method: "PUT", path: "/api/webhooks/:webhook/paused", access: "admin", on: "some", operationId: "pauseWebhook", tag,
      summary: "Pause a webhook or let it go on",
      description: "Events of the pause are kept and sent when it goes on.",
      params: WebhookParams,
      body: { kind: "json", schema: z.strictObject({ paused: z.boolean() }) },
      response: WebhookStatus,
      handle: ({ params, body, caller, auditAs }) => {
        auditAs({ detail: { paused: body.paused } });
        return webhooks.setPaused(params.webhook, body.paused, caller);
      },
    }),
    route({
      method: "POST", path: "/api/webhooks/:webhook/secret", access: "admin", on: "some", operationId: "rotateWebhookSecret", tag,
      summary: "Give a webhook a new secret",
      description: "For 24 hours deliveries are signed with the former secret as well, where the format has room for two signatures: that of MLflow has not.",
      params: WebhookParams,
      response: WebhookWithSecret,
      handle: ({ params, caller, now }) => webhooks.rotateSecret(params.webhook, caller, now),
    }),
    route({
      method: "POST", path: "/api/webhooks/:webhook/test", access: "admin", on: "some", operationId: "testWebhook", tag,
      summary: "Send a webhook.test event to this webhook alone",
      params: WebhookParams,
      response: WebhookStatus,
      handle: ({ params, caller }) => webhooks.sendTest(params.webhook, caller),
    }),
    route({
      method: "GET", path: "/api/webhooks/:webhook/deliveries", access: "admin", on: "some", operationId: "listDeliveries", tag,
      summary: "Deliveries, newest event first; with state=dead those that were given up",
      params: WebhookParams,
      query: z.strictObject({ state: DeliveryState.optional(), before: Sequence.optional(), limit: Limit }),
      response: z.object({ deliveries: z.array(Delivery) }),
      handle: async ({ params, query, caller }) => ({ deliveries: await webhooks.deliveries(params.webhook, query, caller) }),
    }),
    route({
      method: "POST", path: "/api/webhooks/:webhook/deliveries/:sequence/redeliver", access: "admin", on: "some", operationId: "redeliver", tag,
      summary: "Deliver an event again, now, whether it was delivered or given up",
      params: WebhookParams.extend({ sequence: Sequence }),
      response: Delivery,
      handle: ({ params, caller }) => webhooks.redeliver(params.webhook, params.sequence, caller),
    }),
    route({
      method: "POST", path: "/api/webhooks/:webhook/redeliver-dead", access: "admin", on: "some", operationId: "redeliverDead", tag,
      summary: "Deliver everything again that was given up",
      params: WebhookParams,
      response: z.object({ redelivered: z.number().int() }),
      handle: ({ params, caller }) => webhooks.redeliverDead(params.webhook, caller),
    }),
  ];
}
