import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { allPages, by, failsWith, newExperiment, newRun, pairs, point, runId, storeNow as now, type TrackingStores } from "./new-run.fixture.ts";
import type { RunChanges } from "./tracking-store.ts";

const changes = (change: Partial<RunChanges>): RunChanges => ({ metrics: [], params: [], tags: [], ...change });
const all = { conditions: [], order: [], view: "all", limit: 100, after: null } as const;

/** What every TrackingStore promises of experiments and of what runs keep; searches and metrics have suites of their own. */
export function trackingStoreConformance(adapter: string, open: () => Promise<TrackingStores>): void {
  describe(`TrackingStore, experiments: ${adapter}`, () => {
    it("has the experiment 0 and keeps it", async () => {
      const { store } = await open();
      assert.equal((await store.findExperiment("0"))?.name, "Default");
      assert.equal((await store.findExperimentByName("Default"))?.id, "0");
      await assert.rejects(store.setExperimentLifecycle("0", "deleted", by), failsWith("INVALID_PARAMETER"));
      await store.setExperimentLifecycle("0", "active", by);
      assert.equal((await store.findExperiment("0"))?.lifecycle, "active");
    });

    it("gives an experiment back as it was made, with its id in its place", async () => {
      const { store, events, teams } = await open();
      await teams.add({ name: "blue", description: "" }, by);
      const made = await store.createExperiment({ name: "ä: 1:😀", artifactLocation: "x/{id}/y", tags: [...pairs({ b: "1:2", a: "" }), { key: "b", value: "😀" }], team: "blue", ...by });
      assert.deepEqual(made, {
        id: made.id, name: "ä: 1:😀", artifactLocation: `x/${made.id}/y`, lifecycle: "active", createdAt: now, updatedAt: now,
        tags: pairs({ a: "", b: "😀" }), team: "blue", owner: "key:a",
      });
      assert.deepEqual(await store.findExperiment(made.id), made);
      assert.deepEqual(await store.findExperimentByName("ä: 1:😀"), made);
      const created = (await events()).filter(({ type }) => type === "experiment.created");
      assert.deepEqual(created, [{ type: "experiment.created", object: `experiment:${made.id}`, team: "blue", payload: { experiment: made.id, name: "ä: 1:😀" } }]);
      await assert.rejects(teams.remove("blue", by), failsWith("TEAM_NOT_EMPTY"));
      await assert.rejects(newExperiment(store, "other", { team: "none" }), failsWith("TEAM_NOT_FOUND"));
    });

    it("takes a name once, also that of a deleted experiment", async () => {
      const { store } = await open();
      const [first, second] = [await newExperiment(store, "a"), await newExperiment(store, "b")];
      assert.notEqual(first, second);
      await store.setExperimentLifecycle(first, "deleted", by);
      await assert.rejects(newExperiment(store, "a"), failsWith("EXPERIMENT_EXISTS"));
      await assert.rejects(store.renameExperiment(second, "a", now), failsWith("EXPERIMENT_EXISTS"));
      await assert.rejects(store.renameExperiment(first, "c", now), failsWith("OBJECT_DELETED"));
      await store.renameExperiment(second, "c", now);
      assert.equal((await store.findExperiment(second))?.name, "c");
      const answers = await Promise.allSettled([1, 2, 3].map(() => newExperiment(store, "raced")));
      assert.equal(answers.filter(({ status }) => status === "fulfilled").length, 1);
    });

    it("lists experiments with the number of their runs and the latest of them", async () => {
      const { store, teams } = await open();
      await teams.add({ name: "blue", description: "" }, by);
      const busy = await newExperiment(store, "busy", { tags: pairs({ k: "v" }) });
      const empty = await newExperiment(store, "empty", { team: "blue" });
      const gone = await newExperiment(store, "gone");
      await newRun(store, busy, 1, { startTime: 500, user: "ada" });
      await newRun(store, busy, 2, { startTime: 300, user: "bob" });
      await newRun(store, busy, 3, { startTime: 900, user: "cid" });
      await store.setRunLifecycle(runId(3), "deleted", now);
      await store.updateRun(runId(1), { status: "FINISHED", endTime: 800 }, by);
      await newRun(store, gone, 4, { startTime: 100, user: "dan" });
      await store.setExperimentLifecycle(gone, "deleted", by);
      const list = async (request: object) => allPages((after) => store.listExperiments({ visible: "all", view: "active", limit: 2, after, ...request }));
      const facts = async (request: object): Promise<unknown[]> => (await list(request)).map(({ id, runs, lastRunAt, lastUser }) => [id, runs, lastRunAt, lastUser]);
      const [ofGone, ofEmpty, ofBusy, ofDefault] = [[gone, 1, 100, "dan"], [empty, 0, null, null], [busy, 2, 800, "ada"], ["0", 0, null, null]];
      assert.deepEqual(await facts({}), [ofEmpty, ofBusy, ofDefault]);
      assert.deepEqual(await facts({ view: "all" }), [ofGone, ofEmpty, ofBusy, ofDefault]);
      assert.deepEqual(await facts({ view: "deleted" }), [ofGone]);
      assert.deepEqual(await facts({ visible: { teams: ["blue"], experiments: [busy, gone] } }), [ofEmpty, ofBusy]);
      assert.deepEqual(await facts({ visible: { teams: [], experiments: [] }, view: "all" }), []);
      const listed = (await list({}))[1]!;
      const { runs, lastRunAt, lastUser, ...experiment } = listed;
      assert.deepEqual([experiment, runs, lastRunAt, lastUser], [await store.findExperiment(busy), 2, 800, "ada"]);
    });

    it("finds nothing under what is no id", async () => {
      const { store } = await open();
      for (const id of ["7", "x", "", "-1", "1.5", "01", "9".repeat(30)]) {
        assert.equal(await store.findExperiment(id), null, id);
        await assert.rejects(store.renameExperiment(id, "n", now), failsWith("EXPERIMENT_NOT_FOUND"));
        await assert.rejects(store.setExperimentLifecycle(id, "deleted", by), failsWith("EXPERIMENT_NOT_FOUND"));
        await assert.rejects(newRun(store, id, 1), failsWith("EXPERIMENT_NOT_FOUND"));
      }
    });

    it("sets and deletes tags", async () => {
      const { store } = await open();
      const id = await newExperiment(store, "e", { tags: pairs({ a: "1" }) });
      await store.setExperimentTag(id, { key: "a", value: "2" }, now);
      await store.setExperimentTag(id, { key: "b", value: "3" }, now);
      assert.deepEqual((await store.findExperiment(id))?.tags, pairs({ a: "2", b: "3" }));
      await store.deleteExperimentTag(id, "a", now);
      await assert.rejects(store.deleteExperimentTag(id, "a", now), failsWith("TAG_NOT_FOUND"));
      assert.deepEqual((await store.findExperiment(id))?.tags, pairs({ b: "3" }));
    });

    it("searches by name, time and tag among those that a caller sees", async () => {
      const { store, teams } = await open();
      await teams.add({ name: "blue", description: "" }, by);
      const names = ["apple", "Apple", "a%", "a_", "pear"];
      const ids: string[] = [];
      for (const name of names) ids.push(await newExperiment(store, name, { tags: name === "pear" ? pairs({ k: "v" }) : [], team: name === "a%" ? "blue" : "default" }));
      const found = async (search: object): Promise<string[]> =>
        (await allPages((after) => store.searchExperiments({ ...all, visible: "all", ...search, limit: 2, after }))).map(({ name }) => name);
      assert.deepEqual(await found({}), ["pear", "a_", "a%", "Apple", "apple", "Default"]);
      const name = { kind: "attribute", key: "name" } as const;
      assert.deepEqual(await found({ conditions: [{ ...name, operator: "LIKE", value: "a%" }] }), ["a_", "a%", "apple"]);
      assert.deepEqual(await found({ conditions: [{ ...name, operator: "ILIKE", value: "A_PLE" }] }), ["Apple", "apple"]);
      assert.deepEqual(await found({ conditions: [{ kind: "tag", key: "k", operator: "=", value: "v" }] }), ["pear"]);
      assert.deepEqual(await found({ conditions: [{ kind: "tag", key: "k", operator: "!=", value: "v", absentMatches: true }], view: "active" }), ["a_", "a%", "Apple", "apple", "Default"]);
      assert.deepEqual(await found({ order: [{ ...name, descending: false }] }), ["Apple", "Default", "a%", "a_", "apple", "pear"]);
      assert.deepEqual(await found({ visible: { teams: ["blue"], experiments: [ids[4]!] } }), ["pear", "a%"]);
      assert.deepEqual(await found({ visible: { teams: [], experiments: [] } }), []);
      await store.setExperimentLifecycle(ids[0]!, "deleted", by);
      assert.deepEqual(await found({ view: "deleted" }), ["apple"]);
    });

    it("takes its runs along when it is deleted, and brings them back", async () => {
      const { store } = await open();
      const id = await newExperiment(store);
      const run = await newRun(store, id, 1);
      await store.setExperimentLifecycle(id, "deleted", by);
      await store.setExperimentLifecycle(id, "deleted", by);
      assert.equal((await store.findRun(run))?.lifecycle, "deleted");
      await assert.rejects(newRun(store, id, 2), failsWith("OBJECT_DELETED"));
      await assert.rejects(store.setExperimentTag(id, { key: "a", value: "" }, now), failsWith("OBJECT_DELETED"));
      await assert.rejects(store.setRunLifecycle(run, "active", now), failsWith("OBJECT_DELETED"));
      await store.setExperimentLifecycle(id, "active", by);
      assert.equal((await store.findRun(run))?.lifecycle, "active");
    });
  });

  describe(`TrackingStore, runs: ${adapter}`, () => {
    it("gives a run back as it was made", async () => {
      const { store } = await open();
      const experiment = await newExperiment(store);
      const request = { id: runId(1), experiment, name: "r", user: "u:1", startTime: 5, artifactUri: "uri", tags: pairs({ z: "1", a: "é" }), ...by };
      const made = await store.createRun(request);
      assert.deepEqual(made, {
        id: runId(1), experiment, name: "r", user: "u:1", status: "RUNNING", startTime: 5, endTime: null, lifecycle: "active", artifactUri: "uri",
        metrics: [], params: [], tags: pairs({ a: "é", "mlflow.runName": "r", z: "1" }), datasets: [], modelInputs: [], modelOutputs: [],
      });
      assert.deepEqual(await store.findRun(runId(1)), made);
      assert.equal(await store.experimentOfRun(runId(1)), experiment);
      await assert.rejects(store.createRun({ ...request, name: "other" }), failsWith("INVALID_PARAMETER"));
      const second = await newRun(store, experiment, 2);
      assert.deepEqual((await store.findRuns([second, runId(9), runId(1), second])).map(({ id }) => id), [second, runId(1), second]);
    });

    it("makes many runs at once, each with a row of its own", async () => {
      const { store } = await open();
      const experiment = await newExperiment(store);
      await Promise.all(Array.from({ length: 60 }, (_, number) => newRun(store, experiment, number)));
      const found = await allPages((after) => store.searchRuns({ ...all, experiments: [experiment], limit: 25, after }));
      assert.deepEqual(found.map(({ id }) => id), Array.from({ length: 60 }, (_, number) => runId(59 - number)));
    });

    it("knows nothing of a run that is not there, and changes no deleted one", async () => {
      const { store } = await open();
      const deleted = await newRun(store, await newExperiment(store), 1, { params: pairs({ p: "1" }) });
      await store.setRunLifecycle(deleted, "deleted", now);
      const before = await store.findRun(deleted);
      for (const [id, code] of [["none", "TRACKING_RUN_NOT_FOUND"], [deleted, "OBJECT_DELETED"]] as const) {
        await assert.rejects(store.logToRun(id, changes({ metrics: [point("m", 1)], tags: pairs({ a: "1" }), params: pairs({ q: "1" }) }), now), failsWith(code));
        await assert.rejects(store.logToRun(id, changes({ params: pairs({ p: "2" }) }), now), failsWith(code));
        await assert.rejects(store.updateRun(id, { name: "n" }, by), failsWith(code));
        await assert.rejects(store.deleteRunTag(id, "mlflow.runName"), failsWith(code));
        await assert.rejects(store.logInputs(id, { datasets: [], models: ["m-1"] }), failsWith(code));
        await assert.rejects(store.logOutputs(id, [{ model: "m-1", step: 1 }]), failsWith(code));
      }
      assert.deepEqual(await store.findRun(deleted), before);
      assert.deepEqual((await store.metricHistory(deleted, "m", { limit: 9, after: null })).items, []);
      assert.equal(await store.findRun("none"), null);
      assert.equal(await store.experimentOfRun("none"), null);
      await assert.rejects(store.setRunLifecycle("none", "deleted", now), failsWith("TRACKING_RUN_NOT_FOUND"));
      await store.setRunLifecycle(deleted, "active", now);
      assert.equal((await store.findRun(deleted))?.lifecycle, "active");
    });

    it("changes what is given, and tells of each end once", async () => {
      const { store, events } = await open();
      const experiment = await newExperiment(store);
      const id = await newRun(store, experiment, 1);
      assert.equal((await store.updateRun(id, { endTime: 9 }, by)).endTime, 9);
      const ended = await store.updateRun(id, { status: "FAILED", name: "new" }, by);
      assert.deepEqual([ended.status, ended.endTime, ended.name, ended.tags], ["FAILED", 9, "new", pairs({ "mlflow.runName": "new" })]);
      await store.updateRun(id, { status: "FAILED" }, by);
      await store.updateRun(id, { status: "RUNNING" }, by);
      await store.updateRun(id, { status: "FINISHED" }, by);
      const told = (await events()).filter(({ type }) => type === "run.finished");
      assert.deepEqual(told.map(({ object, payload }) => [object, payload]), ["FAILED", "FINISHED"].map((status) => [
        `experiment:${experiment}`, { run: id, experiment, name: "new", status },
      ]));
    });

    it("appends to the list of a tag, all at once too", async () => {
      const { store } = await open();
      const id = await newRun(store, await newExperiment(store), 1);
      await Promise.all([1, 2, 3, 4, 5].map((number) => store.appendToRunTag(id, "list", JSON.stringify({ number, text: "[%]'," }))));
      const listed = async (): Promise<unknown> => JSON.parse((await store.findRun(id))!.tags.find(({ key }) => key === "list")!.value);
      assert.deepEqual(((await listed()) as { number: number }[]).map(({ number }) => number).sort(), [1, 2, 3, 4, 5]);
      for (const [before, after] of [["[]", [7]], ["no list", [7]], ['[{"a": [1]}]', [{ a: [1] }, 7]]] as const) {
        await store.logToRun(id, { metrics: [], params: [], tags: [{ key: "list", value: before }] }, now);
        await store.appendToRunTag(id, "list", "7");
        assert.deepEqual(await listed(), after);
      }
    });

    it("names a run by its tag", async () => {
      const { store } = await open();
      const id = await newRun(store, await newExperiment(store), 1);
      await store.logToRun(id, changes({ tags: pairs({ "mlflow.runName": "tagged", a: "1" }) }), now);
      await store.logToRun(id, changes({ tags: [{ key: "a", value: "2" }, { key: "a", value: "3" }] }), now);
      const run = await store.findRun(id);
      assert.deepEqual([run?.name, run?.tags], ["tagged", pairs({ a: "3", "mlflow.runName": "tagged" })]);
      await store.deleteRunTag(id, "a");
      await assert.rejects(store.deleteRunTag(id, "a"), failsWith("TAG_NOT_FOUND"));
    });

    it("writes a param once: all that comes with another value for it is refused", async () => {
      const { store } = await open();
      const id = await newRun(store, await newExperiment(store), 1, { params: pairs({ p: "1" }) });
      const refused = [
        { params: pairs({ p: "2" }) }, { params: pairs({ q: "1", p: "2" }) }, { params: pairs({ p: "2" }), metrics: [point("m", 1)], tags: pairs({ t: "1" }) },
        { params: [{ key: "q", value: "1" }, { key: "q", value: "2" }] },
      ];
      for (const change of refused) await assert.rejects(store.logToRun(id, changes(change), now), failsWith("PARAM_CHANGED"));
      await store.logToRun(id, changes({ params: pairs({ p: "1" }) }), now);
      await store.logToRun(id, changes({ params: [...pairs({ p: "1", r: "3" }), { key: "r", value: "3" }] }), now);
      const run = await store.findRun(id);
      assert.deepEqual([run?.params, run?.metrics, run?.tags], [pairs({ p: "1", r: "3" }), [], pairs({ "mlflow.runName": "run 1" })]);
    });

    it("lets one of several values of a param win that come at once, with all that came along", async () => {
      const { store } = await open();
      const id = await newRun(store, await newExperiment(store), 1);
      const answers = await Promise.allSettled(["a", "b", "c", "d"].map((value) => store.logToRun(id, changes({ params: pairs({ p: value, [`only ${value}`]: "" }), metrics: [point(value, 1)] }), now)));
      for (const answer of answers) assert.ok(answer.status === "fulfilled" || failsWith("PARAM_CHANGED")(answer.reason));
      const run = await store.findRun(id);
      const winner = run!.params.find(({ key }) => key === "p")!.value;
      assert.equal(answers.filter(({ status }) => status === "fulfilled").length, 1);
      assert.deepEqual(run!.params, pairs({ [`only ${winner}`]: "", p: winner }));
      assert.deepEqual(run!.metrics.map(({ key }) => key), [winner]);
    });

    it("keeps datasets and models that a run read and made", async () => {
      const { store } = await open();
      const experiment = await newExperiment(store);
      const id = await newRun(store, experiment, 1);
      const dataset = { name: "d", digest: "1", sourceType: "local", source: "{}", schema: "", profile: "{\"rows\":1}" };
      const plain = { name: "d", digest: "2", sourceType: "s", source: "" };
      await store.logInputs(id, { datasets: [{ dataset, tags: pairs({ "mlflow.data.context": "train" }) }], models: ["m-2", "m-1"] });
      await store.logInputs(id, { datasets: [{ dataset, tags: pairs({ "mlflow.data.context": "test" }) }, { dataset: plain, tags: [] }], models: ["m-1"] });
      await store.logOutputs(id, [{ model: "m-3", step: 4 }]);
      const run = await store.findRun(id);
      assert.deepEqual(run?.datasets, [{ dataset, tags: pairs({ "mlflow.data.context": "test" }) }, { dataset: plain, tags: [] }]);
      assert.deepEqual([run?.modelInputs, run?.modelOutputs], [["m-1", "m-2"], [{ model: "m-3", step: 4 }]]);
      assert.deepEqual(await store.searchDatasets([experiment]), [
        { experiment, name: "d", digest: "1", context: "test" }, { experiment, name: "d", digest: "2", context: null },
      ]);
      assert.deepEqual(await store.searchDatasets(["0", "x"]), []);
    });

    it("lists the keys that runs have", async () => {
      const { store } = await open();
      const [one, two] = [await newExperiment(store, "1"), await newExperiment(store, "2")];
      await newRun(store, one, 1, { metrics: [point("m", 1), point("l", 1)], params: pairs({ p: "1" }) });
      await newRun(store, one, 2, { metrics: [point("m", 2)], tags: pairs({ t: "1" }) });
      await newRun(store, two, 3, { metrics: [point("n", NaN)] });
      assert.deepEqual(await store.listRunKeys([one]), { metrics: ["l", "m"], params: ["p"], tags: ["mlflow.runName", "t"] });
      assert.deepEqual((await store.listRunKeys([one, two, "0"])).metrics, ["l", "m", "n"]);
      assert.deepEqual(await store.listRunKeys([]), { metrics: [], params: [], tags: [] });
    });
  });
}
