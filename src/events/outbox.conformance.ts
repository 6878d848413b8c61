import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { epochMs } from "../core/clock.ts";
import type { DomainEvent } from "../core/domain-event.ts";
import type { Outbox } from "./outbox.ts";

/** An outbox with the way in which stores write it. */
export interface OutboxUnderTest {
  outbox: Outbox;
  /** One transaction that writes the events, and does `before` its commit; answers when it is durable. */
  write(events: readonly DomainEvent[], before?: () => Promise<void>): Promise<void>;
  /** The same as one batch of statements. */
  writeBatch(events: readonly DomainEvent[]): Promise<void>;
}

const everything = { teams: ["*"], objects: [] };

export function eventOn(object: string, more: Partial<DomainEvent> = {}): DomainEvent {
  return { type: "model.alias.changed", object, team: "default", actor: "local", time: epochMs(1000), payload: {}, ...more };
}

/** What every Outbox promises. `open` gives one over a new, empty database. */
export function outboxConformance(adapter: string, open: () => Promise<OutboxUnderTest>): void {
  describe(`Outbox: ${adapter}`, () => {
    it("is empty at first", async () => {
      const { outbox } = await open();
      assert.equal(await outbox.latest(), 0);
      assert.deepEqual(await outbox.readAfter(0, 10), []);
      assert.deepEqual(await outbox.list({ limit: 10 }, everything), []);
    });

    it("gives events back as they were written, with sequences from 1 and an id each", async () => {
      const { outbox, write } = await open();
      const payload = { model: "flights", nested: { list: [1, "2", null, true] }, text: "é😀 \"'" };
      await write([eventOn("model:flights", { payload, time: epochMs(5), team: "ops", actor: "key:1" }), eventOn("model:b", { type: "model.policy.changed" })]);
      const [first, second] = await outbox.readAfter(0, 10);
      assert.match(first!.id, /^evt_/);
      assert.notEqual(first!.id, second!.id);
      assert.deepEqual(first, { sequence: 1, id: first!.id, type: "model.alias.changed", object: "model:flights", team: "ops", actor: "key:1", time: 5, payload });
      assert.deepEqual([second!.sequence, second!.type, second!.payload], [2, "model.policy.changed", {}]);
      assert.equal(await outbox.latest(), 2);
    });

    it("leaves neither event nor gap of a transaction that fails", async () => {
      const { outbox, write } = await open();
      await write([eventOn("model:a")]);
      await assert.rejects(write([eventOn("model:b"), eventOn("model:c")], async () => Promise.reject(new Error("planted"))), /planted/);
      await write([eventOn("model:d")]);
      assert.deepEqual((await outbox.readAfter(0, 10)).map(({ sequence, object }) => [sequence, object]), [[1, "model:a"], [2, "model:d"]]);
    });

    it("numbers what is written side by side without gaps, in the order in which readers come to see it", async () => {
      const { outbox, write, writeBatch } = await open();
      let writing = true;
      const seen: number[] = [];
      const reader = (async () => {
        // A last read after the last write: what it misses would be missed by every follower.
        for (let last = false; !last; ) {
          last = !writing;
          for (const { sequence } of await outbox.readAfter(seen.at(-1) ?? 0, 7)) seen.push(sequence);
          if (last && seen.length < (await outbox.latest())) last = false;
        }
      })();
      const turns = async (count: number): Promise<void> => {
        for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
      };
      await Promise.all(
        Array.from({ length: 60 }, (_, index) => {
          const events = Array.from({ length: 1 + (index % 3) }, (__, place) => eventOn(`model:${index}-${place}`));
          if (index % 4 === 0) return writeBatch(events);
          return write(events, async () => {
            await turns(index % 5);
            if (index % 7 === 0) throw new Error("planted");
          }).catch((error: Error) => assert.equal(error.message, "planted"));
        }),
      );
      writing = false;
      await reader;
      assert.deepEqual(seen, Array.from({ length: await outbox.latest() }, (_, index) => index + 1));
    });

    it("reads on after a sequence, in pages", async () => {
      const { outbox, write } = await open();
      await write(Array.from({ length: 5 }, (_, index) => eventOn(`model:${index}`)));
      assert.deepEqual((await outbox.readAfter(1, 2)).map(({ sequence }) => sequence), [2, 3]);
      assert.deepEqual((await outbox.readAfter(3, 10)).map(({ sequence }) => sequence), [4, 5]);
      assert.deepEqual(await outbox.readAfter(5, 10), []);
    });

    it("lists the newest first, by type, by the beginning of the type, by object, and before a sequence", async () => {
      const { outbox, write } = await open();
      await write([
        eventOn("model:a"), eventOn("model:b"), eventOn("model:a", { type: "model.policy.changed" }),
        eventOn("modelx:a", { type: "modelx.made" }), eventOn("key:1", { type: "key.created" }),
      ]);
      const listed = async (filter: object): Promise<number[]> => (await outbox.list({ limit: 10, ...filter }, everything)).map(({ sequence }) => sequence);
      assert.deepEqual(await listed({}), [5, 4, 3, 2, 1]);
      assert.deepEqual(await listed({ limit: 2 }), [5, 4]);
      assert.deepEqual(await listed({ before: 3 }), [2, 1]);
      assert.deepEqual(await listed({ type: "key.created" }), [5]);
      assert.deepEqual(await listed({ type: "model.*" }), [3, 2, 1]);
      assert.deepEqual(await listed({ type: "*" }), [5, 4, 3, 2, 1]);
      assert.deepEqual(await listed({ object: "model:a" }), [3, 1]);
      assert.deepEqual(await listed({ object: "model:a", type: "model.alias.changed" }), [1]);
    });

    it("shows only the teams and objects that it was told, and nothing to who may see nothing", async () => {
      const { outbox, write } = await open();
      await write([eventOn("model:a", { team: "red" }), eventOn("model:b", { team: "red" }), eventOn("model:a", { team: "blue" }), eventOn("model:c", { team: "blue" })]);
      const listed = async (teams: string[], objects: { team: string; object: string }[] = []): Promise<number[]> =>
        (await outbox.list({ limit: 10 }, { teams, objects })).map(({ sequence }) => sequence);
      assert.deepEqual(await listed([]), []);
      assert.deepEqual(await listed(["red"]), [2, 1]);
      assert.deepEqual(await listed(["red", "blue"]), [4, 3, 2, 1]);
      assert.deepEqual(await listed([], [{ team: "red", object: "model:a" }]), [1]);
      assert.deepEqual(await listed([], [{ team: "*", object: "model:a" }]), [3, 1]);
      assert.deepEqual(await listed(["blue"], [{ team: "red", object: "model:b" }, { team: "red", object: "model:none" }]), [4, 3, 2]);
    });

    it("prunes the oldest in slices, keeps what is young, and goes on counting", async () => {
      const { outbox, write } = await open();
      await write([10, 20, 30, 40].map((time) => eventOn("model:a", { time: epochMs(time) })));
      const prune = (before: number, limit: number): Promise<number> => outbox.prune({ before: epochMs(before), unreadBefore: epochMs(0), limit });
      assert.equal(await prune(10, 10), 0);
      assert.equal(await prune(35, 2), 2);
      assert.equal(await prune(35, 2), 1);
      assert.equal(await prune(35, 2), 0);
      assert.deepEqual((await outbox.readAfter(0, 10)).map(({ sequence }) => sequence), [4]);
      assert.equal(await prune(100, 10), 1);
      assert.equal(await outbox.latest(), 4);
      await write([eventOn("model:a")]);
      assert.equal(await outbox.latest(), 5);
    });
  });
}
