import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import fc from "../../../test/kit/fast-check.ts";
import { arbitraryPredictionEntry, expectedPrediction } from "../../../test/kit/arbitrary-prediction-entry.ts";
import { ManualClock } from "../../core/clock.ts";
import { AppError } from "../../core/errors.ts";
import { TimeOrderedIds } from "../../core/ids.ts";
import type { PredictionEntry, PredictionLog } from "./prediction-log.ts";

export interface PredictionLogHarness {
  log: PredictionLog;
  /** Stops the log as a process does that ends well, and opens it again. */
  reopen(): Promise<void>;
  /** Ends the log without any goodbye, as `kill -9` does, and opens it again. */
  crash(): Promise<void>;
  close(): Promise<void>;
}

export function predictionLogConformance(adapter: string, open: () => Promise<PredictionLogHarness>): void {
  describe(`PredictionLog: ${adapter}`, () => {
    let harness: PredictionLogHarness;
    const clock = new ManualClock();
    const ids = new TimeOrderedIds(clock);

    beforeEach(async () => {
      harness = await open();
    });
    afterEach(() => harness.close());

    function entry(change: Partial<PredictionEntry> = {}): PredictionEntry {
      clock.advance(1);
      return {
        id: ids.next("prediction"),
        time: clock.now(),
        model: "flights",
        version: "1",
        requestId: "call-1",
        rows: 2,
        outcome: "ok",
        timing: { queueUs: 1.5, runUs: 20, totalUs: 30, batchRows: 2 },
        inputs: [{ name: "x", datatype: "FP32", shape: [2, 2], data: Float32Array.of(1, 2.5, Number.NaN, -0.1) }],
        outputs: [{ name: "y", datatype: "INT64", shape: [2], data: BigInt64Array.of(1n, 2n ** 63n - 1n) }],
        ...change,
      };
    }

    async function append(count: number, change: (index: number) => Partial<PredictionEntry> = () => ({})): Promise<PredictionEntry[]> {
      const entries = Array.from({ length: count }, (_, index) => entry(change(index)));
      await Promise.all(entries.map((one) => harness.log.append(one)));
      return entries;
    }

    const idsOf = (list: readonly { id: string }[]): string[] => list.map((one) => one.id);
    /** The same question in each place where a prediction may be. */
    const places: [string, () => Promise<void>][] = [
      ["in memory", () => Promise.resolve()],
      ["in Parquet", () => harness.log.flush()],
      ["after a restart", () => harness.reopen()],
      ["after a crash", () => harness.crash()],
    ];

    for (const [place, move] of places) {
      it(`finds a prediction as it was appended, ${place}`, async () => {
        const [one] = await append(3);
        await move();
        assert.deepEqual(await harness.log.find(one!.id), expectedPrediction(one!));
        assert.equal(await harness.log.find(ids.next("prediction")), null);
        assert.equal(await harness.log.find("prd_nonsense"), null);
      });

      it(`lists the newest first, by model, version and outcome, page by page, ${place}`, async () => {
        const flights = await append(10, (index) => ({ version: index < 5 ? "1" : "2", outcome: index % 3 === 0 ? "DEADLINE_EXCEEDED" : index % 3 === 1 ? "ok" : "cached" }));
        const others = await append(2, () => ({ model: "fraud" }));
        await move();
        const newest = idsOf(flights).reverse();
        const list = async (filter: Partial<Parameters<PredictionLog["list"]>[0]>): Promise<string[]> => idsOf(await harness.log.list({ model: "flights", limit: 100, ...filter }));
        assert.deepEqual(await list({}), newest);
        assert.deepEqual(await list({ limit: 3 }), newest.slice(0, 3));
        assert.deepEqual(await list({ limit: 3, before: newest[2]! }), newest.slice(3, 6));
        assert.deepEqual(await list({ version: "1" }), newest.slice(5));
        assert.deepEqual(await list({ outcome: "error" }), newest.filter((_, index) => (9 - index) % 3 === 0));
        assert.deepEqual(await list({ outcome: "ok", limit: 2, version: "1" }), [newest[5], newest[7]]);
        assert.deepEqual(await list({ before: newest[9]! }), []);
        assert.deepEqual(await list({ model: "fraud" }), idsOf(others).reverse());
        assert.deepEqual(await list({ model: "unknown" }), []);
        assert.deepEqual(await list({ limit: 0 }), []);
        assert.deepEqual(await list({ after: newest[2]! }), newest.slice(0, 2));
        assert.deepEqual(await list({ after: newest[7]!, before: newest[4]! }), newest.slice(5, 7));
        for (const bound of ["before", "after", "shadowOf"]) {
          await assert.rejects(list({ [bound]: "prd_1' OR 1 = 1 --" }), (error) => error instanceof AppError && error.code === "INVALID_REQUEST");
        }
      });

      it(`says why a prediction went where it went, and lists answers of shadows only where they are asked for, ${place}`, async () => {
        const assignment = { rollout: "rol_1", phase: "1 canary", arm: "stable", by: "key", fraction: 0.25, failed: { arm: "candidate", version: "2", outcome: "OUTPUT_INVALID", totalUs: 12.5 }, shadowOf: null } as const;
        const [plain] = await append(1);
        const [answer] = await append(1, () => ({ assignment }));
        const [shadow] = await append(1, () => ({ version: "2", assignment: { ...assignment, arm: "candidate", failed: null, shadowOf: answer!.id } }));
        const [later] = await append(1, () => ({ assignment: null }));
        const [other] = await append(1, () => ({ version: "2", assignment: { ...assignment, arm: "candidate", by: "rule", fraction: null, failed: null, shadowOf: later!.id } }));
        await move();
        for (const one of [plain!, answer!, shadow!, later!, other!]) assert.deepEqual(await harness.log.find(one.id), expectedPrediction(one));
        assert.deepEqual((await harness.log.find(answer!.id))?.assignment, assignment);
        const list = async (filter: Partial<Parameters<PredictionLog["list"]>[0]>): Promise<string[]> => idsOf(await harness.log.list({ model: "flights", limit: 100, ...filter }));
        assert.deepEqual(await list({}), idsOf([later!, answer!, plain!]));
        assert.deepEqual(await list({ shadow: true }), idsOf([other!, later!, shadow!, answer!, plain!]));
        assert.deepEqual(await list({ version: "2" }), []);
        assert.deepEqual(await list({ shadowOf: answer!.id }), [shadow!.id]);
        assert.deepEqual(await list({ shadowOf: answer!.id, after: answer!.id, before: later!.id }), [shadow!.id]);
        assert.deepEqual(await list({ shadowOf: answer!.id, after: shadow!.id }), []);
        assert.deepEqual(await list({ shadowOf: plain!.id, limit: 1 }), []);
      });
    }

    it("lists across memory, segments and Parquet, each prediction once and whole", async () => {
      const old = await append(5);
      await harness.log.flush();
      const left = await append(5);
      await harness.crash();
      const fresh = await append(5);
      const all = [...old, ...left, ...fresh].reverse();
      assert.deepEqual(await harness.log.list({ model: "flights", limit: 100 }), all.map(expectedPrediction));
      assert.deepEqual(idsOf(await harness.log.list({ model: "flights", limit: 8 })), idsOf(all).slice(0, 8));
    });

    it("lists by id also what was appended in another order", async () => {
      const entries = Array.from({ length: 6 }, () => entry());
      for (const index of [3, 0, 5, 1]) await harness.log.append(entries[index]!);
      await harness.log.flush();
      for (const index of [4, 2]) await harness.log.append(entries[index]!);
      assert.deepEqual(idsOf(await harness.log.list({ model: "flights", limit: 4 })), idsOf(entries).reverse().slice(0, 4));
    });

    it("keeps the values of the moment of append, whatever the caller does with its arrays afterwards", async () => {
      const data = Float32Array.of(1, 2);
      const one = entry({ inputs: [{ name: "x", datatype: "FP32", shape: [2], data }] });
      const appended = harness.log.append(one);
      data.fill(9);
      await appended;
      assert.deepEqual((await harness.log.find(one.id))?.inputs[0]?.data, [1, 2]);
    });

    it("gives back whatever is appended, from memory, from segments and from Parquet", async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(arbitraryPredictionEntry(ids), { minLength: 1, maxLength: 40 }), async (entries) => {
          await Promise.all(entries.map((one) => harness.log.append(one)));
          const check = async (): Promise<void> => {
            for (const one of entries) assert.deepEqual(await harness.log.find(one.id), expectedPrediction(one));
          };
          await check();
          await harness.log.flush();
          await check();
        }),
        { numRuns: 8, endOnFailure: true },
      );
    });

    it("refuses names that are no names and ids that are no ids", async () => {
      for (const change of [{ model: "../x" }, { model: "" }, { version: "1/2" }, { version: ".." }, { id: "prd_1" }, { id: "../../../etc/passwd" }]) {
        await assert.rejects(harness.log.append(entry(change)), (error) => error instanceof AppError && error.code === "INVALID_NAME", JSON.stringify(change));
      }
      const [fine] = await append(1);
      assert.equal((await harness.log.list({ model: "flights", limit: 10 })).length, 1);
      assert.notEqual(await harness.log.find(fine!.id), null);
    });

    it("takes nothing any more once it was stopped", async () => {
      await harness.log.stop();
      await assert.rejects(harness.log.append(entry()), (error) => error instanceof AppError && error.code === "SHUTTING_DOWN");
      await harness.log.stop();
    });
  });
}
