import { mayInTeam, mayOnServer, requireInTeam, type Caller } from "../core/caller.ts";
import { epochMs, type EpochMs } from "../core/clock.ts";
import type { EgressAnswer, EgressClient } from "../core/egress.ts";
import { AppError } from "../core/errors.ts";
import type { IdGenerator } from "../core/ids.ts";
import { denial } from "../core/request-gate.ts";
import type { DeliveryStore } from "./delivery-store.ts";
import { testEventType, type Delivery, type DeliveryState, type NewWebhook, type SubscriberStatus, type Webhook, type WebhookStatus, type WebhookWithSecret } from "./schemas.ts";
import type { WebhookFormats } from "./webhook-format.ts";
import { newWebhookSecret, openSecrets, rotatedSecrets, sealSecrets, type SecretSealer } from "./webhook-secret.ts";
import type { WebhookSender } from "./webhook-sender.ts";
import type { WebhookChanges, WebhookRecord, WebhookStore } from "./webhook-store.ts";

/** A webhook as the wire of another product describes it. */
export type ForeignWebhook = Pick<Webhook, "name" | "url" | "types" | "format" | "description" | "detail"> & {
  /** Empty: deliveries are not signed. */
  secret: string;
  paused: boolean;
};

/** What that wire may change of one; what is absent stays as it is. */
export type ForeignChanges = Omit<WebhookChanges, "sealedSecret"> & Partial<Pick<ForeignWebhook, "secret">>;

export interface WebhookServiceParts {
  webhooks: WebhookStore;
  deliveries: DeliveryStore;
  /** Parts of the server that follow events durably. */
  subscribers: () => readonly { id: string; name: string; types: readonly string[] }[];
  secrets: SecretSealer;
  egress: Pick<EgressClient, "assertPlausible">;
  formats: WebhookFormats;
  /** One attempt, now. */
  sendOnce: WebhookSender["sendOnce"];
  ids: IdGenerator;
  /** Called when there is something to deliver. */
  wake: () => void;
}

const redeliveredAtOnce = 500;
const defaultTeam = "default";

/** Webhooks for their admins: those of a team's events belong to the team's admins, those of all events to the server's. */
export class WebhookService {
  readonly #parts: WebhookServiceParts;

  constructor(parts: WebhookServiceParts) {
    this.#parts = parts;
  }

  /** Those that the caller administers; subscribers for admins of the server. */
  async list(caller: Caller): Promise<{ webhooks: WebhookStatus[]; subscribers: SubscriberStatus[] }> {
    const webhooks = (await this.#parts.webhooks.list()).filter(({ team }) => mayInTeam(caller, "admin", team));
    const subscribers = mayOnServer(caller, "admin") ? this.#parts.subscribers() : [];
    const counts = await this.#parts.deliveries.counts([...webhooks, ...subscribers].map(({ id }) => id));
    return {
      webhooks: webhooks.map((webhook) => ({ ...viewOf(webhook), ...counts.get(webhook.id)! })),
      subscribers: subscribers.map(({ id, name, types }) => ({ id, name, types: [...types], ...counts.get(id)! })),
    };
  }

  /** Throws FORBIDDEN, TEAM_NOT_FOUND, EGRESS_REFUSED, INVALID_PARAMETER for a format that is not there or tells of none of the types. */
  async create({ types: asked, team, format, ...request }: NewWebhook, caller: Caller, now: EpochMs): Promise<WebhookWithSecret> {
    const { formats } = this.#parts;
    if (!Object.hasOwn(formats, format)) throw new AppError("INVALID_PARAMETER", `There is no format ${JSON.stringify(format)}: take one of ${Object.keys(formats).join(", ")}.`);
    const secret = newWebhookSecret();
    const webhook = await this.#add({ ...request, ...formats[format]!.subscription(asked), format, secret, paused: false }, team, caller, now);
    return { ...webhook, pending: 0, dead: 0, lastDelivery: null, secret };
  }

  /** Its team is the default one, or the only one that the caller administers. Throws as `create`. */
  createForeign(request: ForeignWebhook, caller: Caller, now: EpochMs): Promise<Webhook> {
    return this.#add(request, teamFor(caller), caller, now);
  }

  async #add({ secret, paused, ...request }: ForeignWebhook, team: string, caller: Caller, now: EpochMs): Promise<Webhook> {
    requireInTeam(caller, "admin", team);
    this.#parts.egress.assertPlausible(request.url);
    const id = this.#parts.ids.next("webhook");
    const sealedSecret = sealSecrets(this.#parts.secrets, id, { current: secret, former: null });
    const webhook = { ...request, id, team, createdBy: caller.actor, createdAt: now, updatedAt: null, pausedAt: paused ? now : null };
    await this.#parts.webhooks.add({ ...webhook, sealedSecret });
    return webhook;
  }

  /** Those of a format that the caller administers, the newest first. */
  async listOf(format: string, caller: Caller): Promise<Webhook[]> {
    const all = await this.#parts.webhooks.list();
    return all.filter((webhook) => webhook.format === format && mayInTeam(caller, "admin", webhook.team)).map(viewOf).reverse();
  }

  /** Throws WEBHOOK_NOT_FOUND, as all that follow; also for one of another format. */
  async findOf(format: string, id: string, caller: Caller): Promise<Webhook> {
    return viewOf(await this.#ofFormat(format, id, caller));
  }

  /** A new secret holds at once. Throws EGRESS_REFUSED. */
  async updateForeign(format: string, id: string, { secret, ...changes }: ForeignChanges, caller: Caller, now: EpochMs): Promise<Webhook> {
    const { createdAt, updatedAt } = await this.#ofFormat(format, id, caller);
    if (changes.url !== undefined) this.#parts.egress.assertPlausible(changes.url);
    const sealed = secret === undefined ? {} : { sealedSecret: sealSecrets(this.#parts.secrets, id, { current: secret, former: null }) };
    // Later than all before, also where clocks differ or have not moved on.
    const time = epochMs(Math.max(now, (updatedAt ?? createdAt) + 1));
    if (!(await this.#parts.webhooks.update(id, { ...changes, ...sealed }, time))) throw notFound(id);
    if (changes.paused === false) this.#parts.wake();
    return this.findOf(format, id, caller);
  }

  /** Sends one example, which no delivery keeps, and answers as the receiver did. `example` is for the format. Throws EGRESS_REFUSED, EGRESS_FAILED, SECRET_UNREADABLE. */
  async tryOut(format: string, id: string, example: Readonly<Record<string, unknown>>, caller: Caller, now: EpochMs): Promise<EgressAnswer> {
    const webhook = await this.#ofFormat(format, id, caller);
    const payload = { name: webhook.name, ...example };
    return this.#parts.sendOnce(webhook, { sequence: 0, id: this.#parts.ids.next("event"), type: testEventType, object: `webhook:${id}`, team: webhook.team, actor: caller.actor, time: now, payload });
  }

  async remove(id: string, caller: Caller): Promise<WebhookStatus> {
    const status = await this.#status(await this.#webhook(id, caller));
    if (!(await this.#parts.webhooks.remove(id))) throw notFound(id);
    return status;
  }

  async setPaused(id: string, paused: boolean, caller: Caller): Promise<WebhookStatus> {
    await this.#webhook(id, caller);
    if (!(await this.#parts.webhooks.setPaused(id, paused))) throw notFound(id);
    if (!paused) this.#parts.wake();
    return this.#status(await this.#webhook(id, caller));
  }

  /** The former secret is signed with too for 24 hours; one before it no longer. Throws SECRET_UNREADABLE. */
  async rotateSecret(id: string, caller: Caller, now: EpochMs): Promise<WebhookWithSecret> {
    for (;;) {
      const webhook = await this.#webhook(id, caller);
      const secret = newWebhookSecret();
      const secrets = rotatedSecrets(openSecrets(this.#parts.secrets, id, webhook.sealedSecret), secret, now);
      // When somebody rotated it in between, theirs is the former one.
      if (!(await this.#parts.webhooks.replaceSecret(id, webhook.sealedSecret, sealSecrets(this.#parts.secrets, id, secrets)))) continue;
      return { ...(await this.#status(webhook)), secret };
    }
  }

  async sendTest(id: string, caller: Caller): Promise<WebhookStatus> {
    const webhook = await this.#webhook(id, caller);
    if (!(await this.#parts.webhooks.addTest(id, caller.actor))) throw notFound(id);
    return this.#status(webhook);
  }

  /** `id` is a webhook's or a subscriber's. */
  async deliveries(id: string, filter: { state?: DeliveryState; before?: number; limit: number }, caller: Caller): Promise<Delivery[]> {
    await this.#assertReceiver(id, caller);
    return this.#parts.deliveries.list(id, filter);
  }

  /** Throws DELIVERY_NOT_FOUND. */
  async redeliver(id: string, sequence: number, caller: Caller): Promise<Delivery> {
    await this.#assertReceiver(id, caller);
    const delivery = await this.#parts.deliveries.redeliver(id, sequence);
    if (delivery === null) throw new AppError("DELIVERY_NOT_FOUND", `${id} has no delivery of event ${sequence}.`);
    this.#parts.wake();
    return delivery;
  }

  async redeliverDead(id: string, caller: Caller): Promise<{ redelivered: number }> {
    await this.#assertReceiver(id, caller);
    let redelivered = 0;
    for (let some = redeliveredAtOnce; some === redeliveredAtOnce; ) redelivered += some = await this.#parts.deliveries.redeliverDead(id, redeliveredAtOnce);
    this.#parts.wake();
    return { redelivered };
  }

  async #assertReceiver(id: string, caller: Caller): Promise<void> {
    if (!this.#parts.subscribers().some((subscriber) => subscriber.id === id)) await this.#webhook(id, caller);
    else if (!mayOnServer(caller, "admin")) throw denial(notFound(id));
  }

  /** What the caller may not administer is not there for them. */
  async #webhook(id: string, caller: Caller): Promise<WebhookRecord> {
    const webhook = await this.#parts.webhooks.find(id);
    if (webhook === null) throw notFound(id);
    if (!mayInTeam(caller, "admin", webhook.team)) throw denial(notFound(id));
    return webhook;
  }

  async #ofFormat(format: string, id: string, caller: Caller): Promise<WebhookRecord> {
    const webhook = await this.#webhook(id, caller);
    if (webhook.format !== format) throw notFound(id);
    return webhook;
  }

  async #status(webhook: WebhookRecord): Promise<WebhookStatus> {
    return { ...viewOf(webhook), ...(await this.#parts.deliveries.counts([webhook.id])).get(webhook.id)! };
  }
}

function viewOf({ sealedSecret: _, ...webhook }: WebhookRecord): Webhook {
  return webhook;
}

/** Where a wire has no word for teams. Throws FORBIDDEN. */
function teamFor(caller: Caller): string {
  if (mayInTeam(caller, "admin", defaultTeam)) return defaultTeam;
  const teams = [...new Set(caller.grants.map(({ team }) => team))].filter((team) => mayInTeam(caller, "admin", team));
  if (teams.length === 1) return teams[0]!;
  throw new AppError("FORBIDDEN", teams.length === 0 ? "This needs the role admin in a team." : "This needs the role admin in one team only, or in the team default: here it is not said which team is meant.");
}

function notFound(id: string): AppError {
  return new AppError("WEBHOOK_NOT_FOUND", `There is no webhook ${JSON.stringify(id.slice(0, 140))}.`);
}
