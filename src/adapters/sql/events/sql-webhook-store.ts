import type { Kysely } from "kysely";
import { epochMs, type EpochMs } from "../../../core/clock.ts";
import type { IdGenerator } from "../../../core/ids.ts";
import { testEventType, type WebhookChanges, type WebhookDetail, type WebhookRecord, type WebhookStore } from "../../../events/index.ts";
import type { DatabaseSchema, WebhookRow } from "../database-schema.ts";
import { holdTeam } from "../access/hold-team.ts";
import type { SqlDatabase } from "../sql-database.ts";
import { storeTime, type StoreClock } from "../store-time.ts";
import { writeEvents } from "./write-events.ts";

/** Deliveries that one statement removes, so that a webhook with many does not hold up other writes. */
const deliveriesPerRemoval = 1000;

/** Webhooks in SQL. Each has its cursor in `subscriptions`, under its id. */
export class SqlWebhookStore implements WebhookStore {
  readonly #database: SqlDatabase;
  readonly #ids: IdGenerator;
  readonly #clock: StoreClock;

  constructor(database: SqlDatabase, options: { ids: IdGenerator; clock: StoreClock }) {
    this.#database = database;
    this.#ids = options.ids;
    this.#clock = options.clock;
  }

  async add(webhook: WebhookRecord): Promise<void> {
    await this.#database.transaction(async (transaction) => {
      if (webhook.team !== "*") await holdTeam(transaction, webhook.team);
      const { value } = await transaction.selectFrom("sequences").select("value").where("name", "=", "outbox").executeTakeFirstOrThrow();
      await transaction.insertInto("subscriptions").values({ name: webhook.id, sequence: value }).execute();
      await transaction
        .insertInto("webhooks")
        .values({
          id: webhook.id, name: webhook.name, url: webhook.url, types_json: JSON.stringify(webhook.types), team: webhook.team,
          sealed_secret: webhook.sealedSecret, created_by: webhook.createdBy, created_at: webhook.createdAt, paused_at: webhook.pausedAt,
          format: webhook.format, description: webhook.description, updated_at: webhook.updatedAt, detail_json: detailText(webhook.detail),
        })
        .execute();
    });
  }

  async list(): Promise<WebhookRecord[]> {
    return (await this.#database.queries.selectFrom("webhooks").selectAll().orderBy("created_at").orderBy("id").execute()).map(webhookOf);
  }

  async find(id: string): Promise<WebhookRecord | null> {
    const row = await this.#database.queries.selectFrom("webhooks").selectAll().where("id", "=", id).executeTakeFirst();
    return row === undefined ? null : webhookOf(row);
  }

  async remove(id: string): Promise<boolean> {
    const found = await this.#database.transaction(async (transaction) => {
      const removed = await transaction.deleteFrom("webhooks").where("id", "=", id).returning("id").executeTakeFirst();
      if (removed !== undefined) await transaction.deleteFrom("subscriptions").where("name", "=", id).execute();
      return removed !== undefined;
    });
    if (!found) return false;
    // Nobody sends them any more; what a crash leaves here goes with its events.
    for (let gone = deliveriesPerRemoval; gone === deliveriesPerRemoval; ) {
      const rows = await this.#database.queries
        .deleteFrom("deliveries").where("subscription", "=", id)
        .where("sequence", "in", ({ selectFrom }) => selectFrom("deliveries").select("sequence").where("subscription", "=", id).limit(deliveriesPerRemoval))
        .returning("sequence").execute();
      gone = rows.length;
    }
    return true;
  }

  async update(id: string, { paused, ...changes }: WebhookChanges, updatedAt: EpochMs): Promise<boolean> {
    const now = await storeTime(this.#database, this.#clock);
    const { name, url, types, description, detail, sealedSecret } = changes;
    const columns = {
      updated_at: updatedAt, ...(name === undefined ? {} : { name }), ...(url === undefined ? {} : { url }), ...(types === undefined ? {} : { types_json: JSON.stringify(types) }),
      ...(description === undefined ? {} : { description }), ...(detail === undefined ? {} : { detail_json: detailText(detail) }), ...(sealedSecret === undefined ? {} : { sealed_secret: sealedSecret }),
    };
    return this.#database.transaction(async (transaction) => {
      const found = await transaction.updateTable("webhooks").set(columns).where("id", "=", id).returning("id").executeTakeFirst();
      if (found !== undefined && paused !== undefined) await pause(transaction, id, paused, now);
      return found !== undefined;
    });
  }

  async setPaused(id: string, paused: boolean): Promise<boolean> {
    const now = await storeTime(this.#database, this.#clock);
    return this.#database.transaction(async (transaction) => {
      const found = await transaction.updateTable("webhooks").set({ updated_at: now }).where("id", "=", id).returning("id").executeTakeFirst();
      if (found !== undefined) await pause(transaction, id, paused, now);
      return found !== undefined;
    });
  }

  async replaceSecret(id: string, expected: Uint8Array, sealed: Uint8Array): Promise<boolean> {
    const now = await storeTime(this.#database, this.#clock);
    const replaced = await this.#database.queries
      .updateTable("webhooks").set({ sealed_secret: sealed, updated_at: now }).where("id", "=", id).where("sealed_secret", "=", expected).returning("id").executeTakeFirst();
    return replaced !== undefined;
  }

  async addTest(id: string, actor: string): Promise<boolean> {
    const now = await storeTime(this.#database, this.#clock);
    return this.#database.transaction(async (transaction) => {
      const webhook = await transaction.selectFrom("webhooks").select(["name", "team"]).where("id", "=", id).executeTakeFirst();
      if (webhook === undefined) return false;
      await writeEvents(transaction, this.#ids, [{ type: testEventType, object: `webhook:${id}`, team: webhook.team, actor, time: now, payload: { name: webhook.name } }]);
      return true;
    });
  }
}

/** Begins a pause, or keeps one that is there, or ends it: what waits is due then. */
async function pause(transaction: Kysely<DatabaseSchema>, id: string, paused: boolean, now: EpochMs): Promise<void> {
  await transaction.updateTable("webhooks").set(({ fn, val }) => ({ paused_at: paused ? fn.coalesce("paused_at", val(now as number)) : null })).where("id", "=", id).execute();
  if (!paused) await transaction.updateTable("deliveries").set({ next_attempt_at: now }).where("subscription", "=", id).where("state", "=", "pending").execute();
}

function detailText(detail: WebhookDetail): string | null {
  return detail === null ? null : JSON.stringify(detail);
}

/** What the format of a webhook noted. */
export function webhookDetailOf(text: string | null): WebhookDetail {
  return text === null ? null : (JSON.parse(text) as WebhookDetail);
}

function webhookOf(row: WebhookRow): WebhookRecord {
  return {
    id: row.id, name: row.name, url: row.url, types: JSON.parse(row.types_json) as string[], team: row.team, sealedSecret: row.sealed_secret,
    createdBy: row.created_by, createdAt: epochMs(row.created_at), updatedAt: row.updated_at, pausedAt: row.paused_at,
    format: row.format, description: row.description, detail: webhookDetailOf(row.detail_json),
  };
}
