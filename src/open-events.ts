import { randomBytes, randomUUID } from "node:crypto";
import { NodeEgressClient } from "./adapters/egress/node-egress-client.ts";
import { SqlDeliveryStore } from "./adapters/sql/events/sql-delivery-store.ts";
import { SqlOutbox } from "./adapters/sql/events/sql-outbox.ts";
import { SqlWebhookStore } from "./adapters/sql/events/sql-webhook-store.ts";
import type { SqlDatabase } from "./adapters/sql/sql-database.ts";
import { watchEvents } from "./adapters/sql/events/write-events.ts";
import type { Config } from "./config/index.ts";
import type { Clock } from "./core/clock.ts";
import type { IdGenerator } from "./core/ids.ts";
import type { Logger } from "./core/logger.ts";
import type { SecretBox } from "./core/secret-box.ts";
import { EventDispatcher, OutboxFollower, OwnEvents, standardFormat, systemAlarm, WebhookSender, WebhookService, type Outbox } from "./events/index.ts";
import { mlflowFormatName, mlflowWebhookFormat } from "./mlflow/index.ts";

export interface OpenedOutbox {
  /** The database through which stores write: what it commits is followed at once. */
  database: SqlDatabase;
  outbox: Outbox;
  follower: OutboxFollower;
  /** Which of the followed events this process wrote. */
  own: OwnEvents;
}

/** The outbox with its follower, which is to be started when those who follow are there. */
export function openOutbox(database: SqlDatabase, logger: Logger): OpenedOutbox {
  const outbox = new SqlOutbox(database);
  const follower = new OutboxFollower({ outbox, alarm: systemAlarm, logger });
  const own = new OwnEvents(() => follower.wake());
  return { database: watchEvents(database, own), outbox, follower, own };
}

interface Parts {
  config: Config;
  outbox: OpenedOutbox;
  secrets: SecretBox;
  clock: Clock;
  ids: IdGenerator;
  logger: Logger;
}

/** How webhooks may be told of events. */
const formats = { standard: standardFormat, [mlflowFormatName]: mlflowWebhookFormat };

/** Deliveries to webhooks and subscribers, not started yet, and the webhooks themselves. */
export function openDeliveries({ config, outbox: { database, follower }, secrets, clock, ids, logger }: Parts): { dispatcher: EventDispatcher; webhooks: WebhookService } {
  const storeClock = config.databaseUrl === undefined ? clock : "database";
  const store = new SqlDeliveryStore(database, { clock: storeClock, formats });
  const egress = new NodeEgressClient({ allowed: config.egressAllowed });
  const sender = new WebhookSender({ egress, secrets, clock, formats });
  const dispatcher = new EventDispatcher({
    store, clock, logger, alarm: systemAlarm, owner: randomUUID(), isAlone: config.databaseUrl === undefined,
    send: (delivery, signal) => sender.send(delivery, signal),
    random: () => randomBytes(6).readUIntBE(0, 6) / 2 ** 48,
  });
  follower.follow(() => dispatcher.wake());
  const webhooks = new WebhookService({
    webhooks: new SqlWebhookStore(database, { ids, clock: storeClock }), deliveries: store,
    subscribers: () => dispatcher.subscribers, secrets, egress, formats, ids, wake: () => dispatcher.wake(),
    sendOnce: (webhook, event) => sender.sendOnce(webhook, event),
  });
  return { dispatcher, webhooks };
}
