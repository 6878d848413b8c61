import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ManualClock } from "../core/clock.ts";
import { AppError } from "../core/errors.ts";
import { webhookOf, type EventStoresUnderTest } from "./delivery-store.conformance.ts";
import { eventOn } from "./outbox.conformance.ts";

/** What every WebhookStore promises. */
export function webhookStoreConformance(adapter: string, open: (clock: ManualClock) => Promise<EventStoresUnderTest>): void {
  describe(`WebhookStore: ${adapter}`, () => {
    it("gives webhooks back as they were added, the oldest first", async () => {
      const { webhooks } = await open(new ManualClock());
      const first = webhookOf("whk_2", { types: ["model.*", "key.created"], sealedSecret: Uint8Array.from({ length: 256 }, (_, index) => index) });
      const second = webhookOf("whk_1", { team: "*", createdBy: "key:7", name: "é \"'" });
      assert.deepEqual([await webhooks.list(), await webhooks.find("whk_1")], [[], null]);
      await webhooks.add({ ...second, createdAt: 9 });
      await webhooks.add({ ...first, createdAt: 8 });
      assert.deepEqual(await webhooks.list(), [{ ...first, createdAt: 8 }, { ...second, createdAt: 9 }]);
      assert.deepEqual(await webhooks.find("whk_2"), { ...first, createdAt: 8 });
    });

    it("refuses a team that is not there", async () => {
      const { webhooks } = await open(new ManualClock());
      await assert.rejects(webhooks.add(webhookOf("whk_1", { team: "nobody" })), (error) => error instanceof AppError && error.code === "TEAM_NOT_FOUND");
      assert.deepEqual(await webhooks.list(), []);
    });

    it("pauses at the store's time, once, and goes on", async () => {
      const clock = new ManualClock(5000);
      const { webhooks } = await open(clock);
      await webhooks.add(webhookOf("whk_1"));
      const pausedAt = async (): Promise<number | null | undefined> => (await webhooks.find("whk_1"))?.pausedAt;
      assert.equal(await webhooks.setPaused("whk_1", true), true);
      clock.advance(100);
      await webhooks.setPaused("whk_1", true);
      assert.equal(await pausedAt(), 5000);
      await webhooks.setPaused("whk_1", false);
      assert.equal(await pausedAt(), null);
      assert.equal(await webhooks.setPaused("whk_none", true), false);
    });

    it("replaces the secret that it is told, and no other", async () => {
      const { webhooks } = await open(new ManualClock());
      await webhooks.add(webhookOf("whk_1"));
      const [old, one, other] = [Uint8Array.of(1, 2, 3), Uint8Array.of(4), Uint8Array.of(5)];
      const outcomes = await Promise.all([webhooks.replaceSecret("whk_1", old, one), webhooks.replaceSecret("whk_1", old, other)]);
      assert.deepEqual(outcomes.toSorted(), [false, true]);
      assert.deepEqual((await webhooks.find("whk_1"))?.sealedSecret, outcomes[0] ? one : other);
      assert.equal(await webhooks.replaceSecret("whk_none", old, one), false);
    });

    it("removes a webhook with everything that was to be delivered to it, and nothing of others", async () => {
      const { webhooks, deliveries, write } = await open(new ManualClock());
      for (const id of ["whk_1", "whk_2"]) await webhooks.add(webhookOf(id));
      await write(Array.from({ length: 1203 }, (_, index) => eventOn(`model:${index}`)));
      while ((await deliveries.fanOut([], 500)) > 0);
      const [held] = await deliveries.lease({ owner: "me", leaseMs: 1000, limit: 1, perSubscription: 1, busy: new Map(), subscriptions: [] });
      assert.equal(held?.subscription, "whk_1");
      assert.equal(await webhooks.remove("whk_1"), true);
      assert.equal(await webhooks.remove("whk_1"), false);
      assert.deepEqual((await webhooks.list()).map(({ id }) => id), ["whk_2"]);
      const counts = await deliveries.counts(["whk_1", "whk_2"]);
      assert.deepEqual([counts.get("whk_1")?.pending, counts.get("whk_2")?.pending], [0, 1203]);
      assert.equal(await deliveries.settle({ subscription: "whk_1", lease: held.lease, sequence: held.event.sequence, object: held.event.object }, { state: "delivered", status: 200 }), false);
      await write([eventOn("model:after")]);
      await deliveries.fanOut([], 500);
      assert.deepEqual(await deliveries.list("whk_1", { limit: 10 }), []);
    });

    it("writes a test for a webhook that is there", async () => {
      const { webhooks, outbox } = await open(new ManualClock(123));
      await webhooks.add(webhookOf("whk_1", { team: "*" }));
      assert.deepEqual([await webhooks.addTest("whk_1", "user:1"), await webhooks.addTest("whk_none", "user:1")], [true, false]);
      const events = await outbox.readAfter(0, 10);
      assert.deepEqual(events.map(({ id, ...rest }) => rest), [
        { sequence: 1, type: "webhook.test", object: "webhook:whk_1", team: "*", actor: "user:1", time: 123, payload: { name: "hook whk_1" } },
      ]);
    });
  });
}
