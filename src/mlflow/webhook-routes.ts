import { z } from "zod";
import type { EgressAnswer } from "../core/egress.ts";
import { AppError, toAppError } from "../core/errors.ts";
import { denial, isDenial } from "../core/request-gate.ts";
import type { Route } from "../core/route.ts";
import type { Webhook, WebhookService } from "../events/index.ts";
import { mlflowRoute } from "./mlflow-route.ts";
import { readPageToken, writePageToken } from "./page-token.ts";
import { enumeration, int64, list, message, queryMessage, requiredText, text } from "./request-fields.ts";
import { eventsNotHere, webhookEvents, type WebhookPair } from "./webhook-events.ts";
import { exampleOf, mlflowFormatName, pairsOf, subscriptionTo } from "./webhook-format.ts";

const tag = "MLflow";
const Nothing = z.object({});
/** Of a description and of a secret. */
const maxTextLength = 1000;
const WebhookPath = z.strictObject({ webhook: z.string().min(1).max(140).meta({ description: "Id of a webhook of this format" }) });

/** In the order of their numbers; 0 is the one that stands for none. */
const entities = [
  "ENTITY_UNSPECIFIED", "REGISTERED_MODEL", "MODEL_VERSION", "MODEL_VERSION_TAG", "MODEL_VERSION_ALIAS",
  "PROMPT", "PROMPT_VERSION", "PROMPT_TAG", "PROMPT_VERSION_TAG", "PROMPT_ALIAS", "BUDGET_POLICY",
] as const;
const actions = ["ACTION_UNSPECIFIED", "CREATED", "UPDATED", "DELETED", "SET", "EXCEEDED"] as const;
const Pair = message({ entity: enumeration(entities, 0), action: enumeration(actions, 0) });
const status = enumeration(["ACTIVE", "DISABLED"]);

const WireWebhook = z
  .object({
    webhook_id: z.string(), name: z.string(), description: z.string().optional(), url: z.string(), events: z.array(z.object({ entity: z.string(), action: z.string() })),
    status: z.enum(["ACTIVE", "DISABLED"]), creation_timestamp: z.number().int(), last_updated_timestamp: z.number().int(),
  })
  .meta({ id: "MlflowWebhook" });
const OneWebhook = z.object({ webhook: WireWebhook });
const TestResult = z
  .object({ success: z.boolean(), response_status: z.number().int().optional(), response_body: z.string().optional(), error_message: z.string().optional() })
  .meta({ id: "MlflowWebhookTestResult" });

/** Webhooks over MLflow's wire: those of its format that the caller administers, sent by the dispatcher of all webhooks. */
export function mlflowWebhookRoutes(webhooks: WebhookService): Route[] {
  return [
    mlflowRoute({
      method: "POST", path: "/webhooks", access: "admin", tag, operationId: "mlflowCreateWebhook", summary: "Send events of registered models and prompts to a URL, as MLflow does",
      description: "It gets the events of the team default, or of the only team that the caller administers. A secret signs what is sent and is never answered.",
      body: { kind: "json", schema: message({ name: requiredText, url: requiredText, events: list(Pair), description: text, secret: text, status }) }, response: OneWebhook,
      handle: async ({ body, caller, now, auditAs }) => {
        assertFields(body);
        const { name, url, description = "", secret = "" } = body;
        const request = { name, url, description, secret, format: mlflowFormatName, paused: body.status === "DISABLED", ...subscriptionTo(pairsIn(body.events)) };
        const webhook = await inWebhookWords("", () => webhooks.createForeign(request, caller, now));
        // The host alone: paths of webhooks are secrets at many receivers.
        auditAs({ object: `webhook:${webhook.id}`, detail: { name, host: new URL(url).host, types: webhook.types, team: webhook.team } });
        return { webhook: wireWebhook(webhook) };
      },
    }),
    mlflowRoute({
      method: "GET", path: "/webhooks", access: "admin", tag, operationId: "mlflowListWebhooks", summary: "Webhooks of this format, the newest first",
      query: queryMessage({ max_results: int64, page_token: text }), response: z.object({ webhooks: z.array(WireWebhook).optional(), next_page_token: z.string().optional() }),
      handle: async ({ query: { max_results: asked, page_token: token }, caller }) => {
        const limit = asked === undefined || asked === 0 ? 100 : asked;
        if (limit < 1 || limit > 1000) throw new AppError("INVALID_PARAMETER", "max_results must be between 1 and 1000.");
        const mark = ["webhooks"];
        const after = readPageToken(token, mark);
        const all = await webhooks.listOf(mlflowFormatName, caller);
        const rest = after === null ? all : all.filter((webhook) => placeOf(webhook) < after);
        const page = rest.slice(0, limit);
        const next = writePageToken(rest.length > limit ? placeOf(page.at(-1)!) : null, mark);
        return { ...(page.length === 0 ? {} : { webhooks: page.map(wireWebhook) }), ...(next === undefined ? {} : { next_page_token: next }) };
      },
    }),
    mlflowRoute({
      method: "GET", path: "/webhooks/:webhook", access: "admin", tag, operationId: "mlflowGetWebhook", summary: "A webhook of this format, without its secret",
      params: WebhookPath, response: OneWebhook,
      handle: async ({ params: { webhook: id }, caller }) => ({ webhook: wireWebhook(await inWebhookWords(id, () => webhooks.findOf(mlflowFormatName, id, caller))) }),
    }),
    mlflowRoute({
      method: "PATCH", path: "/webhooks/:webhook", access: "admin", tag, operationId: "mlflowUpdateWebhook", summary: "Change what is named of a webhook",
      description: "A disabled webhook is a paused one: its events are kept, and sent when it is active again. A new secret holds at once; an empty one ends the signing.",
      params: WebhookPath,
      body: { kind: "json", schema: message({ name: text, url: text, events: list(Pair), description: text, secret: text, status }) }, response: OneWebhook,
      handle: async ({ params: { webhook: id }, body, caller, now, auditAs }) => {
        const { name, url, description, secret, events } = body;
        const changes = {
          ...(isGiven(name) ? { name } : {}), ...(isGiven(url) ? { url } : {}), ...(description === undefined ? {} : { description }), ...(secret === undefined ? {} : { secret }),
          ...(body.status === undefined ? {} : { paused: body.status === "DISABLED" }),
        };
        const webhook = await inWebhookWords(id, async () => {
          // What is not there is said before what is wrong with the change.
          await webhooks.findOf(mlflowFormatName, id, caller);
          assertFields(changes);
          return webhooks.updateForeign(mlflowFormatName, id, { ...changes, ...(events.length === 0 ? {} : subscriptionTo(pairsIn(events))) }, caller, now);
        });
        auditAs({ detail: { fields: [...Object.keys(changes), ...(events.length === 0 ? [] : ["events"])], ...(changes.url === undefined ? {} : { host: new URL(changes.url).host }) } });
        return { webhook: wireWebhook(webhook) };
      },
    }),
    mlflowRoute({
      method: "DELETE", path: "/webhooks/:webhook", access: "admin", tag, operationId: "mlflowDeleteWebhook", summary: "Remove a webhook with its deliveries",
      params: WebhookPath, response: Nothing,
      handle: async ({ params: { webhook: id }, caller }) => {
        await inWebhookWords(id, async () => {
          await webhooks.findOf(mlflowFormatName, id, caller);
          await webhooks.remove(id, caller);
        });
        return {};
      },
    }),
    mlflowRoute({
      method: "POST", path: "/webhooks/:webhook/test", access: "admin", tag, operationId: "mlflowTestWebhook", summary: "Send an example to a webhook and answer with what it answered",
      description: "One attempt, which the list of deliveries does not hold. Of the answer the first 16 KiB are shown. As for deliveries, 2xx alone is a success.",
      params: WebhookPath, body: { kind: "json", schema: message({ event: Pair.nullish() }) }, response: z.object({ result: TestResult }),
      handle: async ({ params: { webhook: id }, body: { event }, caller, now }) => {
        const example = event === undefined || event === null ? {} : exampleOf(pairsIn([event])[0]!);
        return { result: await inWebhookWords(id, () => resultOf(() => webhooks.tryOut(mlflowFormatName, id, example, caller, now))) };
      },
    }),
  ];
}

function wireWebhook({ id, name, description, url, detail, pausedAt, createdAt, updatedAt }: Webhook): z.infer<typeof WireWebhook> {
  return {
    webhook_id: id, name, ...(description === "" ? {} : { description }), url,
    events: pairsOf(detail).map(({ entity, action }) => ({ entity: entity.toUpperCase(), action: action.toUpperCase() })),
    status: pausedAt === null ? "ACTIVE" : "DISABLED", creation_timestamp: createdAt, last_updated_timestamp: updatedAt ?? createdAt,
  };
}

/** Sorts as the list does; numbers of one length compare as texts. */
function placeOf({ createdAt, id }: Webhook): string {
  return `${String(createdAt).padStart(16, "0")}/${id}`;
}

/** Each once, in their order. Throws INVALID_PARAMETER for none, and for what cannot happen. */
function pairsIn(given: readonly { entity?: string | undefined; action?: string | undefined }[]): WebhookPair[] {
  if (given.length === 0) throw new AppError("INVALID_PARAMETER", "Webhook events must be a non-empty list of WebhookEvent objects: [].");
  const pairs = new Map<string, WebhookPair>();
  for (const { entity = entities[0], action = actions[0] } of given) {
    const pair = { entity: entity.toLowerCase(), action: action.toLowerCase() };
    if (eventsNotHere.some((each) => each.entity === pair.entity && each.action === pair.action)) {
      throw new AppError("INVALID_PARAMETER", `This server has no event '${pair.entity}.${pair.action}': what it would tell of is not here.`);
    }
    const valid = [...webhookEvents, ...eventsNotHere].filter((each) => each.entity === pair.entity).map((each) => each.action);
    if (!valid.includes(pair.action)) {
      throw new AppError("INVALID_PARAMETER", `Invalid action '${pair.action}' for entity '${pair.entity}'. Valid actions are: [${valid.sort().map((each) => `'${each}'`).join(", ")}]`);
    }
    pairs.set(`${pair.entity}.${pair.action}`, pair);
  }
  return [...pairs.values()];
}

/** Throws INVALID_PARAMETER. Whether the address may be called is judged by the service. */
function assertFields({ name, url, ...texts }: { name?: string; url?: string; description?: string | undefined; secret?: string | undefined }): void {
  if (name !== undefined) assertName(name);
  if (url !== undefined) assertUrl(url);
  for (const field of ["description", "secret"] as const) {
    if ((texts[field]?.length ?? 0) > maxTextLength) throw new AppError("INVALID_PARAMETER", `Invalid value for parameter '${field}' supplied: it has more than ${maxTextLength} characters.`);
  }
}

function assertName(name: string): void {
  if (/^[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?$/i.test(name)) return;
  throw new AppError("INVALID_PARAMETER", `Webhook name '${name.slice(0, 100)}' is invalid. It has 1 to 63 letters, digits, dots, underscores and hyphens, and begins and ends with a letter or digit.`);
}

/** In the words that its clients match on. */
function assertUrl(url: string): void {
  if (url.trim() === "") throw new AppError("INVALID_PARAMETER", "Webhook URL cannot be empty or just whitespace.");
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(url)?.[1]?.toLowerCase() ?? "";
  if (scheme !== "https" && scheme !== "http") throw new AppError("INVALID_PARAMETER", `Invalid webhook URL scheme: '${scheme.slice(0, 40)}'. It is https.`);
  if (url.length > 2000 || !URL.canParse(url)) throw new AppError("INVALID_PARAMETER", "Invalid webhook URL: it cannot be read, or has more than 2000 characters.");
}

function isGiven(given: string | undefined): given is string {
  return given !== undefined && given !== "";
}

/** What the receiver answered, or why it was not reached: that is a result too. */
async function resultOf(attempt: () => Promise<EgressAnswer>): Promise<z.infer<typeof TestResult>> {
  try {
    const { status: answered, body } = await attempt();
    return { success: answered >= 200 && answered < 300, response_status: answered, response_body: new TextDecoder().decode(body) };
  } catch (error) {
    const { code, message: reason } = toAppError(error);
    if (code !== "EGRESS_REFUSED" && code !== "EGRESS_FAILED" && code !== "SECRET_UNREADABLE") throw error;
    return { success: false, error_message: `Failed to test webhook: ${reason}` };
  }
}

/** Says what went wrong in the words that MLflow's clients and their users match on. */
async function inWebhookWords<Result>(id: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    const said =
      error.code === "WEBHOOK_NOT_FOUND" ? new AppError("WEBHOOK_NOT_FOUND", `Webhook with ID ${id} not found.`, { cause: error })
      : error.code === "EGRESS_REFUSED" ? new AppError("INVALID_PARAMETER", `Invalid webhook URL: ${error.message}`, { cause: error })
      : error;
    throw isDenial(error) ? denial(said) : said;
  }
}
