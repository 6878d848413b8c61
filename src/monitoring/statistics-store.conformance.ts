import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { epochMs, type EpochMs } from "../core/clock.ts";
import type { MinuteStatistics, StatisticsStore } from "./statistics-store.ts";

const minute = (count: number): EpochMs => epochMs(1_700_000_040_000 + count * 60_000);

function row(model: string, version: string, count: number, ...payload: number[]): MinuteStatistics {
  return { model, version, minute: minute(count), payload: Uint8Array.from(payload) };
}

/** What every StatisticsStore promises. `openDatabase` makes a new, empty database, and answers with the store that a server of some name has over it. */
export function statisticsStoreConformance(adapterName: string, openDatabase: () => Promise<(server: string) => StatisticsStore>): void {
  const open = async (): Promise<StatisticsStore> => (await openDatabase())("one");
  const read = async (store: StatisticsStore, from: number, to: number, model = "flights"): Promise<MinuteStatistics[]> =>
    (await store.readMinutes(model, minute(from), minute(to))).map((each) => ({ ...each, payload: Uint8Array.from(each.payload) }));

  describe(`StatisticsStore: ${adapterName}`, () => {
    it("is empty at first, and takes nothing for nothing", async () => {
      const store = await open();
      await store.upsertMinutes([]);
      assert.deepEqual(await read(store, 0, 1000), []);
      assert.equal(await store.deleteBefore(minute(1000)), 0);
    });

    it("reads one model's minutes in [from, to), by minute and then by version number", async () => {
      const store = await open();
      const rows = [row("flights", "10", 1, 4), row("flights", "9", 1, 3), row("flights", "9", 0, 1), row("flights", "9", 2, 5), row("trains", "1", 1, 9)];
      await store.upsertMinutes(rows);
      assert.deepEqual(await read(store, 0, 2), [rows[2], rows[1], rows[0]]);
      assert.deepEqual(await read(store, 2, 3), [rows[3]]);
      assert.deepEqual(await read(store, 0, 9, "trains"), [rows[4]]);
      assert.deepEqual(await read(store, 0, 9, "Flights"), []);
    });

    it("replaces a row, and the last of one call wins", async () => {
      const store = await open();
      await store.upsertMinutes([row("flights", "1", 0, 1), row("flights", "1", 1, 1)]);
      await store.upsertMinutes([row("flights", "1", 0, 2), row("flights", "1", 0, 3)]);
      assert.deepEqual(await read(store, 0, 9), [row("flights", "1", 0, 3), row("flights", "1", 1, 1)]);
    });

    it("keeps the rows of several servers apart, and says which are another's", async () => {
      const storeOf = await openDatabase();
      const [one, two] = [storeOf("one"), storeOf("two")];
      await one.upsertMinutes([row("flights", "1", 0, 1), row("flights", "1", 1, 2)]);
      await two.upsertMinutes([row("flights", "1", 0, 3)]);
      await one.upsertMinutes([row("flights", "1", 0, 4)]);
      assert.deepEqual(await read(one, 0, 9), [row("flights", "1", 0, 4), { ...row("flights", "1", 0, 3), elsewhere: true }, row("flights", "1", 1, 2)]);
      assert.deepEqual(await read(two, 0, 1), [{ ...row("flights", "1", 0, 4), elsewhere: true }, row("flights", "1", 0, 3)]);
      assert.equal(await two.deleteBefore(minute(1)), 2);
      assert.deepEqual(await read(one, 0, 9), [row("flights", "1", 1, 2)]);
    });

    it("keeps the bytes as they are", async () => {
      const store = await open();
      const large = Uint8Array.from({ length: 1_000_000 }, (_, index) => (index * 31) & 255);
      await store.upsertMinutes([row("flights", "1", 0), { ...row("flights", "1", 1), payload: large }, { ...row("flights", "1", 2), payload: Buffer.from("pooled") }]);
      const [empty, bytes, pooled] = await read(store, 0, 9);
      assert.equal(empty?.payload.length, 0);
      assert.ok(Buffer.from(large).equals(bytes!.payload));
      assert.equal(Buffer.from(pooled!.payload).toString(), "pooled");
    });

    it("is done with the caller's bytes when the call returns its promise", async () => {
      const store = await open();
      const payload = new Uint8Array(2);
      const written = [0, 1, 2].map((count) => {
        payload.fill(count);
        return store.upsertMinutes([{ ...row("flights", "1", count), payload }]);
      });
      payload.fill(9);
      await Promise.all(written);
      assert.deepEqual((await read(store, 0, 9)).map((each) => [...each.payload]), [[0, 0], [1, 1], [2, 2]]);
    });

    it("removes what is older, of every model, and says how much", async () => {
      const store = await open();
      await store.upsertMinutes([row("flights", "1", 0), row("flights", "1", 1), row("trains", "1", 0), row("trains", "1", 2)]);
      assert.equal(await store.deleteBefore(minute(1)), 2);
      assert.equal(await store.deleteBefore(minute(1)), 0);
      assert.deepEqual([...(await read(store, 0, 9)), ...(await read(store, 0, 9, "trains"))], [row("flights", "1", 1), row("trains", "1", 2)]);
    });

    it("writes all rows of a call or none", async () => {
      const store = await open();
      await assert.rejects(store.upsertMinutes([row("flights", "1", 0), row("a\0b", "1", 0)]));
      assert.deepEqual(await read(store, 0, 9), []);
    });
  });
}
