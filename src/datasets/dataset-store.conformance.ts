import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { epochMs } from "../core/clock.ts";
import { AppError } from "../core/errors.ts";
import type { DatasetFacts, DatasetStore } from "./dataset-store.ts";
import type { LoggedDataset } from "./schemas.ts";

const now = epochMs(1_700_000_000_000);
export const addedBy = { actor: "key:key_1", now, team: "default" };

/** For tests: facts about a dataset that has no such file anywhere. */
export function datasetFacts(dataset: string, marker = 1, more: Partial<DatasetFacts> = {}): DatasetFacts {
  return {
    dataset, digest: `sha256:${marker.toString(16).padStart(64, "0")}`, bytes: 2 ** 40, format: "csv", rows: 2 ** 31, target: null, source: "",
    columns: [{ name: "é \"'", kind: "integer" }, { name: "list", kind: "other" }],
    profile: [{ kind: "categorical", name: "é \"'", input: "é \"'", index: 0, count: 3, missing: 1, distinct: 1, categories: [{ value: "1", count: 2 }], otherCount: 0 }],
    ...more,
  };
}

export interface DatasetStoreUnderTest {
  store: DatasetStore;
  addTeam(name: string): Promise<void>;
  removeTeam(name: string): Promise<void>;
  /** Makes an active experiment with one run that logged the datasets; answers with the experiment's id. */
  logRun(team: string, time: number, datasets: readonly { name: string; digest: string; context?: string }[], into?: string): Promise<string>;
  /** Adds a model whose version 1 names the content and has these evaluations on it. */
  addUse(model: string, team: string, digest: string, evaluations: readonly string[]): Promise<void>;
  /** Of the BlobOwners over the same database. */
  teamsWithDataset(digest: string): Promise<string[]>;
  /** What is in the outbox, in the order of commits. */
  events(): Promise<{ type: string; object: string; team: string; actor: string; time: number; payload: unknown }[]>;
}

const failsWith = (code: string) => (error: unknown) => error instanceof AppError && error.code === code;

/** What every DatasetStore promises. `open` gives one over a new, empty database. */
export function datasetStoreConformance(adapter: string, open: () => Promise<DatasetStoreUnderTest>): void {
  describe(`DatasetStore: ${adapter}`, () => {
    it("gives versions back as they were added, and counts them", async () => {
      const { store } = await open();
      const first = await store.addVersion(datasetFacts("flights"), { ...addedBy, description: "Of 2013." });
      const facts = datasetFacts("flights", 2, { format: "parquet", target: "list", source: "https://example.com/x" });
      const second = await store.addVersion(facts, { actor: "user:usr_2", now: epochMs(now + 5), team: "default" });
      assert.deepEqual(first, { created: true, version: { ...datasetFacts("flights"), version: 1, createdAt: now, owner: "key:key_1" } });
      assert.deepEqual(second, { created: true, version: { ...facts, version: 2, createdAt: now + 5, owner: "user:usr_2" } });
      assert.deepEqual(await store.find("flights"), {
        name: "flights", description: "Of 2013.", team: "default", owner: "key:key_1", createdAt: now, updatedAt: now + 5, latestVersion: 2,
      });
      assert.deepEqual(await store.findVersion("flights", 1), first.version);
      assert.deepEqual(await store.findVersion("flights"), second.version);
      assert.deepEqual([await store.findVersion("flights", 3), await store.findVersion("trains"), await store.find("trains")], [null, null, null]);
      await store.addVersion(datasetFacts("flights", 3), { ...addedBy, description: "" });
      assert.equal((await store.find("flights"))?.description, "");
      assert.deepEqual((await store.listVersions("flights", { before: null, limit: 2 })).map(({ version }) => version), [3, 2]);
      assert.deepEqual((await store.listVersions("flights", { before: 2, limit: 9 })).map(({ version }) => version), [1]);
    });

    it("adds nothing where the latest is the same, and a version where anything that counts differs", async () => {
      const { store, events } = await open();
      await store.addVersion(datasetFacts("a"), addedBy);
      const before = await events();
      const again = await store.addVersion(datasetFacts("a", 1, { source: "elsewhere" }), { ...addedBy, now: epochMs(now + 9) });
      assert.deepEqual([again.created, again.version.version, again.version.source, again.version.createdAt], [false, 1, "", now]);
      assert.deepEqual(await events(), before);
      assert.equal((await store.find("a"))?.updatedAt, now);
      const added = [];
      for (const more of [{ target: "list" }, { target: "list", format: "parquet" }, {}] as const) added.push((await store.addVersion(datasetFacts("a", 1, more), addedBy)).version.version);
      // The first content again is new: versions say what was the latest when.
      assert.deepEqual(added, [2, 3, 4]);
    });

    it("finds versions by their content, newest first, and names every content once", async () => {
      const { store } = await open();
      const { digest } = datasetFacts("", 1);
      await store.addVersion(datasetFacts("b", 1), addedBy);
      await store.addVersion(datasetFacts("a", 1), { ...addedBy, now: epochMs(now + 1) });
      await store.addVersion(datasetFacts("a", 2), { ...addedBy, now: epochMs(now + 2) });
      await store.addVersion(datasetFacts("a", 1), { ...addedBy, now: epochMs(now + 3) });
      assert.deepEqual((await store.findByDigest(digest)).map(({ dataset, version }) => [dataset, version]), [["a", 3], ["a", 1], ["b", 1]]);
      assert.deepEqual(await store.findByDigest(datasetFacts("", 7).digest), []);
      assert.deepEqual(await store.listDigests(), [digest, datasetFacts("", 2).digest]);
    });

    it("lists by name what teams have, page by page", async () => {
      const { store, addTeam } = await open();
      await addTeam("blue");
      for (const [name, team] of [["b", "blue"], ["B", "default"], ["a", "default"], ["c", "blue"], ["a-1", "blue"]] as const) await store.addVersion(datasetFacts(name), { ...addedBy, team });
      const names = async (teams: string[] | null, after: string | null = null, limit = 100): Promise<string[]> => (await store.list({ teams, after, limit })).map(({ name }) => name);
      assert.deepEqual(await names(null), ["B", "a", "a-1", "b", "c"]);
      assert.deepEqual(await names(["blue"]), ["a-1", "b", "c"]);
      assert.deepEqual(await names(["default", "blue"], "a", 2), ["a-1", "b"]);
      assert.deepEqual([await names([]), await names(["none"])], [[], []]);
    });

    it("keeps a dataset with its team, and the team with its datasets", async () => {
      const { store, addTeam, removeTeam, events } = await open();
      await assert.rejects(store.addVersion(datasetFacts("a"), { ...addedBy, team: "nobody" }), failsWith("TEAM_NOT_FOUND"));
      await addTeam("blue");
      const before = await events();
      await store.addVersion(datasetFacts("a"), { ...addedBy, team: "blue" });
      const after = await events();
      await assert.rejects(store.addVersion(datasetFacts("a", 2), addedBy), failsWith("NAME_TAKEN"));
      await assert.rejects(removeTeam("blue"), failsWith("TEAM_NOT_EMPTY"));
      assert.deepEqual(await events(), after);
      assert.equal(after.length, before.length + 2);
      assert.deepEqual((await store.list({ teams: null, after: null, limit: 9 })).map(({ name, latestVersion }) => [name, latestVersion]), [["a", 1]]);
      await store.remove("a", addedBy);
      await removeTeam("blue");
    });

    it("removes a dataset with its versions, and begins anew under its name", async () => {
      const { store } = await open();
      for (const marker of [1, 2]) await store.addVersion(datasetFacts("a", marker), addedBy);
      await store.addVersion(datasetFacts("b", 2), addedBy);
      assert.deepEqual([await store.remove("a", addedBy), await store.remove("a", addedBy)], [true, false]);
      assert.deepEqual([await store.find("a"), await store.findVersion("a"), await store.findVersion("a", 1), await store.listVersions("a", { before: null, limit: 9 })], [null, null, null, []]);
      assert.deepEqual(await store.listDigests(), [datasetFacts("", 2).digest]);
      assert.equal((await store.addVersion(datasetFacts("a", 5), addedBy)).version.version, 1);
    });

    it("tells of every change, and whose doing it was", async () => {
      const { store, events } = await open();
      await store.addVersion(datasetFacts("a", 1), addedBy);
      await store.addVersion(datasetFacts("a", 2), { ...addedBy, actor: "user:usr_1" });
      await store.remove("a", { actor: "local", now: epochMs(now + 1) });
      const of = (type: string, actor: string, payload: object, time: number = now) => ({ type, object: "dataset:a", team: "default", actor, time, payload: { dataset: "a", ...payload } });
      assert.deepEqual((await events()).filter(({ type }) => type.startsWith("dataset.")), [
        of("dataset.created", "key:key_1", {}),
        of("dataset.version.added", "key:key_1", { version: 1, digest: datasetFacts("", 1).digest }),
        of("dataset.version.added", "user:usr_1", { version: 2, digest: datasetFacts("", 2).digest }),
        of("dataset.deleted", "local", {}, now + 1),
      ]);
    });

    it("numbers versions that come at once without a gap, and adds the same content once", async () => {
      const { store } = await open();
      const added = await Promise.all(Array.from({ length: 12 }, (_, index) => store.addVersion(datasetFacts("a", index % 3 === 0 ? 99 : index), addedBy)));
      const numbers = added.filter(({ created }) => created).map(({ version }) => version.version).toSorted((left, right) => left - right);
      assert.deepEqual(numbers, numbers.map((_, index) => index + 1));
      assert.equal((await store.find("a"))?.latestVersion, numbers.length);
      await Promise.all(Array.from({ length: 8 }, () => store.addVersion(datasetFacts("b"), addedBy)));
      assert.equal((await store.find("b"))?.latestVersion, 1);
    });

    it("tells where a content is used, and whose a file is", async () => {
      const { store, addTeam, addUse, teamsWithDataset } = await open();
      await addTeam("blue");
      const { digest } = datasetFacts("", 1);
      await store.addVersion(datasetFacts("a", 1), addedBy);
      await store.addVersion(datasetFacts("b", 1), { ...addedBy, team: "blue" });
      await store.addVersion(datasetFacts("c", 1), { ...addedBy, team: "blue" });
      assert.deepEqual([await teamsWithDataset(digest), await teamsWithDataset(datasetFacts("", 2).digest)], [["blue", "default"], []]);
      assert.deepEqual(await store.modelsUsing(digest), []);
      await addUse("m", "blue", digest, ["e1", "e2"]);
      await addUse("k", "default", digest, []);
      await addUse("other", "default", datasetFacts("", 2).digest, ["e3"]);
      assert.deepEqual(await store.modelsUsing(digest), [{ name: "k", team: "default" }, { name: "m", team: "blue" }]);
      const evaluations = ["e2", "e1"].map((evaluation) => ({ model: "m", version: "1", evaluation }));
      assert.deepEqual(await store.listUse(digest, ["m", "k", "other"], 9), { models: [{ model: "k", version: "1" }, { model: "m", version: "1" }], evaluations });
      assert.deepEqual(await store.listUse(digest, ["m"], 1), { models: [{ model: "m", version: "1" }], evaluations: evaluations.slice(0, 1) });
      assert.deepEqual(await store.listUse(digest, [], 9), { models: [], evaluations: [] });
      await store.remove("a", addedBy);
      assert.deepEqual(await teamsWithDataset(digest), ["blue"]);
    });

    it("lists what runs logged, of experiments that may be seen, newest first", async () => {
      const { store, addTeam, logRun } = await open();
      await addTeam("blue");
      const mine = await logRun("default", 10, [{ name: "train", digest: "d1", context: "training" }, { name: "test", digest: "d2" }]);
      const theirs = await logRun("blue", 20, [{ name: "train", digest: "d3", context: "eval" }]);
      await logRun("default", 30, [{ name: "train", digest: "d1", context: "eval" }], mine);
      const list = async (request: Partial<Parameters<DatasetStore["listLogged"]>[0]>): Promise<LoggedDataset[]> => store.listLogged({ visible: "all", offset: 0, limit: 100, ...request });
      const short = (found: LoggedDataset[]): unknown[] => found.map(({ experiment, name, digest, runs, contexts }) => [experiment, name, digest, runs, contexts]);
      const [red, test, blue] = [[mine, "train", "d1", 2, ["eval", "training"]], [mine, "test", "d2", 1, []], [theirs, "train", "d3", 1, ["eval"]]];
      assert.deepEqual(short(await list({})), [blue, test, red]);
      assert.deepEqual(short(await list({ visible: { teams: ["default"], experiments: [] } })), [test, red]);
      assert.deepEqual(short(await list({ visible: { teams: [], experiments: [theirs] } })), [blue]);
      assert.deepEqual(short(await list({ visible: { teams: [], experiments: [] } })), []);
      assert.deepEqual(short(await list({ name: "train", experiment: mine })), [red]);
      assert.deepEqual(short(await list({ offset: 1, limit: 1 })), [test]);
      assert.deepEqual((await list({ name: "test" }))[0], { name: "test", digest: "d2", experiment: mine, sourceType: "local", source: "{}", schema: null, profile: "{\"num_rows\": 2}", runs: 1, contexts: [] });
    });
  });
}
