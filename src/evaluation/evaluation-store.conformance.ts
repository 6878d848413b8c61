import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { WrittenEvent } from "../access/access-store.conformance.ts";
import { epochMs } from "../core/clock.ts";
import { AppError } from "../core/errors.ts";
import { digestOfLetter, registryAddition } from "../registry/registry-addition.fixture.ts";
import type { RegistryStores } from "../registry/registry-store.ts";
import type { EvaluationStore } from "./evaluation-store.ts";
import type { Evaluation } from "./schemas.ts";

const by = { actor: "key:key_1" };

function evaluation(id: string, more: Partial<Evaluation> = {}): Evaluation {
  return {
    id, model: "flights", version: "1", time: 1_700_000_000_123, workflowRun: id.replace("evl", "wfr"),
    dataset: { name: "late-2013", version: 2, digest: digestOfLetter("a"), rows: 90, target: "late \u{1f6eb}" },
    task: "classification", metric: "auc", higherIsBetter: true, metrics: { auc: 0.71, log_loss: 0.30000000000000004 },
    comparisons: [{
      role: "baseline", rival: { kind: "majority_class", label: "0" }, metrics: { auc: 0.5 }, rows: 90, difference: 0.21, interval: { low: 0.1, high: 0.32, confidence: 0.95 }, method: "delong", verdict: "better",
    }],
    notes: ["10 rows are left out."], ...more,
  };
}

/** What every store of evaluations does. `open` gives an empty one, beside the registry whose versions it tells of. */
export function evaluationStoreConformance(adapter: string, open: () => Promise<{ store: EvaluationStore; registry: RegistryStores; events: () => Promise<WrittenEvent[]> }>): void {
  const opened = async () => {
    const parts = await open();
    await parts.registry.addVersion(registryAddition("flights"));
    await parts.registry.addVersion(registryAddition("flights"));
    const eventsOf = async () => (await parts.events()).filter(({ type }) => type === "model.version.evaluated");
    return { ...parts, eventsOf };
  };

  describe(`EvaluationStore: ${adapter}`, () => {
    it("gives back what was added, and tells of it once", async () => {
      const { store, eventsOf } = await opened();
      await store.add(evaluation("evl_1"), by);
      await store.add(evaluation("evl_1", { metrics: { auc: 1 } }), { actor: "key:key_2" });
      assert.deepEqual(await store.find("evl_1"), evaluation("evl_1"));
      assert.equal(await store.find("evl_2"), null);
      const events = await eventsOf();
      assert.deepEqual(events.map(({ object, team, actor, time, payload }) => ({ object, team, actor, time, payload })), [{
        object: "model:flights", team: "default", actor: "key:key_1", time: 1_700_000_000_123,
        payload: { model: "flights", version: "1", evaluation: "evl_1", dataset: "late-2013", verdicts: [{ role: "baseline", verdict: "better" }] },
      }]);
    });

    it("lists those of a version, newest first", async () => {
      const { store } = await opened();
      await store.add(evaluation("evl_2"), by);
      await store.add(evaluation("evl_1"), by);
      await store.add(evaluation("evl_3", { version: "2" }), by);
      await store.add(evaluation("evl_4", { version: "2" }), by);
      assert.deepEqual((await store.list("flights", "1", 10)).map(({ id }) => id), ["evl_2", "evl_1"]);
      assert.deepEqual((await store.list("flights", "2", 1)).map(({ id }) => id), ["evl_4"]);
      assert.deepEqual(await store.list("flights", "3", 10), []);
    });

    it("refuses a version that is not there, and writes nothing of it", async () => {
      const { store, eventsOf } = await opened();
      const withCode = (code: string) => (error: unknown) => error instanceof AppError && error.code === code;
      await assert.rejects(store.add(evaluation("evl_1", { version: "9" }), by), withCode("VERSION_NOT_FOUND"));
      await assert.rejects(store.add(evaluation("evl_1", { model: "nothing" }), by), withCode("MODEL_NOT_FOUND"));
      assert.equal(await store.find("evl_1"), null);
      assert.deepEqual(await eventsOf(), []);
    });

    it("goes with the name of a renamed model, and ends with the version and the model", async () => {
      const { store, registry } = await opened();
      const at = { actor: "key:key_1", now: epochMs(1_700_000_000_500) };
      await store.add(evaluation("evl_1"), by);
      await store.add(evaluation("evl_2", { version: "2" }), by);
      await registry.renameModel("flights", "departures", at);
      assert.deepEqual(await store.find("evl_1"), evaluation("evl_1", { model: "departures" }));
      assert.deepEqual((await store.list("departures", "1", 10)).map(({ model }) => model), ["departures"]);
      await registry.deleteVersion("departures", "1", at);
      assert.equal(await store.find("evl_1"), null);
      await registry.deleteModel("departures", at);
      assert.equal(await store.find("evl_2"), null);
    });

    it("writes one of many that come at once", async () => {
      const { store, eventsOf } = await opened();
      await Promise.all(Array.from({ length: 8 }, () => store.add(evaluation("evl_1"), by)));
      assert.equal((await store.list("flights", "1", 10)).length, 1);
      assert.equal((await eventsOf()).length, 1);
    });
  });
}
