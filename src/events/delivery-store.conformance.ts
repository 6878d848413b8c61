import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { epochMs, ManualClock } from "../core/clock.ts";
import type { DeliveryStore, LeasedDelivery } from "./delivery-store.ts";
import { eventOn, type OutboxUnderTest } from "./outbox.conformance.ts";
import type { WebhookRecord, WebhookStore } from "./webhook-store.ts";

/** All stores of the module over one new, empty database; their time is the clock's. */
export interface EventStoresUnderTest extends OutboxUnderTest {
  deliveries: DeliveryStore;
  webhooks: WebhookStore;
}

const auditor = { name: "subscriber:auditor", types: ["model.*"] };

export function webhookOf(id: string, more: Partial<WebhookRecord> = {}): WebhookRecord {
  return {
    id, name: `hook ${id}`, url: `https://example.com/${id}`, types: ["*"], team: "default", sealedSecret: Uint8Array.of(1, 2, 3),
    createdBy: "local", createdAt: epochMs(7), updatedAt: null, pausedAt: null, format: "standard", description: "", detail: null, ...more,
  };
}

const delivered = { state: "delivered", status: 200 } as const;

/** What every DeliveryStore promises. */
export function deliveryStoreConformance(adapter: string, open: (clock: ManualClock) => Promise<EventStoresUnderTest>): void {
  const start = async (subscriptions = [auditor]) => {
    const clock = new ManualClock(1_000_000);
    const stores = await open(clock);
    const { deliveries } = stores;
    for (const { name } of subscriptions) await deliveries.subscribe(name);
    const fanOut = (limit = 100): Promise<number> => deliveries.fanOut(subscriptions, limit);
    const lease = (more: Partial<Parameters<DeliveryStore["lease"]>[0]> = {}): Promise<LeasedDelivery[]> =>
      deliveries.lease({ owner: "me", leaseMs: 1000, limit: 100, perSubscription: 100, busy: new Map(), subscriptions: subscriptions.map(({ name }) => name), ...more });
    const settle = (one: LeasedDelivery, outcome: Parameters<DeliveryStore["settle"]>[1] = delivered): Promise<boolean> =>
      deliveries.settle({ subscription: one.subscription, lease: one.lease, sequence: one.event.sequence, object: one.event.object }, outcome);
    const later = (milliseconds: number) => ({ state: "pending", status: 500, error: "It said 500.", pause: false, nextAttemptAt: epochMs(clock.now() + milliseconds) }) as const;
    const statesOf = async (subscription: string): Promise<[number, string, number][]> =>
      (await deliveries.list(subscription, { limit: 100 })).map(({ sequence, state, attempts }): [number, string, number] => [sequence, state, attempts]).reverse();
    return { clock, ...stores, fanOut, lease, settle, later, statesOf };
  };
  const sequencesOf = (leased: readonly LeasedDelivery[]): number[] => leased.map(({ event }) => event.sequence).sort((left, right) => left - right);

  describe(`DeliveryStore: ${adapter}`, () => {
    it("gives a subscription the events after its beginning that are of its types, once", async () => {
      const { write, fanOut, lease, deliveries } = await start([]);
      await write([eventOn("model:before")]);
      await deliveries.subscribe(auditor.name);
      await write([eventOn("model:a"), eventOn("key:1", { type: "key.created" }), eventOn("model:b", { payload: { x: 1 } })]);
      // Known again after a restart: it goes on where it was.
      await deliveries.subscribe(auditor.name);
      assert.equal(await deliveries.fanOut([auditor], 100), 3);
      assert.equal(await deliveries.fanOut([auditor], 100), 0);
      assert.equal(await fanOut(), 0);
      const leased = await lease({ subscriptions: [auditor.name] });
      assert.deepEqual(leased.map(({ subscription, attempt, webhook, event }) => [subscription, attempt, webhook, event.object, event.payload]), [
        [auditor.name, 1, null, "model:a", {}], [auditor.name, 1, null, "model:b", { x: 1 }],
      ]);
    });

    it("gives a webhook the events of its team and types after it was added, with its address and secret", async () => {
      const { write, fanOut, lease, webhooks } = await start([]);
      await write([eventOn("model:before")]);
      await webhooks.add(webhookOf("whk_1", { types: ["model.alias.changed", "key.*"] }));
      await webhooks.add(webhookOf("whk_2", { team: "*" }));
      await write([eventOn("model:a"), eventOn("model:b", { type: "model.policy.changed" }), eventOn("key:c", { type: "key.created" }), eventOn("model:d", { team: "red" })]);
      await fanOut();
      const leased = await lease();
      const of = (id: string): number[] => sequencesOf(leased.filter(({ subscription }) => subscription === id));
      assert.deepEqual([of("whk_1"), of("whk_2")], [[2, 4], [2, 3, 4, 5]]);
      assert.deepEqual(leased.find(({ subscription }) => subscription === "whk_1")?.webhook, { url: "https://example.com/whk_1", sealedSecret: Uint8Array.of(1, 2, 3), format: "standard", detail: null });
    });

    it("gives the test of a webhook to that webhook alone, whatever its types", async () => {
      const { fanOut, lease, webhooks } = await start([{ name: "subscriber:all", types: ["*"] }]);
      await webhooks.add(webhookOf("whk_1", { types: ["key.created"], team: "*" }));
      await webhooks.add(webhookOf("whk_2", { team: "*" }));
      assert.equal(await webhooks.addTest("whk_1", "key:x"), true);
      await fanOut();
      assert.deepEqual((await lease()).map(({ subscription, event }) => [subscription, event.type, event.object, event.actor]), [["whk_1", "webhook.test", "webhook:whk_1", "key:x"]]);
    });

    it("fans out in pages, and each event once when replicas do it at the same time", async () => {
      const { write, fanOut, statesOf, webhooks } = await start();
      await webhooks.add(webhookOf("whk_1"));
      await write(Array.from({ length: 45 }, (_, index) => eventOn(`model:${index}`)));
      let read = 0;
      while (read < 45) read += (await Promise.all([fanOut(10), fanOut(10), fanOut(10)])).reduce((sum, some) => sum + some, 0);
      assert.equal(read, 45);
      const every = Array.from({ length: 45 }, (_, index) => [index + 1, "pending", 0]);
      assert.deepEqual([await statesOf("whk_1"), await statesOf(auditor.name)], [every, every]);
    });

    it("leaves a subscription that this release does not know where it is", async () => {
      const { write, deliveries, fanOut, statesOf } = await start();
      await deliveries.subscribe("subscriber:newer");
      await write([eventOn("model:a")]);
      assert.equal(await fanOut(), 1);
      assert.deepEqual(await statesOf("subscriber:newer"), []);
      assert.equal(await deliveries.fanOut([auditor, { name: "subscriber:newer", types: ["*"] }], 10), 1);
      assert.deepEqual([await statesOf("subscriber:newer"), await statesOf(auditor.name)], [[[1, "pending", 0]], [[1, "pending", 0]]]);
    });

    it("leases an event of an object only when the earlier ones have ended, and other objects beside", async () => {
      const { write, fanOut, lease, settle } = await start();
      await write(["model:a", "model:b", "model:a", "model:a"].map((object) => eventOn(object)));
      await fanOut();
      const first = await lease();
      assert.deepEqual(sequencesOf(first), [1, 2]);
      assert.deepEqual(await lease(), []);
      assert.equal(await settle(first.find(({ event }) => event.sequence === 1)!), true);
      const [third] = await lease();
      assert.equal(third?.event.sequence, 3);
      assert.deepEqual(await lease(), []);
      await settle(third!, { state: "dead", status: null, error: "No." });
      assert.deepEqual(sequencesOf(await lease()), [4]);
    });

    it("keeps the order of an object while its first is tried again, and its subscriptions apart", async () => {
      const { write, fanOut, lease, settle, later, clock, webhooks } = await start();
      await webhooks.add(webhookOf("whk_1"));
      await write([eventOn("model:a"), eventOn("model:a")]);
      await fanOut();
      const first = await lease();
      assert.deepEqual(first.map(({ subscription, event }) => [subscription, event.sequence]).sort(), [[auditor.name, 1], ["whk_1", 1]]);
      const failing = first.find(({ subscription }) => subscription === "whk_1")!;
      await settle(failing, later(5000));
      await settle(first.find(({ subscription }) => subscription === auditor.name)!);
      assert.deepEqual((await lease()).map(({ subscription, event }) => [subscription, event.sequence]), [[auditor.name, 2]]);
      clock.advance(4999);
      assert.deepEqual((await lease()).filter(({ subscription }) => subscription === "whk_1"), []);
      clock.advance(1);
      const again = (await lease()).filter(({ subscription }) => subscription === "whk_1");
      assert.deepEqual(again.map(({ event, attempt }) => [event.sequence, attempt]), [[1, 2]]);
      await settle(again[0]!);
      assert.deepEqual((await lease()).filter(({ subscription }) => subscription === "whk_1").map(({ event, attempt }) => [event.sequence, attempt]), [[2, 1]]);
    });

    it("leases each delivery to one of many that ask at once", async () => {
      const { write, fanOut, lease } = await start();
      await write(Array.from({ length: 30 }, (_, index) => eventOn(`model:${index}`)));
      await fanOut();
      const leased = (await Promise.all(Array.from({ length: 8 }, (_, index) => lease({ owner: `replica ${index}`, limit: 7 })))).flat();
      leased.push(...(await lease()));
      assert.deepEqual(sequencesOf(leased), Array.from({ length: 30 }, (_, index) => index + 1));
      assert.equal(new Set(leased.map(({ lease: id }) => id)).size, 30);
    });

    it("gives each subscription its share, less what is under way, and no more than was asked for", async () => {
      const { write, fanOut, lease, webhooks } = await start();
      await webhooks.add(webhookOf("whk_1"));
      await write(Array.from({ length: 10 }, (_, index) => eventOn(`model:${index}`)));
      await fanOut();
      const count = (leased: LeasedDelivery[], name: string): number => leased.filter(({ subscription }) => subscription === name).length;
      const some = await lease({ perSubscription: 3, busy: new Map([["whk_1", 1]]) });
      assert.deepEqual([count(some, "whk_1"), count(some, auditor.name)], [2, 3]);
      assert.equal((await lease({ perSubscription: 3, limit: 4 })).length, 4);
      assert.equal(count(await lease({ perSubscription: 3, busy: new Map([["whk_1", 3]]) }), "whk_1"), 0);
    });

    it("does not let a long backlog of one object hide what others wait for", async () => {
      const { write, deliveries, lease, clock, webhooks } = await start([]);
      await webhooks.add(webhookOf("whk_1"));
      await webhooks.add(webhookOf("whk_2", { types: ["key.*"] }));
      await write(Array.from({ length: 1200 }, () => eventOn("model:a")));
      await write([eventOn("key:1", { type: "key.created" })]);
      while ((await deliveries.fanOut([], 500)) > 0);
      const seen: string[] = [];
      for (let look = 0; look < 3; look++) {
        seen.push(...(await lease({ limit: 1 })).map(({ subscription, event }) => `${subscription} ${event.sequence}`));
        clock.advance(100);
      }
      clock.advance(5000);
      seen.push(...(await lease({ limit: 2 })).map(({ subscription, event }) => `${subscription} ${event.sequence}`));
      assert.deepEqual([new Set(seen).has("whk_1 1"), new Set(seen).has("whk_2 1201"), new Set(seen).has("whk_1 1201")], [true, true, false]);
    });

    it("gives a lease that has ended to another, and takes nothing from the former holder any more", async () => {
      const { write, fanOut, lease, settle, later, clock, statesOf, webhooks } = await start();
      await webhooks.add(webhookOf("whk_1", { types: ["key.*"] }));
      await write([eventOn("model:a"), eventOn("model:a")]);
      await fanOut();
      const [lost] = await lease({ leaseMs: 1000 });
      clock.advance(999);
      assert.deepEqual(await lease(), []);
      clock.advance(1);
      const [held] = await lease({ owner: "me" });
      assert.deepEqual([held?.event.sequence, held?.attempt], [1, 2]);
      assert.equal(await settle(lost!, { ...later(60_000), pause: true }), false);
      assert.equal(await settle(lost!), false);
      assert.deepEqual(await statesOf(auditor.name), [[1, "pending", 2], [2, "pending", 0]]);
      assert.equal(await settle(held!), true);
      assert.equal(await settle(held!), false);
      // The loser's wait was not put upon the ones behind it.
      assert.deepEqual(sequencesOf(await lease()), [2]);
    });

    it("ends all leases for a process that is alone, and takes nothing from their holders any more", async () => {
      const { write, fanOut, lease, settle, deliveries, statesOf } = await start();
      await write([eventOn("model:a"), eventOn("model:b"), eventOn("model:a")]);
      await fanOut();
      const [first, second] = await lease();
      await settle(second!);
      await deliveries.endLeases();
      assert.equal(await settle(first!), false);
      assert.deepEqual((await lease()).map(({ event, attempt }) => [event.sequence, attempt]), [[1, 2]]);
      assert.deepEqual(await statesOf(auditor.name), [[1, "pending", 2], [2, "delivered", 1], [3, "pending", 0]]);
    });

    it("does not lease what belongs to a paused webhook, and pauses one when it is told so", async () => {
      const { write, fanOut, lease, settle, later, webhooks } = await start([]);
      await webhooks.add(webhookOf("whk_1"));
      await write([eventOn("model:a"), eventOn("model:b")]);
      await fanOut();
      const [one] = await lease({ limit: 1 });
      assert.equal(await settle(one!, { ...later(60_000), status: 410, pause: true }), true);
      assert.equal((await webhooks.find("whk_1"))?.pausedAt, 1_000_000);
      await write([eventOn("model:c")]);
      await fanOut();
      assert.deepEqual(await lease(), []);
      assert.equal(await webhooks.setPaused("whk_1", false), true);
      assert.deepEqual(sequencesOf(await lease()), [1, 2, 3]);
    });

    it("lists deliveries with what became of them, by state and in pages", async () => {
      const { write, fanOut, lease, settle, later, deliveries, clock, outbox } = await start();
      await write(["model:a", "model:b", "model:c", "model:d"].map((object) => eventOn(object)));
      await fanOut();
      const leased = await lease({ limit: 3 });
      clock.advance(10);
      await settle(leased[0]!, { state: "delivered", status: 204 });
      await settle(leased[1]!, later(500));
      await settle(leased[2]!, { state: "dead", status: null, error: "x".repeat(2000) });
      const ids = (await outbox.readAfter(0, 10)).map(({ id }) => id);
      const none = { lastStatus: null, lastError: null, endedAt: null, nextAttemptAt: null };
      const all = [
        { ...none, sequence: 4, eventId: ids[3], type: "model.alias.changed", object: "model:d", state: "pending", attempts: 0, nextAttemptAt: 1_000_000 },
        { ...none, sequence: 3, eventId: ids[2], type: "model.alias.changed", object: "model:c", state: "dead", attempts: 1, lastError: "x".repeat(500), endedAt: 1_000_010 },
        { ...none, sequence: 2, eventId: ids[1], type: "model.alias.changed", object: "model:b", state: "pending", attempts: 1, lastStatus: 500, lastError: "It said 500.", nextAttemptAt: 1_000_510 },
        { ...none, sequence: 1, eventId: ids[0], type: "model.alias.changed", object: "model:a", state: "delivered", attempts: 1, lastStatus: 204, endedAt: 1_000_010 },
      ];
      assert.deepEqual(await deliveries.list(auditor.name, { limit: 10 }), all);
      assert.deepEqual(await deliveries.list(auditor.name, { limit: 2 }), all.slice(0, 2));
      assert.deepEqual(await deliveries.list(auditor.name, { limit: 10, before: 3 }), all.slice(2));
      assert.deepEqual(await deliveries.list(auditor.name, { limit: 10, state: "dead" }), [all[1]]);
      assert.deepEqual(await deliveries.list("whk_none", { limit: 10 }), []);
      assert.deepEqual(await deliveries.counts([auditor.name, "whk_none"]), new Map([
        [auditor.name, { pending: 2, dead: 1, lastDelivery: { time: 1_000_010, state: "dead", status: null } }],
        ["whk_none", { pending: 0, dead: 0, lastDelivery: null }],
      ]));
    });

    it("delivers again what has ended, with all attempts before it, and leaves alone what is on its way", async () => {
      const { write, fanOut, lease, settle, deliveries } = await start();
      await write([eventOn("model:a"), eventOn("model:b"), eventOn("model:a")]);
      await fanOut();
      const [first, second] = await lease();
      await settle(first!, { state: "dead", status: 500, error: "No." });
      await settle(second!);
      assert.equal((await deliveries.redeliver(auditor.name, 1))?.state, "pending");
      assert.deepEqual(await deliveries.redeliver(auditor.name, 2), { ...(await deliveries.list(auditor.name, { limit: 2 }))[1], state: "pending", attempts: 0, nextAttemptAt: 1_000_000 });
      assert.equal(await deliveries.redeliver(auditor.name, 9), null);
      assert.equal(await deliveries.redeliver("whk_none", 1), null);
      const again = await lease();
      assert.deepEqual(again.map(({ event, attempt }) => [event.sequence, attempt]), [[1, 1], [2, 1]]);
      assert.equal((await deliveries.redeliver(auditor.name, 1))?.attempts, 1);
      assert.equal(await settle(again[0]!), true);
      assert.deepEqual(sequencesOf(await lease()), [3]);
    });

    it("delivers everything dead again, in slices", async () => {
      const { write, fanOut, lease, settle, deliveries, statesOf } = await start();
      await write(Array.from({ length: 5 }, (_, index) => eventOn(`model:${index}`)));
      await fanOut();
      const leased = await lease();
      for (const one of leased.slice(0, 4)) await settle(one, { state: "dead", status: 500, error: "No." });
      await settle(leased[4]!);
      assert.deepEqual([await deliveries.redeliverDead(auditor.name, 3), await deliveries.redeliverDead(auditor.name, 3), await deliveries.redeliverDead(auditor.name, 3)], [3, 1, 0]);
      assert.deepEqual(await statesOf(auditor.name), [1, 2, 3, 4].map((sequence): [number, string, number] => [sequence, "pending", 0]).concat([[5, "delivered", 1]]));
      assert.deepEqual(sequencesOf(await lease()), [1, 2, 3, 4]);
    });

    it("keeps events from pruning that are not taken over or not ended, for a while", async () => {
      const { write, fanOut, lease, settle, outbox, statesOf } = await start();
      const prune = (unreadBefore: number): Promise<number> => outbox.prune({ before: epochMs(2000), unreadBefore: epochMs(unreadBefore), limit: 10 });
      await write(["model:a", "model:b", "model:c"].map((object) => eventOn(object)));
      assert.equal(await prune(0), 0);
      await fanOut();
      assert.equal(await prune(0), 0);
      const [first, , third] = await lease();
      await settle(first!);
      await settle(third!);
      assert.equal(await prune(0), 1);
      assert.deepEqual(await statesOf(auditor.name), [[2, "pending", 1], [3, "delivered", 1]]);
      assert.equal(await prune(2000), 2);
      assert.deepEqual([await statesOf(auditor.name), await outbox.latest()], [[], 3]);
    });
  });
}
