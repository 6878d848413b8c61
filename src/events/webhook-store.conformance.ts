import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { epochMs, ManualClock } from "../core/clock.ts";
import { AppError } from "../core/errors.ts";
import { webhookOf, type EventStoresUnderTest } from "./delivery-store.conformance.ts";
import { eventOn } from "./outbox.conformance.ts";
import { testEventType } from "./schemas.ts";
import { standardFormat } from "./standard-format.ts";
import type { WebhookFormats } from "./webhook-format.ts";

/** What the stores under test take for the formats of webhooks: one tells of all, the other of the objects that its webhook named. */
export const formatsUnderTest: WebhookFormats = {
  standard: standardFormat,
  picky: { ...standardFormat, wants: ({ object, type }, detail) => type === testEventType || (detail?.objects as string[]).includes(object) },
};

/** What every WebhookStore promises. */
export function webhookStoreConformance(adapter: string, open: (clock: ManualClock) => Promise<EventStoresUnderTest>): void {
  describe(`WebhookStore: ${adapter}`, () => {
    it("gives webhooks back as they were added, the oldest first", async () => {
      const { webhooks } = await open(new ManualClock());
      const first = webhookOf("whk_2", { types: ["model.*", "key.created"], sealedSecret: Uint8Array.from({ length: 256 }, (_, index) => index) });
      const second = webhookOf("whk_1", { team: "*", createdBy: "key:7", name: "é \"'", format: "odd", description: "What \n for", updatedAt: epochMs(12), detail: { events: [{ x: "é" }], n: null } });
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

    it("changes what it is told and nothing else, a pause included", async () => {
      const clock = new ManualClock(5000);
      const { webhooks, deliveries, write } = await open(clock);
      const added = webhookOf("whk_1", { detail: { a: 1 }, description: "before" });
      for (const one of [added, webhookOf("whk_2")]) await webhooks.add(one);
      assert.equal(await webhooks.update("whk_1", { name: "after", description: "", paused: true }, epochMs(90)), true);
      let now = { ...added, name: "after", description: "", updatedAt: epochMs(90), pausedAt: epochMs(5000) };
      assert.deepEqual(await webhooks.find("whk_1"), now);
      await write([eventOn("model:a")]);
      await deliveries.fanOut([], 10);
      const lease = () => deliveries.lease({ owner: "me", leaseMs: 1000, limit: 10, perSubscription: 10, busy: new Map(), subscriptions: [] });
      assert.deepEqual((await lease()).map(({ subscription }) => subscription), ["whk_2"]);
      const changes = { url: "https://example.com/other", types: ["model.*"], detail: { b: [2] }, sealedSecret: Uint8Array.of(9), paused: false };
      assert.equal(await webhooks.update("whk_1", changes, epochMs(91)), true);
      const { paused: _, ...written } = changes;
      now = { ...now, ...written, updatedAt: epochMs(91), pausedAt: null as unknown as typeof now.pausedAt };
      assert.deepEqual(await webhooks.find("whk_1"), now);
      assert.deepEqual((await lease()).map(({ subscription, webhook }) => [subscription, webhook?.url]), [["whk_1", "https://example.com/other"]]);
      await webhooks.update("whk_1", { detail: null }, epochMs(92));
      assert.equal((await webhooks.find("whk_1"))?.detail, null);
      assert.equal(await webhooks.update("whk_none", { name: "x" }, epochMs(93)), false);
      assert.deepEqual(await webhooks.find("whk_2"), webhookOf("whk_2"));
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

    it("delivers of the events of a webhook's types those that its format tells of, and keeps what a format of another release is to get", async () => {
      const { write, deliveries, webhooks } = await open(new ManualClock(1000));
      const detail = { objects: ["model:b"], note: "é" };
      await webhooks.add(webhookOf("whk_1", { types: ["model.*"], format: "picky", detail }));
      await webhooks.add(webhookOf("whk_2", { format: "newer", detail: { any: [1] } }));
      await write([eventOn("model:a"), eventOn("model:b"), eventOn("model:b", { type: "key.created" })]);
      await webhooks.addTest("whk_1", "local");
      await deliveries.fanOut([], 10);
      const leased = await deliveries.lease({ owner: "me", leaseMs: 1000, limit: 10, perSubscription: 10, busy: new Map(), subscriptions: [] });
      const of = (id: string): number[] => leased.flatMap(({ subscription, event }) => (subscription === id ? [event.sequence] : [])).sort();
      // Of one object the later events wait.
      assert.deepEqual([of("whk_1"), of("whk_2")], [[2, 4], [1, 2]]);
      assert.deepEqual(leased.map(({ webhook }) => [webhook?.format, webhook?.detail]).find(([format]) => format === "picky"), ["picky", detail]);
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
