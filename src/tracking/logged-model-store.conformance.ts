import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { EpochMs } from "../core/clock.ts";
import { allPages, by, failsWith, newExperiment, newRun, pairs, point, storeNow as now, type TrackingStores } from "./new-run.fixture.ts";
import type { LoggedModelStore } from "./logged-model-store.ts";
import type { LoggedModel } from "./schemas.ts";

const modelId = (number: number): string => `m-${number.toString(16).padStart(32, "0")}`;
const later = (milliseconds: number): EpochMs => (now + milliseconds) as EpochMs;

function newModel(models: LoggedModelStore, experiment: string, number: number, change: Partial<Parameters<LoggedModelStore["createLoggedModel"]>[0]> = {}): Promise<LoggedModel> {
  const id = modelId(number);
  return models.createLoggedModel({
    id, experiment, name: `model ${number}`, artifactUri: `uri/${id}`, modelType: "", sourceRun: null, params: [], tags: [], now: later(number), ...change,
  });
}

/** What every LoggedModelStore promises. */
export function loggedModelStoreConformance(adapter: string, open: () => Promise<TrackingStores>): void {
  describe(`LoggedModelStore: ${adapter}`, () => {
    it("gives a model back as it was made, and ends it", async () => {
      const { store, models } = await open();
      const experiment = await newExperiment(store);
      const run = await newRun(store, experiment, 1);
      const made = await newModel(models, experiment, 1, { sourceRun: run, modelType: "sklearn", params: pairs({ b: "1", a: "é:😀" }), tags: pairs({ t: "" }) });
      assert.deepEqual(made, {
        id: modelId(1), experiment, name: "model 1", artifactUri: `uri/${modelId(1)}`, createdAt: later(1), updatedAt: later(1), status: "LOGGED_MODEL_PENDING",
        modelType: "sklearn", sourceRun: run, params: pairs({ a: "é:😀", b: "1" }), tags: pairs({ t: "" }), metrics: [],
      });
      assert.deepEqual(await models.findLoggedModel(made.id), made);
      assert.equal(await models.experimentOfLoggedModel(made.id), experiment);
      const ready = await models.finishLoggedModel(made.id, "LOGGED_MODEL_READY", later(9));
      assert.deepEqual(ready, { ...made, status: "LOGGED_MODEL_READY", updatedAt: later(9) });
    });

    it("takes no model where there is no experiment for it, nor an id twice", async () => {
      const { store, models } = await open();
      const experiment = await newExperiment(store);
      await assert.rejects(newModel(models, "77", 1), failsWith("EXPERIMENT_NOT_FOUND"));
      assert.equal((await newModel(models, experiment, 3, { sourceRun: "elsewhere" })).sourceRun, "elsewhere");
      await assert.rejects(newModel(models, experiment, 1, { params: [{ key: "a", value: "1" }, { key: "a", value: "2" }] }), failsWith("PARAM_CHANGED"));
      assert.equal(await models.findLoggedModel(modelId(1)), null);
      await newModel(models, experiment, 1);
      await assert.rejects(newModel(models, experiment, 1), failsWith("INVALID_PARAMETER"));
      await store.setExperimentLifecycle(experiment, "deleted", by);
      await assert.rejects(newModel(models, experiment, 2), failsWith("OBJECT_DELETED"));
    });

    it("sets tags, adds params and refuses changed ones", async () => {
      const { store, models } = await open();
      const { id } = await newModel(models, await newExperiment(store), 1, { params: pairs({ p: "1" }), tags: pairs({ a: "1" }) });
      assert.deepEqual((await models.setLoggedModelTags(id, pairs({ a: "2", b: "3" }), now)).tags, pairs({ a: "2", b: "3" }));
      await models.deleteLoggedModelTag(id, "a", now);
      await assert.rejects(models.deleteLoggedModelTag(id, "a", now), failsWith("TAG_NOT_FOUND"));
      await models.addLoggedModelParams(id, pairs({ p: "1", q: "2" }));
      await assert.rejects(models.addLoggedModelParams(id, pairs({ r: "1", p: "2" })), failsWith("PARAM_CHANGED"));
      const model = await models.findLoggedModel(id);
      assert.deepEqual([model?.params, model?.tags], [pairs({ p: "1", q: "2" }), pairs({ b: "3" })]);
    });

    it("knows a deleted model's experiment, and nothing else of it", async () => {
      const { store, models } = await open();
      const experiment = await newExperiment(store);
      const { id } = await newModel(models, experiment, 1);
      await models.deleteLoggedModel(id, now);
      assert.equal(await models.findLoggedModel(id), null);
      assert.equal(await models.experimentOfLoggedModel(id), experiment);
      assert.equal(await models.experimentOfLoggedModel("none"), null);
      for (const missing of [id, "none"]) {
        const attempts = [
          () => models.finishLoggedModel(missing, "LOGGED_MODEL_READY", now), () => models.deleteLoggedModel(missing, now), () => models.setLoggedModelTags(missing, [], now),
          () => models.deleteLoggedModelTag(missing, "a", now), () => models.addLoggedModelParams(missing, []),
        ];
        for (const attempt of attempts) await assert.rejects(attempt(), failsWith("LOGGED_MODEL_NOT_FOUND"));
      }
      assert.deepEqual((await models.searchLoggedModels({ experiments: [experiment], conditions: [], order: [], limit: 9, after: null })).items, []);
    });

    it("has the metrics that runs log about a model, the latest of each dataset", async () => {
      const { store, models } = await open();
      const experiment = await newExperiment(store);
      const { id } = await newModel(models, experiment, 1);
      const run = await newRun(store, experiment, 1);
      const about = { model: id, datasetName: "d", datasetDigest: "1" };
      const metrics = [{ ...point("auc", 0.5, 1), model: id }, { ...point("auc", 0.7, 2), ...about }, { ...point("auc", 0.6, 1), ...about }, { ...point("loss", NaN, 1), model: id }, { ...point("x", 1), model: "m-none" }];
      for (let time = 0; time < 2; time++) await store.logToRun(run, { metrics, params: [], tags: [] }, now);
      assert.deepEqual((await models.findLoggedModel(id))?.metrics, [
        { ...point("auc", 0.5, 1), model: id, run }, { ...point("auc", 0.7, 2), ...about, run }, { ...point("loss", NaN, 1), model: id, run },
      ]);
      assert.equal((await store.findRun(run))?.metrics.length, 3, "they are the run's too");
    });

    it("searches by facts, params, tags and metrics about a dataset, page by page", async () => {
      const { store, models } = await open();
      const experiment = await newExperiment(store);
      const run = await newRun(store, experiment, 1);
      const ids: string[] = [];
      for (let number = 1; number <= 5; number++) {
        const { id } = await newModel(models, experiment, number, { modelType: number % 2 === 0 ? "even" : "odd", params: pairs({ p: String(number) }), tags: number === 3 ? pairs({ t: "3" }) : [] });
        ids.push(id);
        if (number === 5) continue;
        const metrics = [{ ...point("auc", number), model: id, datasetName: "d", datasetDigest: "1" }, { ...point("auc", -number), model: id, datasetName: "other", datasetDigest: "1" }];
        await store.logToRun(run, { metrics: number === 2 ? metrics.map((metric) => ({ ...metric, value: NaN })) : metrics, params: [], tags: [] }, now);
      }
      const found = async (search: object): Promise<number[]> =>
        (await allPages((after) => models.searchLoggedModels({ experiments: [experiment], conditions: [], order: [], ...search, limit: 2, after }))).map(({ id }) => ids.indexOf(id) + 1);
      const auc = { kind: "metric", key: "auc", datasets: [{ name: "d", digest: "1" }] } as const;
      assert.deepEqual(await found({}), [5, 4, 3, 2, 1]);
      assert.deepEqual(await found({ order: [{ ...auc, descending: true }] }), [4, 3, 1, 2, 5]);
      assert.deepEqual(await found({ order: [{ ...auc, datasets: [{ name: "other" }], descending: true }] }), [1, 3, 4, 2, 5]);
      assert.deepEqual(await found({ order: [{ ...auc, descending: false }] }), [1, 3, 4, 2, 5]);
      assert.deepEqual(await found({ conditions: [{ ...auc, operator: ">", value: 1 }] }), [4, 3]);
      assert.deepEqual(await found({ conditions: [{ kind: "metric", key: "auc", operator: "<", value: 0 }] }), [4, 3, 1]);
      assert.deepEqual(await found({ conditions: [{ kind: "attribute", key: "modelType", operator: "=", value: "even" }] }), [4, 2]);
      assert.deepEqual(await found({ conditions: [{ kind: "attribute", key: "sourceRun", operator: "!=", value: "x" }] }), []);
      assert.deepEqual(await found({ conditions: [{ kind: "tag", key: "t", operator: "=", value: "3" }, { kind: "param", key: "p", operator: "LIKE", value: "_" }] }), [3]);
      const both = { datasets: [{ name: "d", digest: "1" }, { name: "other" }] };
      assert.deepEqual(await found({ conditions: [{ ...auc, ...both, operator: "<", value: 0 }] }), [4, 3, 1]);
      assert.deepEqual(await found({ conditions: [{ kind: "dataset", key: "measured", ...both, operator: "IS NOT NULL" }] }), [4, 3, 2, 1]);
      assert.deepEqual(await found({ conditions: [{ kind: "dataset", key: "measured", datasets: [{ name: "d", digest: "2" }], operator: "IS NOT NULL" }] }), []);
      assert.deepEqual(await found({ experiments: ["0", "x"] }), []);
    });
  });
}
