import { mayInTeam, mayOnServer, requireInTeam, type Caller } from "../core/caller.ts";
import type { EpochMs } from "../core/clock.ts";
import type { EgressClient } from "../core/egress.ts";
import { AppError } from "../core/errors.ts";
import type { IdGenerator } from "../core/ids.ts";
import { denial } from "../core/request-gate.ts";
import type { DeliveryStore } from "./delivery-store.ts";
import type { Delivery, DeliveryState, NewWebhook, SubscriberStatus, WebhookStatus, WebhookWithSecret } from "./schemas.ts";
import { newWebhookSecret, openSecrets, rotatedSecrets, sealSecrets, type SecretSealer } from "./webhook-secret.ts";
import type { WebhookRecord, WebhookStore } from "./webhook-store.ts";

export interface WebhookServiceParts {
  webhooks: WebhookStore;
  deliveries: DeliveryStore;
  /** Parts of the server that follow events durably. */
  subscribers: () => readonly { id: string; name: string; types: readonly string[] }[];
  secrets: SecretSealer;
  egress: Pick<EgressClient, "assertPlausible">;
  ids: IdGenerator;
  /** Called when there is something to deliver. */
  wake: () => void;
}

const redeliveredAtOnce = 500;

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

  /** Throws FORBIDDEN, TEAM_NOT_FOUND, EGRESS_REFUSED. */
  async create({ name, url, types, team }: NewWebhook, caller: Caller, now: EpochMs): Promise<WebhookWithSecret> {
    requireInTeam(caller, "admin", team);
    this.#parts.egress.assertPlausible(url);
    const id = this.#parts.ids.next("webhook");
    const secret = newWebhookSecret();
    const sealedSecret = sealSecrets(this.#parts.secrets, id, { current: secret, former: null });
    const webhook = { id, name, url, types, team, createdBy: caller.actor, createdAt: now, pausedAt: null };
    await this.#parts.webhooks.add({ ...webhook, sealedSecret });
    return { ...webhook, pending: 0, dead: 0, lastDelivery: null, secret };
  }

  /** Throws WEBHOOK_NOT_FOUND, as all that follow. */
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

  async #status(webhook: WebhookRecord): Promise<WebhookStatus> {
    return { ...viewOf(webhook), ...(await this.#parts.deliveries.counts([webhook.id])).get(webhook.id)! };
  }
}

function viewOf({ id, name, url, types, team, createdBy, createdAt, pausedAt }: WebhookRecord) {
  return { id, name, url, types, team, createdBy, createdAt, pausedAt };
}

function notFound(id: string): AppError {
  return new AppError("WEBHOOK_NOT_FOUND", `There is no webhook ${JSON.stringify(id.slice(0, 140))}.`);
}
