import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "../../../test/kit/fast-check.ts";
import { epochMs, type EpochMs } from "../../core/clock.ts";
import type { StoredTruth, TruthRecord } from "../schemas.ts";
import type { TruthStore } from "./truth-store.ts";

const time = (offset: number): EpochMs => epochMs(1_700_000_000_000 + offset);
const idOf = (index: number): string => `prd_${String(index).padStart(26, "0")}`;
const record = (index: number, row: number, value: TruthRecord["value"]): TruthRecord => ({ predictionId: idOf(index), row, value });

/** What every TruthStore promises. `open` gives a store over a new, empty database. */
export function truthStoreConformance(adapterName: string, open: () => Promise<TruthStore>): void {
  describe(`TruthStore: ${adapterName}`, () => {
    it("is empty at first, and takes nothing for nothing", async () => {
      const store = await open();
      assert.deepEqual(await store.write([], time(0)), { added: 0, corrected: 0, unchanged: 0 });
      assert.deepEqual(await store.read(idOf(1)), []);
      assert.deepEqual(await store.listReceived(time(0), time(1), 10), []);
    });

    it("keeps truth by prediction and row, in any order of arrival", async () => {
      const store = await open();
      const records = [record(1, 10, "late"), record(2, 0, true), { ...record(1, 2, 0.25), observedAt: time(-500) }];
      assert.deepEqual(await store.write(records, time(0)), { added: 3, corrected: 0, unchanged: 0 });
      const common = { predictionId: idOf(1), receivedAt: time(0), corrections: 0 };
      assert.deepEqual(await store.read(idOf(1)), [
        { ...common, row: 2, value: 0.25, observedAt: time(-500) },
        { ...common, row: 10, value: "late", observedAt: time(0) },
      ]);
    });

    it("changes nothing when the same value comes again", async () => {
      const store = await open();
      await store.write([record(1, 0, 1)], time(0));
      const before = await store.read(idOf(1));
      assert.deepEqual(await store.write([{ ...record(1, 0, 1), observedAt: time(7) }], time(9)), { added: 0, corrected: 0, unchanged: 1 });
      assert.deepEqual(await store.read(idOf(1)), before);
    });

    it("lets the last different value win and counts the corrections", async () => {
      const store = await open();
      await store.write([record(1, 0, 1)], time(0));
      assert.deepEqual(await store.write([record(1, 0, 2)], time(5)), { added: 0, corrected: 1, unchanged: 0 });
      assert.deepEqual(await store.write([{ ...record(1, 0, 1), observedAt: time(3) }], time(6)), { added: 0, corrected: 1, unchanged: 0 });
      assert.deepEqual(await store.read(idOf(1)), [
        { predictionId: idOf(1), row: 0, value: 1, observedAt: time(3), receivedAt: time(6), corrections: 2 },
      ]);
    });

    it("takes the records of one call in their order", async () => {
      const store = await open();
      const counts = await store.write([record(1, 0, 1), record(1, 0, 1), record(1, 0, 2), record(1, 0, 3), record(2, 0, 3)], time(0));
      assert.deepEqual(counts, { added: 2, corrected: 2, unchanged: 1 });
      assert.deepEqual((await store.read(idOf(1))).map(({ value, corrections }) => [value, corrections]), [[3, 2]]);
    });

    it("tells 1, true and \"1\" apart", async () => {
      const store = await open();
      await store.write([record(1, 0, 1)], time(0));
      assert.equal((await store.write([record(1, 0, true)], time(1))).corrected, 1);
      assert.equal((await store.write([record(1, 0, "1")], time(2))).corrected, 1);
      assert.equal((await store.write([record(1, 0, "true")], time(3))).corrected, 1);
      assert.deepEqual((await store.read(idOf(1))).map(({ value }) => value), ["true"]);
    });

    it("keeps every value exactly", async () => {
      const store = await open();
      const values = [0, -1.5, 1e300, 5e-324, 2 ** 53 - 1, 0.1 + 0.2, "", "a\0b", "half \ud800", "😀", "null", "'; drop table truths; --", "x".repeat(1000), false];
      await store.write(values.map((value, row) => record(1, row, value)), time(0));
      assert.deepEqual((await store.read(idOf(1))).map(({ value }) => value), values);
    });

    it("writes all records of a call or none", async () => {
      const store = await open();
      const impossible = { ...record(2, 0, 1), predictionId: "a\0b" };
      await assert.rejects(store.write([record(1, 0, 1), impossible], time(0)));
      assert.deepEqual(await store.read(idOf(1)), []);
    });

    it("takes many records at once, and many calls side by side", async () => {
      const store = await open();
      const many = Array.from({ length: 5000 }, (_, index) => record(index, 0, index));
      assert.deepEqual(await store.write(many, time(0)), { added: 5000, corrected: 0, unchanged: 0 });
      const counts = await Promise.all(Array.from({ length: 100 }, (_, index) => store.write([record(1, 1 + (index % 10), "same")], time(1))));
      assert.deepEqual([counts.reduce((sum, { added }) => sum + added, 0), counts.reduce((sum, { unchanged }) => sum + unchanged, 0)], [10, 90]);
      assert.equal((await store.read(idOf(4999)))[0]?.value, 4999);
    });

    it("lists what was received in a time, the oldest first, corrections at their own time", async () => {
      const store = await open();
      await store.write([record(3, 0, 1), record(1, 1, 1), record(1, 0, 1)], time(10));
      await store.write([record(2, 0, 1)], time(20));
      await store.write([record(4, 0, 1)], time(30));
      await store.write([record(3, 0, 2)], time(25));
      const listed = async (from: number, to: number, limit = 100): Promise<string[]> =>
        (await store.listReceived(time(from), time(to), limit)).map(({ predictionId, row }) => `${Number(predictionId.slice(4))}.${row}`);
      assert.deepEqual(await listed(0, 100), ["1.0", "1.1", "2.0", "3.0", "4.0"]);
      assert.deepEqual(await listed(10, 30), ["1.0", "1.1", "2.0", "3.0"]);
      assert.deepEqual(await listed(11, 25), ["2.0"]);
      assert.deepEqual(await listed(0, 100, 2), ["1.0", "1.1"]);
    });

    it("is followed page by page, each record once, also where many came at the same moment", async () => {
      const store = await open();
      assert.deepEqual(await store.readSince(time(0), null, 10), []);
      await store.write([record(3, 0, "a"), record(1, 10, "b"), record(1, 2, "c"), record(2, 0, "d")], time(10));
      await store.write([record(4, 0, "e"), record(1, 0, "f")], time(20));
      await store.write([record(1, 2, "corrected")], time(20));
      const follow = async (limit: number, from = time(0)): Promise<string[]> => {
        const seen: StoredTruth[] = [];
        for (;;) {
          const last = seen.at(-1);
          const page = last === undefined ? await store.readSince(from, null, limit) : await store.readSince(epochMs(last.receivedAt), last, limit);
          assert.ok(page.length <= limit);
          seen.push(...page);
          if (page.length < limit) return seen.map(({ predictionId, row, value }) => `${Number(predictionId.slice(4))}.${row} ${String(value)}`);
        }
      };
      const all = ["1.10 b", "2.0 d", "3.0 a", "1.0 f", "1.2 corrected", "4.0 e"];
      for (const limit of [1, 2, 3, 100]) assert.deepEqual(await follow(limit), all, String(limit));
      assert.deepEqual(await follow(2, time(11)), all.slice(3));
      assert.deepEqual(await follow(2, time(20)), all.slice(3));
      assert.deepEqual(await follow(2, time(21)), []);
    });

    it("agrees with a naive model over any calls", async () => {
      const value = fc.oneof(fc.integer({ min: 0, max: 2 }), fc.boolean(), fc.constantFrom("", "1"));
      const call = fc.array(fc.record({ prediction: fc.nat(2), row: fc.nat(1), value, observed: fc.option(fc.nat(5), { nil: undefined }) }), { maxLength: 6 });
      const store = await open();
      let run = 0;
      await fc.assert(
        fc.asyncProperty(fc.array(call, { maxLength: 6 }), async (calls) => {
          const first = 10 * run++;
          const model = new Map<string, StoredTruth>();
          for (const [index, entries] of calls.entries()) {
            const records = entries.map((entry) => ({
              ...record(first + entry.prediction, entry.row, entry.value),
              ...(entry.observed === undefined ? {} : { observedAt: time(entry.observed) }),
            }));
            assert.deepEqual(await store.write(records, time(index)), applyNaively(model, records, time(index)));
          }
          for (let prediction = first; prediction < first + 3; prediction++) {
            const expected = [0, 1].flatMap((row) => model.get(`${idOf(prediction)} ${row}`) ?? []);
            assert.deepEqual(await store.read(idOf(prediction)), expected);
          }
        }),
        { numRuns: 50 },
      );
    });
  });
}

function applyNaively(model: Map<string, StoredTruth>, records: readonly TruthRecord[], now: EpochMs): { added: number; corrected: number; unchanged: number } {
  const counts = { added: 0, corrected: 0, unchanged: 0 };
  for (const { predictionId, row, value, observedAt = now } of records) {
    const key = `${predictionId} ${row}`;
    const known = model.get(key);
    if (known !== undefined && known.value === value) {
      counts.unchanged++;
      continue;
    }
    model.set(key, { predictionId, row, value, observedAt, receivedAt: now, corrections: known === undefined ? 0 : known.corrections + 1 });
    if (known === undefined) counts.added++;
    else counts.corrected++;
  }
  return counts;
}
