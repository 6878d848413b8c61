import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import { TemporaryDatabases } from "../adapters/sql/dialects/sqlite/temporary-databases.fixture.ts";
import { SqlOutbox } from "../adapters/sql/events/sql-outbox.ts";
import type { SqlDatabase } from "../adapters/sql/sql-database.ts";
import { watchEvents, writeEvents } from "../adapters/sql/events/write-events.ts";
import { systemClock } from "../core/clock.ts";
import { EventBus, type EventMap } from "../core/events.ts";
import { TimeOrderedIds } from "../core/ids.ts";
import { silentLogger } from "../core/logger.ts";
import { ManualAlarm } from "./manual-alarm.fixture.ts";
import { eventOn } from "./outbox.conformance.ts";
import { OutboxFollower } from "./outbox-follower.ts";
import type { Outbox } from "./outbox.ts";
import { OwnEvents } from "./own-events.ts";
import { announceRegistryChange } from "./registry-changes.ts";
import type { RecordedEvent } from "./schemas.ts";

const ids = new TimeOrderedIds(systemClock);

describe("OutboxFollower", () => {
  const databases = new TemporaryDatabases();
  const followers: OutboxFollower[] = [];
  afterEach(async () => {
    for (const follower of followers.splice(0)) await follower.stop();
    await databases.remove();
  });

  const write = (database: SqlDatabase, ...objects: string[]): Promise<void> =>
    database.transaction((transaction) => writeEvents(transaction, ids, objects.map((object) => eventOn(object))));

  /** A process with its follower, on a database that it may share with others. */
  async function openReplica(shared: SqlDatabase, outbox: Outbox = new SqlOutbox(shared)) {
    const alarms = new ManualAlarm();
    const seen: { event: RecordedEvent; own: boolean }[] = [];
    const waiting = new Set<() => void>();
    const follower = new OutboxFollower({ outbox, alarm: alarms.alarm, logger: silentLogger });
    const own = new OwnEvents(() => follower.wake());
    follower.follow((event) => {
      seen.push({ event, own: own.take(event.id) });
      for (const check of waiting) check();
    });
    followers.push(follower);
    await follower.start();
    return {
      follower, alarms, seen,
      database: watchEvents(shared, own),
      objects: () => seen.map(({ event }) => event.object),
      seenAtLeast: (count: number) =>
        new Promise<void>((resolve) => {
          const check = (): void => {
            if (seen.length < count) return;
            waiting.delete(check);
            resolve();
          };
          waiting.add(check);
          check();
        }),
      nextPause: () =>
        new Promise<void>((resolve) => {
          if (alarms.waits.length > 0) resolve();
          else alarms.onSet = resolve;
        }),
    };
  }

  it("shows what commits after the start, each once and in order, own ones without waiting for the next look", async () => {
    const database = await databases.open();
    await write(database, "model:before");
    const replica = await openReplica(database);
    for (let index = 0; index < 10; index++) await write(replica.database, `model:${index}`, `model:${index}b`);
    await replica.seenAtLeast(20);
    assert.deepEqual(replica.objects(), Array.from({ length: 10 }, (_, index) => [`model:${index}`, `model:${index}b`]).flat());
    assert.ok(replica.seen.every(({ own }) => own));
  });

  it("shows what another replica wrote when its time to look has come, as another's", async () => {
    const database = await databases.open();
    const [left, right] = [await openReplica(database), await openReplica(database)];
    await right.nextPause();
    assert.deepEqual(right.alarms.waits, [500]);
    await write(left.database, "model:a");
    await left.seenAtLeast(1);
    assert.deepEqual(right.objects(), []);
    right.alarms.advance(500);
    await right.seenAtLeast(1);
    assert.deepEqual([left.seen, right.seen].map(([first]) => [first?.event.object, first?.own]), [["model:a", true], ["model:a", false]]);
  });

  it("catches up page by page after thousands", async () => {
    const database = await databases.open();
    const replica = await openReplica(database);
    await replica.nextPause();
    await write(database, ...Array.from({ length: 1201 }, (_, index) => `model:${index}`));
    replica.alarms.advance(500);
    await replica.seenAtLeast(1201);
    assert.deepEqual(replica.seen.map(({ event }) => event.sequence), Array.from({ length: 1201 }, (_, index) => index + 1));
  });

  it("goes on after the store was away, with growing pauses, and misses nothing", async () => {
    const database = await databases.open();
    const inner = new SqlOutbox(database);
    let away = false;
    let refused = 0;
    const flaky = Object.create(inner, {
      latest: { value: () => inner.latest() },
      readAfter: {
        value: async (sequence: number, limit: number) => {
          if (!away) return inner.readAfter(sequence, limit);
          refused++;
          throw new Error("planted");
        },
      },
    }) as Outbox;
    const replica = await openReplica(database, flaky);
    await replica.nextPause();
    away = true;
    await write(database, "model:a");
    const pauses: number[] = [];
    for (let round = 0; round < 6; round++) {
      replica.alarms.advance(replica.alarms.waits[0]!);
      await replica.nextPause();
      pauses.push(replica.alarms.waits[0]!);
    }
    assert.deepEqual([pauses, refused], [[500, 1000, 2000, 4000, 5000, 5000], 6]);
    away = false;
    replica.follower.wake();
    await replica.seenAtLeast(1);
    assert.deepEqual(replica.objects(), ["model:a"]);
  });

  it("keeps events of a failed transaction apart, and shows none of them", async () => {
    const database = await databases.open();
    const replica = await openReplica(database);
    await assert.rejects(
      replica.database.transaction(async (transaction) => {
        await writeEvents(transaction, ids, [eventOn("model:lost")]);
        throw new Error("planted");
      }),
      /planted/,
    );
    await write(replica.database, "model:kept");
    await replica.seenAtLeast(1);
    assert.deepEqual(replica.objects(), ["model:kept"]);
  });

  it("keeps what is read of the database fresh: what changed before events were followed, and what could not be read when it changed", async () => {
    const database = await databases.open();
    const alarms = new ManualAlarm();
    const follower = new OutboxFollower({ outbox: new SqlOutbox(database), alarm: alarms.alarm, logger: silentLogger });
    followers.push(follower);
    let [world, held, failures] = [1, 1, 0];
    const read = Promise.withResolvers<void>();
    const failed = Promise.withResolvers<void>();
    const { type } = eventOn("model:a");
    follower.keepFresh("the world", (told) => told === type, () => {
      if (failures > 0) {
        failures--;
        setImmediate(failed.resolve);
        return Promise.reject(new Error("planted"));
      }
      held = world;
      if (world === 3) read.resolve();
      return Promise.resolve();
    });
    world = 2;
    await write(database, "model:a");
    await follower.start();
    assert.equal(held, 2);
    [world, failures] = [3, 1];
    await write(database, "model:a");
    follower.wake();
    await failed.promise;
    assert.equal(held, 2);
    // Nobody tells of it again.
    alarms.advance(alarms.waits.at(-1)!);
    await read.promise;
    assert.equal(held, 3);
  });

  it("does not let one listener that throws keep events from the next", async () => {
    const database = await databases.open();
    const replica = await openReplica(database);
    replica.follower.follow(() => {
      throw new Error("planted");
    });
    const last: string[] = [];
    const end = replica.follower.follow(({ object }) => void last.push(object));
    await write(replica.database, "model:a", "model:b");
    await replica.seenAtLeast(2);
    end();
    await write(replica.database, "model:c");
    await replica.seenAtLeast(3);
    assert.deepEqual(last, ["model:a", "model:b"]);
  });
});

describe("announceRegistryChange", () => {
  it("says on the bus what changed, and nothing of other events", () => {
    const bus = new EventBus();
    const heard: unknown[] = [];
    for (const name of ["version.registered", "alias.changed", "policy.changed", "version.state"] as const) bus.on(name, (payload: EventMap[typeof name]) => heard.push([name, payload]));
    const tell = (type: string, payload: Record<string, unknown>): void => announceRegistryChange({ ...eventOn("model:a"), sequence: 1, id: "evt_1", type, payload }, bus);
    tell("model.version.registered", { model: "a", version: "2" });
    tell("model.alias.changed", { model: "a", alias: "champion", version: "2" });
    tell("model.policy.changed", { model: "a", revision: 3 });
    tell("key.revoked", { key: "key_1" });
    assert.deepEqual(heard, [
      ["version.registered", { model: "a", version: "2" }],
      ["alias.changed", { model: "a", alias: "champion", version: "2" }],
      ["policy.changed", { model: "a", revision: 3 }],
    ]);
  });
});
