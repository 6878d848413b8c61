import { z } from "zod";

const Timestamp = z.number().int().nonnegative().meta({ description: "Milliseconds since 1970-01-01T00:00:00Z" });

const endOfRun = z.object({ run: z.string(), workflow: z.string(), version: z.number().int(), error: z.unknown().optional() });

/** `prompt` where the model is a prompt of MLflow's clients: a model with the tag that says so. */
const ofModel = z.object({ model: z.string(), reason: z.string().optional(), prompt: z.literal(true).optional() });
const ofVersion = ofModel.extend({ version: z.string() });
const texts = { before: z.string(), after: z.string() };
const tagSet = { key: z.string(), value: z.string(), before: z.string().nullable() };
const tagDeleted = { key: z.string(), before: z.string() };
const Tags = z.array(z.object({ key: z.string(), value: z.string() })).optional();

/** On `model:NAME`. */
const ofRollout = z.object({ model: z.string(), rollout: z.string(), kind: z.string(), candidate: z.string(), stable: z.string(), reason: z.string().optional() });

/** What can happen, and what the event says of it beside object, team and actor. */
export const eventPayloads = {
  "model.created": ofModel.extend({ description: z.string().optional(), tags: Tags }),
  "model.described": ofModel.extend(texts),
  /** On both names. */
  "model.renamed": ofModel.extend(texts),
  "model.deleted": ofModel,
  "model.tag.set": ofModel.extend(tagSet),
  "model.tag.deleted": ofModel.extend(tagDeleted),
  "model.version.registered": ofVersion.extend({
    contractDigest: z.string().optional(), source: z.string().optional(), runId: z.string().optional(), description: z.string().optional(), tags: Tags,
  }),
  "model.version.transitioned": ofVersion.extend(texts),
  "model.version.described": ofVersion.extend(texts),
  "model.version.deleted": ofVersion,
  "model.version.tag.set": ofVersion.extend(tagSet),
  "model.version.tag.deleted": ofVersion.extend(tagDeleted),
  "model.version.evaluated": z.object({ model: z.string(), version: z.string(), evaluation: z.string(), dataset: z.string(), verdicts: z.array(z.object({ role: z.string(), verdict: z.string() })) }),
  "model.alias.changed": ofModel.extend({ alias: z.string(), version: z.string(), before: z.string().optional() }),
  "model.alias.deleted": ofModel.extend({ alias: z.string(), version: z.string() }),
  "model.policy.changed": z.object({ model: z.string(), revision: z.number().int() }),
  "model.route.changed": z.object({ model: z.string(), revision: z.number().int(), rollout: z.string().nullable() }),
  "rollout.started": ofRollout,
  "rollout.phase.entered": ofRollout.extend({ phase: z.string() }),
  "rollout.paused": ofRollout,
  "rollout.resumed": ofRollout,
  "rollout.succeeded": ofRollout,
  "rollout.rolled_back": ofRollout,
  "rollout.aborted": ofRollout,
  "rollout.failed": ofRollout,
  "workflow.run.succeeded": endOfRun,
  "workflow.run.failed": endOfRun,
  "workflow.run.cancelled": endOfRun,
  "dataset.created": z.object({ dataset: z.string() }),
  "dataset.version.added": z.object({ dataset: z.string(), version: z.number().int(), digest: z.string() }),
  "dataset.deleted": z.object({ dataset: z.string() }),
  "experiment.created": z.object({ experiment: z.string(), name: z.string() }),
  "run.finished": z.object({ run: z.string(), experiment: z.string(), name: z.string(), status: z.enum(["FINISHED", "FAILED", "KILLED"]) }),
  "key.created": z.object({ key: z.string(), name: z.string() }),
  "key.rotated": z.object({ key: z.string(), name: z.string() }),
  "key.revoked": z.object({ key: z.string(), name: z.string() }),
  /** Percent of a budget that are spent: 50, 80 or 100. Amounts are US dollars. */
  "budget.alert": z.object({ budget: z.string(), window: z.enum(["day", "month"]), threshold: z.number().int(), spent: z.number(), limit: z.number() }),
  "budget.changed": z.object({ scope: z.enum(["team", "project"]), team: z.string(), name: z.string() }),
  "budget.removed": z.object({ scope: z.enum(["team", "project"]), team: z.string(), name: z.string() }),
  "price.set": z.object({ provider: z.string(), model: z.string(), price: z.string() }),
  "team.created": z.object({ team: z.string() }),
  "team.removed": z.object({ team: z.string() }),
  /** Sent to one webhook on request, and to nobody else. */
  "webhook.test": z.object({ name: z.string() }),
} as const;

export const testEventType = "webhook.test";

/** An event of the outbox. */
export const RecordedEvent = z
  .object({
    sequence: z.number().int().meta({ description: "Position in the order of commits, from 1 and without gaps" }),
    id: z.string().meta({ description: "The same in every delivery: receivers deduplicate by it" }),
    type: z.string(),
    object: z.string().meta({ description: "What it happened to, such as model:churn; deliveries of one object keep their order" }),
    team: z.string(),
    actor: z.string().meta({ description: "Whose doing it was" }),
    time: Timestamp,
    payload: z.record(z.string(), z.unknown()),
  })
  .meta({ id: "Event" });
export type RecordedEvent = z.infer<typeof RecordedEvent>;

/** A type, all types with the same beginning (`model.*`), or all (`*`). One that no event has is refused: it would never fire. */
export const EventTypePattern = z
  .string()
  .max(100)
  .refine((pattern) => Object.keys(eventPayloads).some((type) => matchesType(pattern, type)), "a type of event such as model.alias.changed, model.* or *")
  .meta({ id: "EventTypePattern", example: "model.*" });

export function matchesType(pattern: string, type: string): boolean {
  return pattern === "*" || pattern === type || (pattern.endsWith(".*") && type.startsWith(pattern.slice(0, -1)));
}

export const DeliveryState = z.enum(["pending", "delivered", "dead"]).meta({ id: "DeliveryState" });
export type DeliveryState = z.infer<typeof DeliveryState>;

/** One event on its way to one webhook or subscriber. */
export const Delivery = z
  .object({
    sequence: z.number().int().meta({ description: "The event's sequence" }),
    eventId: z.string(),
    type: z.string(),
    object: z.string(),
    state: DeliveryState,
    attempts: z.number().int(),
    nextAttemptAt: Timestamp.nullable().meta({ description: "Null when it has ended; an earlier event of the same object goes first" }),
    lastStatus: z.number().int().nullable().meta({ description: "HTTP status of the last answer" }),
    lastError: z.string().nullable(),
    endedAt: Timestamp.nullable(),
  })
  .meta({ id: "Delivery" });
export type Delivery = z.infer<typeof Delivery>;

/** How deliveries to one receiver stand. */
export const DeliveryCounts = z.object({
  pending: z.number().int(),
  dead: z.number().int(),
  lastDelivery: z.object({ time: Timestamp, state: DeliveryState, status: z.number().int().nullable() }).nullable(),
});
export type DeliveryCounts = z.infer<typeof DeliveryCounts>;

/** What the format of a webhook knows beside its types. */
export const WebhookDetail = z.record(z.string(), z.unknown()).nullable();
export type WebhookDetail = z.infer<typeof WebhookDetail>;

export const Webhook = z
  .object({
    id: z.string(),
    name: z.string(),
    url: z.string(),
    types: z.array(z.string()),
    team: z.string().meta({ description: "The team whose events it gets; * for all" }),
    createdBy: z.string(),
    createdAt: Timestamp,
    updatedAt: Timestamp.nullable().meta({ description: "Null where nothing changed since it was made" }),
    pausedAt: Timestamp.nullable(),
    format: z.string().meta({ description: "How deliveries look: standard, or that of another product", example: "standard" }),
    description: z.string(),
    detail: WebhookDetail.meta({ description: "What the format knows beside the types, such as MLflow's pairs of entity and action" }),
  })
  .meta({ id: "Webhook" });
export type Webhook = z.infer<typeof Webhook>;

export const WebhookStatus = Webhook.extend(DeliveryCounts.shape).meta({ id: "WebhookStatus" });
export type WebhookStatus = z.infer<typeof WebhookStatus>;

/** Part of the server that durably follows events; its failed ones are seen and redelivered like a webhook's. */
export const SubscriberStatus = z
  .object({ id: z.string().meta({ description: "Takes the place of a webhook's id in the routes of deliveries" }), name: z.string(), types: z.array(z.string()), ...DeliveryCounts.shape })
  .meta({ id: "SubscriberStatus" });
export type SubscriberStatus = z.infer<typeof SubscriberStatus>;

export const NewWebhook = z
  .strictObject({
    name: z.string().trim().min(1).max(100),
    url: z.string().min(1).max(2000).meta({ description: "https, or http where the configuration allows the host", example: "https://example.com/hooks/slipway" }),
    types: z.array(EventTypePattern).min(1).max(50).default(["*"]),
    team: z.string().min(1).max(128).default("default").meta({ description: "The team whose events it gets; * for all" }),
    format: z.string().min(1).max(40).default("standard").meta({ description: "standard for Standard Webhooks, mlflow for what receivers of MLflow's webhooks understand" }),
    description: z.string().max(1000).default(""),
  })
  .meta({ id: "NewWebhook" });
export type NewWebhook = z.infer<typeof NewWebhook>;

/** A new webhook or a new secret: the only answers that carry one. */
export const WebhookWithSecret = WebhookStatus.extend({
  secret: z.string().meta({ description: "Verifies signatures, by Standard Webhooks where that is the format; shown once", example: "whsec_..." }),
}).meta({ id: "WebhookWithSecret" });
export type WebhookWithSecret = z.infer<typeof WebhookWithSecret>;
