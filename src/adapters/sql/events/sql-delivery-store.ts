import { randomUUID } from "node:crypto";
import { sql, type CompiledQuery } from "kysely";
import { epochMs, type EpochMs } from "../../../core/clock.ts";
import type {
  Delivery, DeliveryCounts, DeliveryOutcome, DeliveryState, DeliveryStore, LeasedDelivery, RecordedEvent, Subscription, WebhookFormats,
} from "../../../events/index.ts";
import type { DeliveryRow, OutboxRow } from "../database-schema.ts";
import { readTargets } from "./delivery-targets.ts";
import type { SqlDatabase } from "../sql-database.ts";
import { recordedEventOf } from "./sql-outbox.ts";
import { webhookDetailOf } from "./sql-webhook-store.ts";
import { storeTime, type StoreClock } from "../store-time.ts";

/** Rows of one insert: databases limit the parameters of a statement. */
const rowsPerInsert = 500;
const longestError = 500;
/** Of a long backlog a look takes in the oldest; now and then all, so that the backlog of one does not hide what others wait for. */
const rowsPerLook = 1000;
const wholeLookEveryMs = 5000;

/** Deliveries in SQL. The order within an object comes from one condition of the lease, not from anything that must be kept up. */
export class SqlDeliveryStore implements DeliveryStore {
  readonly #database: SqlDatabase;
  readonly #clock: StoreClock;
  readonly #formats: WebhookFormats;
  #wholeLookAt = -Infinity;

  constructor(database: SqlDatabase, options: { clock: StoreClock; formats: WebhookFormats }) {
    this.#database = database;
    this.#clock = options.clock;
    this.#formats = options.formats;
  }

  time(): Promise<EpochMs> {
    return storeTime(this.#database, this.#clock);
  }

  async subscribe(name: string): Promise<void> {
    await this.#database.queries
      .insertInto("subscriptions")
      .columns(["name", "sequence"])
      .expression(({ selectFrom, val }) => selectFrom("sequences").where("name", "=", "outbox").select([val(name).as("name"), "value"]))
      .onConflict((conflict) => conflict.column("name").doNothing())
      .execute();
  }

  async fanOut(subscriptions: readonly Subscription[], limit: number): Promise<number> {
    // Most of the time there is nothing, and a look costs no write.
    const { value: latest } = await this.#database.queries.selectFrom("sequences").select("value").where("name", "=", "outbox").executeTakeFirstOrThrow();
    if ((await readTargets(this.#database.queries, subscriptions, this.#formats)).every(({ cursor }) => cursor >= latest)) return 0;
    const now = await this.time();
    return this.#database.transaction(async (transaction) => {
      // Whoever fans out holds this row: replicas do it one after the other.
      await transaction
        .insertInto("sequences").values({ name: "fan-out", value: 1 })
        .onConflict((conflict) => conflict.column("name").doUpdateSet(({ eb }) => ({ value: eb("sequences.value", "+", 1) })))
        .execute();
      const targets = await readTargets(transaction, subscriptions, this.#formats);
      if (targets.length === 0) return 0;
      const rows = await transaction
        .selectFrom("outbox").selectAll().where("sequence", ">", Math.min(...targets.map(({ cursor }) => cursor))).orderBy("sequence").limit(limit).execute();
      const last = rows.at(-1);
      if (last === undefined) return 0;
      const events = rows.map(recordedEventOf);
      const deliveries = targets.flatMap(({ name, cursor, wants }) =>
        events.filter((event) => event.sequence > cursor && wants(event)).map((event) => newDelivery(name, event, now)),
      );
      for (let start = 0; start < deliveries.length; start += rowsPerInsert) {
        await transaction.insertInto("deliveries").values(deliveries.slice(start, start + rowsPerInsert)).execute();
      }
      await transaction
        .updateTable("subscriptions").set({ sequence: last.sequence })
        .where("name", "in", targets.map(({ name }) => name)).where("sequence", "<", last.sequence)
        .execute();
      return events.length;
    });
  }

  async lease(request: Parameters<DeliveryStore["lease"]>[0]): Promise<LeasedDelivery[]> {
    const now = await this.time();
    const candidates = await this.#candidates(request, now);
    if (candidates.length === 0) return [];
    const leases = candidates.map((candidate) => ({ ...candidate, lease: `${request.owner}/${randomUUID()}` }));
    const results = await this.#database.writeBatch(leases.map((lease) => this.#leaseStatement(lease, now, request.leaseMs)));
    const won = leases.filter((_, index) => results[index]!.rows.length > 0);
    return this.#leased(won);
  }

  async endLeases(): Promise<void> {
    await this.#database.queries
      .updateTable("deliveries").set({ lease_owner: null, lease_until: null }).where("state", "=", "pending").where("lease_owner", "is not", null).execute();
  }

  async settle(delivery: Parameters<DeliveryStore["settle"]>[0], outcome: DeliveryOutcome): Promise<boolean> {
    const { queries } = this.#database;
    const { subscription, sequence, object, lease } = delivery;
    const isHeld = queries.selectFrom("deliveries").select("sequence").where("subscription", "=", subscription).where("sequence", "=", sequence).where("lease_owner", "=", lease);
    const statements: CompiledQuery[] = [];
    const now = await this.time();
    if (outcome.state === "pending") {
      // What waits behind it need not be looked at before it: a receiver that is down costs nothing in between.
      statements.push(
        queries
          .updateTable("deliveries").set({ next_attempt_at: outcome.nextAttemptAt })
          .where("subscription", "=", subscription).where("object", "=", object).where("state", "=", "pending").where("sequence", ">", sequence)
          .where("next_attempt_at", "<", outcome.nextAttemptAt).where(({ exists }) => exists(isHeld))
          .compile(),
      );
      if (outcome.pause) {
        statements.push(queries.updateTable("webhooks").set({ paused_at: now, updated_at: now }).where("id", "=", subscription).where("paused_at", "is", null).where(({ exists }) => exists(isHeld)).compile());
      }
    }
    statements.push(
      queries
        .updateTable("deliveries")
        .set({
          state: outcome.state, lease_owner: null, lease_until: null, last_status: outcome.status,
          last_error: outcome.state === "delivered" ? null : outcome.error.slice(0, longestError),
          ...(outcome.state === "pending" ? { next_attempt_at: outcome.nextAttemptAt } : { ended_at: now }),
        })
        .where("subscription", "=", subscription).where("sequence", "=", sequence).where("lease_owner", "=", lease)
        .returning("sequence")
        .compile(),
    );
    const results = await this.#database.writeBatch(statements);
    return results.at(-1)!.rows.length > 0;
  }

  async list(subscription: string, { state, before, limit }: { state?: DeliveryState; before?: number; limit: number }): Promise<Delivery[]> {
    let query = this.#deliveries().where("deliveries.subscription", "=", subscription).orderBy("deliveries.sequence", "desc").limit(limit);
    if (state !== undefined) query = query.where("deliveries.state", "=", state);
    if (before !== undefined) query = query.where("deliveries.sequence", "<", before);
    return (await query.execute()).map(deliveryOf);
  }

  async redeliver(subscription: string, sequence: number): Promise<Delivery | null> {
    const now = await this.time();
    // One that is on its way right now stays as it is.
    await this.#database.queries
      .updateTable("deliveries").set({ state: "pending", attempts: 0, next_attempt_at: now, ended_at: null })
      .where("subscription", "=", subscription).where("sequence", "=", sequence).where(({ or, eb }) => or([eb("lease_until", "is", null), eb("lease_until", "<=", now)]))
      .execute();
    const row = await this.#deliveries().where("deliveries.subscription", "=", subscription).where("deliveries.sequence", "=", sequence).executeTakeFirst();
    return row === undefined ? null : deliveryOf(row);
  }

  async redeliverDead(subscription: string, limit: number): Promise<number> {
    const now = await this.time();
    const rows = await this.#database.queries
      .updateTable("deliveries").set({ state: "pending", attempts: 0, next_attempt_at: now, ended_at: null })
      .where("subscription", "=", subscription).where("state", "=", "dead")
      .where("sequence", "in", ({ selectFrom }) =>
        selectFrom("deliveries").select("sequence").where("subscription", "=", subscription).where("state", "=", "dead").orderBy("sequence").limit(limit),
      )
      .returning("sequence")
      .execute();
    return rows.length;
  }

  async counts(subscriptions: readonly string[]): Promise<Map<string, DeliveryCounts>> {
    const counts = new Map<string, DeliveryCounts>(subscriptions.map((name) => [name, { pending: 0, dead: 0, lastDelivery: null }]));
    if (subscriptions.length === 0) return counts;
    const { queries } = this.#database;
    const rows = await queries
      .selectFrom("deliveries").select(["subscription", "state", ({ fn }) => fn.countAll<number>().as("deliveries")])
      .where("state", "in", ["pending", "dead"]).where("subscription", "in", [...subscriptions]).groupBy(["subscription", "state"]).execute();
    for (const { subscription, state, deliveries } of rows) counts.get(subscription)![state as "pending" | "dead"] = Number(deliveries);
    for (const [name, count] of counts) {
      const last = await queries
        .selectFrom("deliveries").select(["state", "last_status", "ended_at"]).where("subscription", "=", name).where("ended_at", "is not", null)
        .orderBy("sequence", "desc").limit(1).executeTakeFirst();
      if (last !== undefined) count.lastDelivery = { time: last.ended_at!, state: last.state as DeliveryState, status: last.last_status };
    }
    return counts;
  }

  /** Outside of any lock: what was read is judged again when it is leased. */
  async #candidates({ subscriptions, limit, perSubscription, busy }: Parameters<DeliveryStore["lease"]>[0], now: EpochMs): Promise<Candidate[]> {
    const isWhole = await this.#isWholeLook(now);
    const rows = await this.#database.queries
      .selectFrom(({ selectFrom }) =>
        selectFrom((inner) => {
          const due = inner.selectFrom("deliveries").selectAll().where("state", "=", "pending").where("next_attempt_at", "<=", now).orderBy("next_attempt_at");
          return (isWhole ? due : due.limit(rowsPerLook)).as("due");
        })
          .select(["due.subscription", "due.sequence", "due.attempts"])
          .select(sql<number>`row_number() over (partition by due.subscription order by due.next_attempt_at, due.sequence)`.as("place"))
          .where(({ or, eb }) => or([eb("due.lease_until", "is", null), eb("due.lease_until", "<=", now)]))
          .where(({ or, eb, exists, selectFrom: from }) =>
            or([
              eb("due.subscription", "in", subscriptions.length === 0 ? [""] : [...subscriptions]),
              exists(from("webhooks").select("id").whereRef("webhooks.id", "=", "due.subscription").where("paused_at", "is", null)),
            ]),
          )
          .where(({ not, exists, selectFrom: from }) =>
            not(
              exists(
                from("deliveries as earlier").select("earlier.sequence")
                  .whereRef("earlier.subscription", "=", "due.subscription").whereRef("earlier.object", "=", "due.object")
                  .where("earlier.state", "=", "pending").whereRef("earlier.sequence", "<", "due.sequence"),
              ),
            ),
          )
          .as("ready"),
      )
      .selectAll()
      .where("place", "<=", perSubscription)
      .orderBy("place")
      .execute();
    const room = new Map<string, number>();
    const chosen: Candidate[] = [];
    for (const { subscription, sequence, attempts } of rows) {
      const left = room.get(subscription) ?? perSubscription - (busy.get(subscription) ?? 0);
      if (left <= 0 || chosen.length === limit) continue;
      room.set(subscription, left - 1);
      chosen.push({ subscription, sequence, attempts });
    }
    // In one order, so that two replicas never wait for each other's rows.
    return chosen.sort((left, right) => (left.subscription < right.subscription ? -1 : left.subscription > right.subscription ? 1 : left.sequence - right.sequence));
  }

  async #isWholeLook(now: EpochMs): Promise<boolean> {
    if (now - this.#wholeLookAt < wholeLookEveryMs && now >= this.#wholeLookAt) {
      const beyond = await this.#database.queries
        .selectFrom("deliveries").select("sequence").where("state", "=", "pending").where("next_attempt_at", "<=", now)
        .orderBy("next_attempt_at").limit(1).offset(rowsPerLook).executeTakeFirst();
      // What a look of the oldest takes in whole needs no other.
      return beyond === undefined;
    }
    this.#wholeLookAt = now;
    return true;
  }

  #leaseStatement({ subscription, sequence, attempts, lease }: Candidate & { lease: string }, now: EpochMs, leaseMs: number): CompiledQuery {
    return this.#database.queries
      .updateTable("deliveries")
      .set({ lease_owner: lease, lease_until: now + leaseMs, attempts: attempts + 1 })
      .where("subscription", "=", subscription).where("sequence", "=", sequence)
      // Whoever else leased or settled it in between has counted an attempt or ended it.
      .where("state", "=", "pending").where("attempts", "=", attempts).where("next_attempt_at", "<=", now)
      .where(({ or, eb }) => or([eb("lease_until", "is", null), eb("lease_until", "<=", now)]))
      .where(({ not, exists, selectFrom }) => not(exists(selectFrom("webhooks").select("id").where("id", "=", subscription).where("paused_at", "is not", null))))
      .returning("sequence")
      .compile();
  }

  async #leased(leases: readonly (Candidate & { lease: string })[]): Promise<LeasedDelivery[]> {
    if (leases.length === 0) return [];
    const { queries } = this.#database;
    const events = await queries.selectFrom("outbox").selectAll().where("sequence", "in", leases.map(({ sequence }) => sequence)).execute();
    const webhooks = await queries.selectFrom("webhooks").select(["id", "url", "sealed_secret", "format", "detail_json"]).where("id", "in", leases.map(({ subscription }) => subscription)).execute();
    return leases.flatMap(({ subscription, sequence, attempts, lease }) => {
      const event = events.find((row) => row.sequence === sequence);
      const webhook = webhooks.find(({ id }) => id === subscription);
      // Pruned, or removed with its webhook, since the lease.
      if (event === undefined || (webhook === undefined && !subscription.startsWith("subscriber:"))) return [];
      const target = webhook === undefined ? null : { url: webhook.url, sealedSecret: webhook.sealed_secret, format: webhook.format, detail: webhookDetailOf(webhook.detail_json) };
      return [{ subscription, event: recordedEventOf(event), attempt: attempts + 1, lease, webhook: target }];
    });
  }

  #deliveries() {
    return this.#database.queries
      .selectFrom("deliveries")
      .innerJoin("outbox", "outbox.sequence", "deliveries.sequence")
      .selectAll("deliveries")
      .select(["outbox.id as event_id", "outbox.type"]);
  }
}

interface Candidate {
  subscription: string;
  sequence: number;
  attempts: number;
}

function newDelivery(subscription: string, { sequence, object }: RecordedEvent, now: EpochMs): DeliveryRow {
  return {
    subscription, sequence, object, state: "pending", attempts: 0, next_attempt_at: now,
    lease_owner: null, lease_until: null, last_status: null, last_error: null, ended_at: null,
  };
}

function deliveryOf(row: DeliveryRow & { event_id: string } & Pick<OutboxRow, "type">): Delivery {
  const state = row.state as DeliveryState;
  return {
    sequence: row.sequence, eventId: row.event_id, type: row.type, object: row.object, state, attempts: row.attempts,
    nextAttemptAt: state === "pending" ? epochMs(row.next_attempt_at) : null, lastStatus: row.last_status, lastError: row.last_error, endedAt: row.ended_at,
  };
}
