import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import { TemporaryDatabases } from "../adapters/sql/dialects/sqlite/temporary-databases.fixture.ts";
import { eventStoresOn } from "../adapters/sql/events/event-stores.fixture.ts";
import { ManualClock, systemClock } from "../core/clock.ts";
import { AppError } from "../core/errors.ts";
import { TimeOrderedIds } from "../core/ids.ts";
import { webhookOf } from "./delivery-store.conformance.ts";
import type { DeliveryStore } from "./delivery-store.ts";
import { DispatcherReplica, turns } from "./dispatcher-replica.fixture.ts";
import type { Subscriber } from "./event-dispatcher.ts";
import { eventOn } from "./outbox.conformance.ts";
import type { RecordedEvent } from "./schemas.ts";

const ids = new TimeOrderedIds(systemClock);
const name = "subscriber:auditor";

describe("EventDispatcher", () => {
  const databases = new TemporaryDatabases();
  const replicas: DispatcherReplica[] = [];
  afterEach(async () => {
    for (const replica of replicas.splice(0)) await replica.stop();
    await databases.remove();
  });

  async function open() {
    const clock = new ManualClock();
    const stores = eventStoresOn(await databases.open(), clock, ids);
    await stores.deliveries.subscribe(name);
    const start = (parts: Partial<ConstructorParameters<typeof DispatcherReplica>[0]> = {}): DispatcherReplica => {
      const replica = new DispatcherReplica({ store: stores.deliveries, clock, ...parts });
      replicas.push(replica);
      return replica;
    };
    const write = (...objects: string[]): Promise<void> => stores.write(objects.map((object) => eventOn(object)));
    const states = async (subscription = name): Promise<[number, string, number][]> =>
      (await stores.deliveries.list(subscription, { limit: 100 })).map(({ sequence, state, attempts }): [number, string, number] => [sequence, state, attempts]).reverse();
    const count = async (state: string, subscription = name): Promise<number> => (await states(subscription)).filter(([, each]) => each === state).length;
    return { clock, ...stores, start, write, states, count };
  }

  /** A subscriber whose calls the test ends one by one. */
  function heldSubscriber() {
    const calls: { event: RecordedEvent; number: number; signal: AbortSignal; succeed: () => void; fail: (error?: Error) => void }[] = [];
    const subscriber: Subscriber = {
      name: "auditor",
      types: ["*"],
      handle: (event, { number, signal }) => new Promise((resolve, reject) => calls.push({ event, number, signal, succeed: resolve, fail: (error = new Error("planted")) => reject(error) })),
    };
    return { calls, subscriber, sequences: () => calls.map(({ event }) => event.sequence) };
  }

  it("hands over events of one object one by one, of others beside them, at most four at a time", async () => {
    const { start, write, count } = await open();
    const { subscriber, calls, sequences } = heldSubscriber();
    await write("model:a", "model:a", "model:b", "model:c", "model:d", "model:e");
    const replica = start({ subscribers: [subscriber] });
    await replica.until(() => calls.length >= 4);
    await replica.looks(5);
    assert.deepEqual(sequences(), [1, 3, 4, 5]);
    calls[0]!.succeed();
    await replica.until(() => calls.length >= 5);
    calls[1]!.succeed();
    await replica.until(() => calls.length >= 6);
    assert.deepEqual(sequences().slice(4).sort(), [2, 6]);
    for (const call of calls) call.succeed();
    await replica.until(async () => (await count("delivered")) === 6);
    assert.deepEqual(calls.map(({ number }) => number), [1, 1, 1, 1, 1, 1]);
  });

  it("tries again after growing waits, the next event of the object behind it, and gives up after twelve", async () => {
    const { start, write, count, clock, deliveries } = await open();
    const starts: [number, number, number][] = [];
    const subscriber: Subscriber = {
      name: "auditor",
      types: ["*"],
      handle: async ({ sequence }, { number }) => {
        starts.push([sequence, number, clock.now()]);
        if (sequence === 1) throw new AppError("INVALID_INPUT", "Not today.");
      },
    };
    await write("model:a", "model:a");
    const replica = start({ subscribers: [subscriber] });
    await replica.until(async () => (await count("delivered")) === 1, 500);
    assert.deepEqual(starts.map(([sequence, number]) => [sequence, number]), [...Array.from({ length: 12 }, (_, index) => [1, index + 1]), [2, 1]]);
    const waits = starts.slice(1, 12).map(([, , time], index) => time - starts[index]![2]);
    // The random part of a wait is all of it here; what is beyond comes from polls.
    for (const [index, wait] of waits.entries()) assert.ok(wait >= 0.99 * Math.min(300_000, 1000 * 2 ** index), `wait ${index}: ${wait}`);
    const [dead] = await deliveries.list(name, { state: "dead", limit: 1 });
    assert.deepEqual([dead?.sequence, dead?.attempts, dead?.lastError], [1, 12, "INVALID_INPUT: Not today."]);
    await deliveries.redeliver(name, 1);
    await replica.until(() => starts.length === 14, 500);
    assert.deepEqual(starts[13]!.slice(0, 2), [1, 1]);
  });

  it("takes a handler that hangs for failed after 30 seconds, and tells it", async () => {
    const { start, write } = await open();
    const { subscriber, calls } = heldSubscriber();
    await write("model:a");
    const replica = start({ subscribers: [subscriber] });
    await replica.until(() => calls.length === 1);
    assert.equal(calls[0]!.signal.aborted, false);
    await replica.until(() => calls.length === 2, 1000);
    assert.equal(calls[0]!.signal.aborted, true);
    assert.equal(calls[1]!.number, 2);
    calls[1]!.succeed();
  });

  it("shares the work of two replicas, each event once, the order of objects kept", async () => {
    const { start, write, states } = await open();
    const handled: [string, RecordedEvent][] = [];
    const began = { left: Promise.withResolvers<void>(), right: Promise.withResolvers<void>() };
    const subscriberOf = (owner: "left" | "right"): Subscriber => ({
      name: "auditor",
      types: ["*"],
      handle: async (event) => {
        // Each goes on when the other has begun: four are under way in one, and there are objects left for the other.
        began[owner].resolve();
        await began[owner === "left" ? "right" : "left"].promise;
        await turns(event.sequence % 3);
        handled.push([owner, event]);
      },
    });
    const [left, right] = [start({ owner: "left", subscribers: [subscriberOf("left")] }), start({ owner: "right", subscribers: [subscriberOf("right")] })];
    for (let round = 0; round < 10; round++) await write(...Array.from({ length: 8 }, (_, index) => `model:${index}`));
    await left.until(async () => (await states()).filter(([, state]) => state === "delivered").length === 80, 500, [right]);
    assert.equal(handled.length, 80);
    assert.equal(new Set(handled.map(([owner]) => owner)).size, 2, "both worked");
    for (let object = 0; object < 8; object++) {
      const sequences = handled.flatMap(([, event]) => (event.object === `model:${object}` ? [event.sequence] : []));
      assert.deepEqual(sequences, sequences.toSorted((one, other) => one - other));
    }
  });

  it("hands an event over again when the process died with it, after its lease, and not before", async () => {
    const { start, write, clock, deliveries } = await open();
    await write("model:a");
    // A process that fans out, takes a lease, and is gone.
    await deliveries.fanOut([{ name, types: ["*"] }], 10);
    const startedAt = clock.now();
    assert.equal((await deliveries.lease({ owner: "gone", subscriptions: [name], leaseMs: 60_000, limit: 1, perSubscription: 1, busy: new Map() })).length, 1);
    const { subscriber, calls } = heldSubscriber();
    const replica = start({ subscribers: [subscriber] });
    await replica.until(() => calls.length === 1, 500);
    assert.ok(clock.now() - startedAt >= 60_000);
    assert.equal(calls[0]!.number, 2);
    calls[0]!.succeed();
  });

  it("does not wait for the lease of a dead process when it has the store to itself", async () => {
    const { start, write, clock, deliveries } = await open();
    await write("model:a");
    await deliveries.fanOut([{ name, types: ["*"] }], 10);
    const startedAt = clock.now();
    await deliveries.lease({ owner: "gone", subscriptions: [name], leaseMs: 60_000, limit: 1, perSubscription: 1, busy: new Map() });
    const { subscriber, calls } = heldSubscriber();
    const replica = start({ subscribers: [subscriber], isAlone: true });
    await replica.until(() => calls.length === 1);
    assert.ok(clock.now() - startedAt < 10_000);
    calls[0]!.succeed();
  });

  it("does not deliver again what was delivered while the store was away", async () => {
    const { start, write, count, deliveries } = await open();
    let away = false;
    let refused = 0;
    const flaky = new Proxy(deliveries, {
      get: (target, property) => {
        const method = target[property as keyof DeliveryStore] as (...given: unknown[]) => unknown;
        return (...given: unknown[]) => {
          if (!away) return method.apply(target, given);
          refused++;
          return Promise.reject(new AppError("DATABASE_UNAVAILABLE", "Away."));
        };
      },
    });
    const { subscriber, calls } = heldSubscriber();
    await write("model:a");
    const replica = start({ store: flaky, subscribers: [subscriber] });
    await replica.until(() => calls.length === 1);
    away = true;
    calls[0]!.succeed();
    await replica.until(() => refused > 8);
    away = false;
    await replica.until(async () => (await count("delivered")) === 1);
    assert.equal(calls.length, 1);
  });

  it("pauses a webhook when it is told so, and goes on where it was", async () => {
    const { start, write, webhooks, count, states } = await open();
    await webhooks.add(webhookOf("whk_1"));
    const sent: number[] = [];
    const replica = start({
      send: async ({ event }) => {
        sent.push(event.sequence);
        return sent.length === 1 ? { ok: false, status: 410, error: "Gone.", pause: true, askedMs: 0 } : { ok: true, status: 200 };
      },
    });
    await write("model:a", "model:a");
    await replica.until(async () => (await webhooks.find("whk_1"))?.pausedAt !== null);
    await write("model:b");
    await replica.until(async () => (await states("whk_1")).length === 3);
    await replica.looks(20, 60_000);
    assert.deepEqual(sent, [1]);
    await webhooks.setPaused("whk_1", false);
    await replica.until(async () => (await count("delivered", "whk_1")) === 3);
    assert.deepEqual(sent.filter((sequence) => sequence < 3), [1, 1, 2]);
  });

  it("waits as long as a receiver asks for, within bounds", async () => {
    const { start, write, webhooks, clock } = await open();
    await webhooks.add(webhookOf("whk_1"));
    const sentAt: number[] = [];
    const asked = [120_000, 1e12];
    const replica = start({
      send: async () => {
        const askedMs = asked[sentAt.length] ?? 0;
        sentAt.push(clock.now());
        return { ok: false, status: 503, error: "Later.", pause: false, askedMs };
      },
    });
    await write("model:a");
    await replica.until(() => sentAt.length === 3, 60_000);
    const [first, second] = [sentAt[1]! - sentAt[0]!, sentAt[2]! - sentAt[1]!];
    assert.ok(first >= 120_000, `${first}`);
    assert.ok(second >= 8 * 3_600_000 && second < 1e11, `${second}`);
  });

  it("ends with what is under way, takes nothing new, and leaves what takes too long to the next process", async () => {
    const { start, write, states, deliveries, clock } = await open();
    const { subscriber, calls } = heldSubscriber();
    await write("model:a", "model:b", "model:a");
    const replica = start({ subscribers: [subscriber] });
    await replica.until(() => calls.length === 2);
    const stopping = replica.dispatcher.stop();
    while (!replica.alarms.waits.includes(5000)) await turns();
    assert.equal(calls[0]!.signal.aborted, false);
    calls[0]!.succeed();
    while ((await states())[0]![1] !== "delivered") await turns();
    replica.pass(4999);
    assert.equal(calls[1]!.signal.aborted, false);
    replica.pass(1);
    await stopping;
    assert.equal(calls[1]!.signal.aborted, true);
    assert.deepEqual(await states(), [[1, "delivered", 1], [2, "pending", 1], [3, "pending", 0]]);
    const next = (await deliveries.list(name, { limit: 10 })).map(({ nextAttemptAt }) => nextAttemptAt);
    assert.ok(next.every((time) => time === null || time <= clock.now()), "due at once");
  });

  it("begins a new subscriber behind what happened before it, and refuses two of one name", async () => {
    const { start, write, deliveries } = await open();
    await write("model:before");
    const seen: string[] = [];
    const subscriber: Subscriber = { name: "late", types: ["model.*"], handle: async ({ object }) => void seen.push(object) };
    const replica = start({ subscribers: [subscriber] });
    await replica.until(() => replica.alarms.waits.length > 0);
    await write("model:after");
    await replica.until(() => seen.length > 0);
    assert.deepEqual(seen, ["model:after"]);
    assert.throws(() => replica.dispatcher.subscribe(subscriber), /two subscribers/);
    assert.deepEqual(await deliveries.list("subscriber:auditor", { limit: 1 }), []);
  });
});
