import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "../../test/kit/fast-check.ts";
import { allPages, failsWith, newExperiment, newRun, point, storeNow as now, type TrackingStores } from "./new-run.fixture.ts";
import type { Metric } from "./schemas.ts";

const onlyMetrics = (metrics: Metric[]) => ({ metrics, params: [], tags: [] });

/** What every TrackingStore promises of metrics. */
export function metricHistoryConformance(adapter: string, open: () => Promise<TrackingStores>): void {
  describe(`TrackingStore, metrics: ${adapter}`, () => {
    it("keeps every double and every time exactly", async () => {
      const { store } = await open();
      const id = await newRun(store, await newExperiment(store), 1);
      const values = [0.1, -0, 1e-320, 5e-324, Number.MAX_VALUE, -Number.MAX_VALUE, Infinity, -Infinity, NaN, 2 ** 53 - 1, 123456789.123456789, 1 / 3, 1e22];
      const points = values.map((value, index) => point(`m${index}`, value, 1 - index, Number.MAX_SAFE_INTEGER - index));
      await store.logToRun(id, onlyMetrics(points), now);
      const kept = new Map((await store.findRun(id))!.metrics.map((metric) => [metric.key, metric]));
      for (const metric of points) {
        // Zero has no sign in a database.
        const value = metric.value === 0 ? 0 : metric.value;
        assert.deepEqual(kept.get(metric.key), { ...metric, value });
        assert.deepEqual((await store.metricHistory(id, metric.key, { limit: 9, after: null })).items, [{ ...metric, value }]);
      }
    });

    it("keeps every point once, in the order of time, step and value, and the greatest as the latest, whatever came first", async () => {
      const { store } = await open();
      const experiment = await newExperiment(store);
      let number = 0;
      const small = fc.integer({ min: -2, max: 2 });
      const value = fc.oneof(small.map((each) => each / 2), fc.constantFrom(Infinity, -Infinity));
      const points = fc.array(fc.record({ key: fc.constantFrom("a", "b"), value, step: small, timestamp: small }), { minLength: 1, maxLength: 30 });
      const seen = (key: string, metrics: readonly Metric[]): Metric[] => {
        const distinct = new Map(metrics.filter((metric) => metric.key === key).map((metric) => [`${metric.timestamp} ${metric.step} ${metric.value}`, metric]));
        return [...distinct.values()].sort((left, right) => left.timestamp - right.timestamp || left.step - right.step || (left.value < right.value ? -1 : 1));
      };
      await fc.assert(
        fc.asyncProperty(points, fc.integer({ min: 1, max: 7 }), async (metrics, batch) => {
          const plain = metrics.map((metric) => ({ ...metric, value: metric.value + 0 }));
          const id = await newRun(store, experiment, ++number);
          for (let start = 0; start < plain.length; start += batch) await store.logToRun(id, onlyMetrics(plain.slice(start, start + batch)), now);
          const run = await store.findRun(id);
          for (const key of ["a", "b"]) {
            const expected = seen(key, plain);
            assert.deepEqual(await allPages((after) => store.metricHistory(id, key, { limit: 4, after })), expected);
            const latest = expected.toSorted((left, right) => right.step - left.step || right.timestamp - left.timestamp || (left.value < right.value ? 1 : -1))[0];
            assert.deepEqual(run?.metrics.find((metric) => metric.key === key), latest);
          }
        }),
        { numRuns: 25 },
      );
    });

    it("takes a thousand points at once, and the same again without a change", async () => {
      const { store } = await open();
      const id = await newRun(store, await newExperiment(store), 1);
      const points = Array.from({ length: 1000 }, (_, step) => point(`m${step % 3}`, step / 7, step, step));
      for (let time = 0; time < 2; time++) await store.logToRun(id, onlyMetrics(points), now);
      assert.deepEqual(await store.metricExtent(id, "m1"), { points: 333, firstStep: 1, lastStep: 997 });
      assert.deepEqual((await store.findRun(id))!.metrics, [999, 997, 998].map((step) => points[step]!));
      assert.equal(await store.metricExtent(id, "none"), null);
      assert.deepEqual((await store.metricSteps([id], "m0")).slice(0, 3), [0, 3, 6]);
      assert.deepEqual(await store.metricsAtSteps(id, "m0", [3, 4, 6]), [points[3], points[6]]);
      assert.deepEqual(await store.metricsAtSteps(id, "m0", []), []);
    });

    it("refuses the token of another history", async () => {
      const { store } = await open();
      const id = await newRun(store, await newExperiment(store), 1, { metrics: [point("a", 1, 1), point("a", 1, 2), point("b", 1, 1)] });
      const { next } = await store.metricHistory(id, "a", { limit: 1, after: null });
      await assert.rejects(store.metricHistory(id, "b", { limit: 1, after: next }), failsWith("INVALID_PARAMETER"));
      await assert.rejects(store.metricHistory(id, "a", { limit: 1, after: "rubbish" }), failsWith("INVALID_PARAMETER"));
    });

    it("samples the first, last, least and greatest point of each part", async () => {
      const { store } = await open();
      const experiment = await newExperiment(store);
      const valueOf = (step: number): number => (step === 37 ? 1000 : step === 61 ? -1000 : step === 50 ? NaN : Math.sin(step));
      const points = Array.from({ length: 100 }, (_, step) => point("m", valueOf(step), step, step));
      const long = await newRun(store, experiment, 1, { metrics: points });
      const flat = await newRun(store, experiment, 2, { metrics: points.map((metric) => ({ ...metric, value: 1 })) });
      const short = await newRun(store, experiment, 3, { metrics: points.slice(0, 5) });
      const sample = await store.sampleMetric({ runs: [long, flat, short], key: "m", fromStep: 0, toStep: 99, buckets: 5 });
      const of = (run: string) => sample.filter((metric) => metric.run === run);
      for (let part = 0; part < 100; part += 20) {
        const steps = of(long).filter(({ step }) => step >= part && step < part + 20).map(({ step }) => step);
        const numbers = points.slice(part, part + 20).filter(({ value }) => !Number.isNaN(value));
        const at = (value: number): number => numbers.find((metric) => metric.value === value)!.step;
        const [least, greatest] = [at(Math.min(...numbers.map(({ value }) => value))), at(Math.max(...numbers.map(({ value }) => value)))];
        assert.deepEqual(steps, [...new Set([part, least, greatest, part + 19])].sort((left, right) => left - right));
      }
      assert.deepEqual(of(flat).map(({ step }) => step), [0, 19, 20, 39, 40, 59, 60, 79, 80, 99]);
      assert.deepEqual(of(short), points.slice(0, 5).map((metric) => ({ ...metric, run: short })));
      assert.deepEqual((await store.sampleMetric({ runs: [long], key: "m", fromStep: 10, toStep: 12, buckets: 1 })).map(({ step }) => step), [10, 11, 12]);
    });
  });
}
