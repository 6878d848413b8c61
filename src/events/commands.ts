import type { Command } from "../core/command.ts";
import { AppError } from "../core/errors.ts";
import { textTable } from "../core/text-table.ts";
import type { Delivery, RecordedEvent, SubscriberStatus, WebhookStatus, WebhookWithSecret } from "./schemas.ts";

const webhookPath = (id: string): string => `/api/webhooks/${encodeURIComponent(id)}`;
const timeText = (time: number | null): string => (time === null ? "-" : new Date(time).toISOString());
const webhookId = [{ name: "<webhook>", description: "id of the webhook" }];
const receiverId = [{ name: "<webhook>", description: "id of the webhook or subscriber" }];

const listEvents: Command = {
  words: ["events"],
  summary: "list what happened, newest first",
  namesKeys: true,
  options: [
    { flags: "--type <type>", description: "such as model.alias.changed or model.*" },
    { flags: "--object <object>", description: "such as model:churn" },
    { flags: "--before <sequence>", description: "only events before this one" },
    { flags: "--limit <number>", description: "how many", default: "50" },
  ],
  run: ({ api }, { options }) => api.get("/api/events", options as Record<string, string>),
  render: ({ events }: { events: RecordedEvent[] }) =>
    events.length === 0
      ? "Nothing has happened."
      : textTable(
          ["SEQUENCE", "TIME", "TYPE", "OBJECT", "ACTOR", "DETAILS"],
          events.map(({ sequence, time, type, object, actor, payload }) => [String(sequence), timeText(time), type, object, actor, JSON.stringify(payload)]),
        ),
};

const createWebhook: Command = {
  words: ["webhooks", "create"],
  summary: "send events to a URL, signed",
  positionals: [{ name: "<name>", description: "for people" }, { name: "<url>", description: "where events are posted" }],
  options: [
    { flags: "--types <types>", description: "types of events, comma-separated, such as model.*; all by default" },
    { flags: "--team <team>", description: "team whose events are sent, * for all", default: "default" },
    { flags: "--format <format>", description: "standard, or mlflow for receivers of MLflow's webhooks", default: "standard" },
  ],
  run: ({ api }, { positionals: [name, url], options: { types, team, format } }) =>
    api.send("POST", "/api/webhooks", { name, url, team, format, ...(typeof types === "string" ? { types: types.split(",").map((type) => type.trim()) } : {}) }),
  render: (webhook: WebhookWithSecret) => `${webhook.id} sends ${webhook.types.join(", ")} to ${webhook.url}.\nIts secret, shown this once: ${webhook.secret}`,
};

const listWebhooks: Command = {
  words: ["webhooks", "list"],
  summary: "list webhooks and how their deliveries stand",
  run: ({ api }) => api.get("/api/webhooks"),
  render: ({ webhooks, subscribers }: { webhooks: WebhookStatus[]; subscribers: SubscriberStatus[] }) => {
    const lastOf = ({ lastDelivery }: WebhookStatus | SubscriberStatus): string =>
      lastDelivery === null ? "-" : `${lastDelivery.state} ${lastDelivery.status ?? ""}`.trim();
    const rows = [
      ...webhooks.map((webhook) => [
        webhook.id, webhook.name, webhook.team, webhook.format, webhook.types.join(","), webhook.pausedAt === null ? "active" : "paused",
        String(webhook.pending), String(webhook.dead), lastOf(webhook), webhook.url,
      ]),
      ...subscribers.map((one) => [one.id, one.name, "*", "-", one.types.join(","), "active", String(one.pending), String(one.dead), lastOf(one), "(this server)"]),
    ];
    return rows.length === 0 ? "No webhooks." : textTable(["ID", "NAME", "TEAM", "FORMAT", "TYPES", "STATE", "PENDING", "DEAD", "LAST", "URL"], rows);
  },
};

const removeWebhook: Command = {
  words: ["webhooks", "remove"],
  summary: "remove a webhook with its deliveries",
  positionals: webhookId,
  run: ({ api }, { positionals }) => api.send("DELETE", webhookPath(positionals[0]!)),
  render: ({ name }: WebhookStatus) => `${name} is removed.`,
};

const pauseOrResume = (paused: boolean): Command => ({
  words: ["webhooks", paused ? "pause" : "resume"],
  summary: paused ? "stop sending; events are kept" : "go on sending, with what was kept",
  positionals: webhookId,
  run: ({ api }, { positionals }) => api.send("PUT", `${webhookPath(positionals[0]!)}/paused`, { paused }),
  render: ({ name, pending }: WebhookStatus) => `${name} is ${paused ? "paused" : "active"}; ${pending} pending.`,
});

const rotateSecret: Command = {
  words: ["webhooks", "rotate"],
  summary: "give a webhook a new secret; the former one is good for a day",
  positionals: webhookId,
  run: ({ api }, { positionals }) => api.send("POST", `${webhookPath(positionals[0]!)}/secret`),
  render: ({ secret }: WebhookWithSecret) => `The new secret, shown this once: ${secret}`,
};

const testWebhook: Command = {
  words: ["webhooks", "test"],
  summary: "send a test event to a webhook",
  positionals: webhookId,
  run: ({ api }, { positionals }) => api.send("POST", `${webhookPath(positionals[0]!)}/test`),
  render: ({ id }: WebhookStatus) => `A webhook.test event is on its way: slipway webhooks deliveries ${id}`,
};

const listDeliveries: Command = {
  words: ["webhooks", "deliveries"],
  summary: "list deliveries, newest event first",
  positionals: receiverId,
  options: [
    { flags: "--state <state>", description: "pending, delivered or dead" },
    { flags: "--before <sequence>", description: "only events before this one" },
    { flags: "--limit <number>", description: "how many", default: "50" },
  ],
  run: ({ api }, { positionals, options }) => api.get(`${webhookPath(positionals[0]!)}/deliveries`, options as Record<string, string>),
  render: ({ deliveries }: { deliveries: Delivery[] }) =>
    deliveries.length === 0
      ? "No deliveries."
      : textTable(
          ["SEQUENCE", "TYPE", "OBJECT", "STATE", "ATTEMPTS", "STATUS", "NEXT ATTEMPT", "LAST ERROR"],
          deliveries.map((one) => [
            String(one.sequence), one.type, one.object, one.state, String(one.attempts), String(one.lastStatus ?? "-"), timeText(one.nextAttemptAt), one.lastError ?? "",
          ]),
        ),
};

const redeliver: Command = {
  words: ["webhooks", "redeliver"],
  summary: "deliver an event again, or everything that was given up",
  positionals: [...receiverId, { name: "[sequence]", description: "of the event" }],
  options: [{ flags: "--dead", description: "everything that was given up" }],
  run: async ({ api }, { positionals: [id, sequence], options }) => {
    if ((sequence === undefined) === (options.dead === undefined)) throw new AppError("INVALID_REQUEST", "Give the sequence of one event, or --dead.");
    if (sequence === undefined) return api.send("POST", `${webhookPath(id!)}/redeliver-dead`);
    await api.send("POST", `${webhookPath(id!)}/deliveries/${encodeURIComponent(sequence)}/redeliver`);
    return { redelivered: 1 };
  },
  render: ({ redelivered }: { redelivered: number }) => `${redelivered} to be delivered again.`,
};

export const eventCommands: readonly Command[] = [
  listEvents, createWebhook, listWebhooks, removeWebhook, pauseOrResume(true), pauseOrResume(false), rotateSecret, testWebhook, listDeliveries, redeliver,
];
