import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { epochMs } from "../../core/clock.ts";
import { registryAddition } from "../../registry/registry-addition.fixture.ts";
import type { RegistryStores } from "../../registry/registry-store.ts";
import { rolloutOf } from "../rollout.fixture.ts";
import type { RolloutStore } from "../rollout-store.ts";
import type { AbTestStore } from "./ab-test-store.ts";
import type { AbTestFigures, AbTestOutcome } from "./schemas.ts";

export interface AbTestStoreUnderTest {
  store: AbTestStore;
  rollouts: RolloutStore;
  registry: RegistryStores;
}

const now = epochMs(1_700_000_001_000);
const some = { count: 3, meanX: 0.1 + 0.2, meanY: -1e300, m2X: 0, m2Y: 5e-324, co: -1 };

function figuresOf(requests: number): AbTestFigures {
  return {
    arms: [{ arm: "b", requests, failures: 1, drawn: 2, all: some, single: some, buckets: [[0, 1, 0.25, -3], [255, 2, 0, 7]] }],
    keys: { threshold: 2 ** 32, hashes: { b: [0, 4_294_967_295], stable: [7] } },
  };
}

/** What every store of A/B tests does. `open` gives an empty one, beside the rollouts and the registry whose tests they are. */
export function abTestStoreConformance(adapter: string, open: () => Promise<AbTestStoreUnderTest>): void {
  const opened = async () => {
    const parts = await open();
    for (let version = 0; version < 2; version++) await parts.registry.addVersion(registryAddition("flights"));
    await parts.rollouts.add(rolloutOf("rol_1", { kind: "ab-test", test: {} }));
    return parts;
  };
  const outcome = (predictionId: string, value: number, metric = "revenue"): AbTestOutcome => ({ predictionId, metric, value });

  describe(`AbTestStore: ${adapter}`, () => {
    it("keeps the last figures of each server", async () => {
      const { store } = await opened();
      await store.writeFigures("rol_1", "one", figuresOf(1), now);
      await store.writeFigures("rol_1", "two", figuresOf(2), now);
      await store.writeFigures("rol_1", "one", figuresOf(3), now);
      assert.deepEqual(await store.readFigures("rol_1"), [{ replica: "one", figures: figuresOf(3) }, { replica: "two", figures: figuresOf(2) }]);
      assert.deepEqual(await store.readFigures("rol_2"), []);
    });

    it("keeps nothing of tests that are not there", async () => {
      const { store } = await opened();
      await store.writeFigures("rol_9", "one", figuresOf(1), now);
      assert.deepEqual(await store.readFigures("rol_9"), []);
    });

    it("takes a value of a prediction once, and another one in its place", async () => {
      const { store } = await opened();
      await store.addOutcomes("rol_1", [outcome("prd_a", 1), outcome("prd_b", 2), outcome("prd_b", 2.5)], now);
      await store.addOutcomes("rol_1", [outcome("prd_a", 1), outcome("prd_b", 3)], epochMs(now + 5));
      await store.addOutcomes("rol_2", [outcome("prd_a", 9)], now);
      assert.deepEqual(await store.outcomesSince("rol_1", 0, null, 10), [
        { ...outcome("prd_a", 1), receivedAt: now }, { ...outcome("prd_b", 3), receivedAt: now + 5 },
      ]);
    });

    it("pages through values in the order of their arrival", async () => {
      const { store } = await opened();
      const ids = Array.from({ length: 1300 }, (_, index) => `prd_${String(index).padStart(4, "0")}`);
      await store.addOutcomes("rol_1", ids.slice(600).map((id) => outcome(id, 1)), now);
      await store.addOutcomes("rol_1", ids.slice(0, 600).map((id) => outcome(id, 2)), epochMs(now + 1));
      const seen: string[] = [];
      let from = 0;
      for (let after: string | null = null; ;) {
        const found = await store.outcomesSince("rol_1", from, after, 500);
        seen.push(...found.map(({ predictionId }) => predictionId));
        const last = found.at(-1);
        if (last === undefined) break;
        [from, after] = [last.receivedAt, last.predictionId];
      }
      assert.deepEqual(seen, [...ids.slice(600), ...ids.slice(0, 600)]);
      assert.deepEqual((await store.outcomesSince("rol_1", now + 1, null, 1)).map(({ predictionId }) => predictionId), ["prd_0000"]);
    });

    it("forgets everything of a model that is deleted", async () => {
      const { store, registry } = await opened();
      await store.writeFigures("rol_1", "one", figuresOf(1), now);
      await store.addOutcomes("rol_1", [outcome("prd_a", 1)], now);
      await registry.deleteModel("flights", { actor: "user:usr_1", now });
      assert.deepEqual([await store.readFigures("rol_1"), await store.outcomesSince("rol_1", 0, null, 10)], [[], []]);
    });
  });
}
