import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { epochMs } from "../core/clock.ts";
import type { ErrorCode } from "../core/error-catalogue.ts";
import { AppError } from "../core/errors.ts";
import { registryAddition } from "./registry-addition.fixture.ts";
import type { RegistryStores } from "./registry-store.ts";
import { Policy } from "./policy-schemas.ts";

const start = 1_700_000_000_000;
const created = { team: "default", actor: "local", now: epochMs(start), description: "", tags: [] };
/** A change some milliseconds after the first version. */
const by = (later: number, reason?: string) => ({ actor: "user:usr_1", now: epochMs(start + later), ...(reason === undefined ? {} : { reason }) });

/** What every RegistryLifecycle promises. `open` gives a store over a new, empty database. */
export function registryLifecycleConformance(adapterName: string, open: () => Promise<RegistryStores>): void {
  describe(`RegistryLifecycle: ${adapterName}`, () => {
    it("makes a model without versions, and numbers its first version 1", async () => {
      const store = await open();
      const name = "UpdateRMTest 2 é'\"%";
      const tags = [{ key: "b", value: "" }, { key: "a", value: "x" }];
      const model = await store.createModel({ ...created, name, description: "d", tags });
      assert.deepEqual(model, {
        name, createdAt: start, updatedAt: start, description: "d", tags: [{ key: "a", value: "x" }, { key: "b", value: "" }], aliases: {}, latestVersion: null, team: "default", owner: "local",
      });
      assert.deepEqual(await store.findModel(name), model);
      assert.equal((await store.addVersion({ ...registryAddition(name), mayAddModel: false })).version, "1");
      await assert.rejects(store.createModel({ ...created, name }), hasCode("MODEL_EXISTS"));
      await assert.rejects(store.createModel({ ...created, name: "other", team: "nobody" }), hasCode("TEAM_NOT_FOUND"));
      assert.deepEqual((await store.listModels()).map(({ name: each }) => each), [name]);
    });

    it("refuses what is not there, and writes nothing", async () => {
      const store = await open();
      for (const change of [
        () => store.describeModel("flights", "d", by(1)), () => store.renameModel("flights", "trains", by(1)), () => store.deleteModel("flights", by(1)),
        () => store.tagModel("flights", { set: [{ key: "a", value: "b" }] }, by(1)), () => store.deleteAlias("flights", "champion", by(1)),
      ]) await assert.rejects(change(), hasCode("MODEL_NOT_FOUND"));
      await store.addVersion(registryAddition("flights"));
      for (const change of [
        () => store.describeVersion("flights", "2", "d", by(1)), () => store.tagVersion("flights", "2", { set: [{ key: "a", value: "b" }] }, by(1)),
        () => store.transition("flights", "2", "Staging", { archiveExisting: true }, by(1)), () => store.deleteVersion("flights", "2", by(1)),
      ]) await assert.rejects(change(), hasCode("VERSION_NOT_FOUND"));
      assert.equal(await store.deleteAlias("flights", "champion", by(1)), false);
      assert.deepEqual((await store.listChanges("flights", { limit: 10 })).map(({ change }) => change), ["model.version.registered"]);
    });

    it("moves a model with all that is of it to another name", async () => {
      const store = await open();
      await store.addVersion({ ...registryAddition("flights"), alias: "champion", facts: { tags: [{ key: "k", value: "v" }] } });
      await store.addVersion(registryAddition("flights"));
      await store.tagModel("flights", { set: [{ key: "t", value: "u" }] }, by(1));
      await store.addPolicyRevision({ model: "flights", revision: 1, author: "ada", changedAt: start, reason: "Because.", policy: Policy.parse({}) });
      const before = (await store.findModel("flights"))!;
      const versions = await store.listVersions("flights");
      const renamed = await store.renameModel("flights", "late flights", by(5, "clearer"));
      assert.deepEqual(renamed, { ...before, name: "late flights", updatedAt: start + 5 });
      assert.deepEqual(await store.listVersions("late flights"), versions.map((version) => ({ ...version, model: "late flights", updatedAt: start + 5 })));
      assert.equal((await store.currentPolicy("late flights"))?.revision, 1);
      assert.deepEqual([await store.findModel("flights"), await store.listVersions("flights"), await store.currentPolicy("flights")], [null, [], null]);
      const [latest] = await store.listChanges("late flights", { limit: 1 });
      const { change, before: from, after, reason, actor, time } = latest!;
      assert.deepEqual({ change, from, after, reason, actor, time }, { change: "model.renamed", from: "flights", after: "late flights", reason: "clearer", actor: "user:usr_1", time: start + 5 });
      assert.equal((await store.addVersion(registryAddition("late flights"))).version, "3");
      assert.equal((await store.addVersion(registryAddition("flights"))).version, "1");
      assert.deepEqual(await store.listArtifactDigests(), (await store.listArtifactDigests()).toSorted());
    });

    it("renames no model to a name that is taken", async () => {
      const store = await open();
      await store.addVersion(registryAddition("flights"));
      await store.addVersion(registryAddition("trains"));
      await assert.rejects(store.renameModel("flights", "trains", by(1)), hasCode("MODEL_EXISTS"));
      await assert.rejects(store.renameModel("flights", "flights", by(1)), hasCode("MODEL_EXISTS"));
      assert.deepEqual((await store.listModels()).map(({ name, latestVersion }) => [name, latestVersion]), [["flights", "1"], ["trains", "1"]]);
    });

    it("removes a model with all that is of it, and begins anew under its name", async () => {
      const store = await open();
      await store.addVersion({ ...registryAddition("flights"), alias: "champion", facts: { tags: [{ key: "k", value: "v" }] } });
      await store.addVersion(registryAddition("flights"));
      await store.addVersion(registryAddition("trains"));
      const digests = await store.listArtifactDigests();
      await store.deleteModel("flights", by(1));
      assert.deepEqual([await store.findModel("flights"), await store.listVersions("flights"), await store.listChanges("flights", { limit: 9 })], [null, [], []]);
      await store.deleteModel("trains", by(1));
      assert.ok(digests.length > 0);
      assert.deepEqual(await store.listArtifactDigests(), []);
      const model = await store.createModel({ ...created, name: "flights" });
      assert.deepEqual([model.aliases, model.tags, (await store.addVersion(registryAddition("flights"))).version], [{}, [], "1"]);
    });

    it("never gives the number of a removed version again, and lets go of its aliases", async () => {
      const store = await open();
      for (let count = 0; count < 3; count++) await store.addVersion({ ...registryAddition("flights"), alias: "champion" });
      await store.setAlias({ model: "flights", alias: "first", version: "1", ...by(1) });
      await store.deleteVersion("flights", "3", by(2, "wrong data"));
      const model = (await store.findModel("flights"))!;
      assert.deepEqual([model.aliases, model.latestVersion, model.updatedAt], [{ first: "1" }, "2", start + 2]);
      await assert.rejects(store.deleteVersion("flights", "3", by(3)), hasCode("VERSION_NOT_FOUND"));
      const next = await store.addVersion(registryAddition("flights"));
      assert.deepEqual([next.version, next.contract.lineage.parentVersion], ["4", "2"]);
      for (const version of ["1", "2", "4"]) await store.deleteVersion("flights", version, by(4));
      assert.equal((await store.findModel("flights"))?.latestVersion, null);
      assert.equal((await store.addVersion(registryAddition("flights"))).version, "5");
    });

    it("moves versions between stages, and those that were there to Archived where it is told to", async () => {
      const store = await open();
      for (let count = 0; count < 4; count++) await store.addVersion(registryAddition("flights", "none"));
      await store.transition("flights", "1", "Production", { archiveExisting: true }, by(1));
      await store.transition("flights", "2", "Production", { archiveExisting: false }, by(2));
      const { version, champion } = await store.transition("flights", "3", "Production", { archiveExisting: true }, by(3, "better"));
      assert.deepEqual([version.stage, version.updatedAt, champion], ["Production", start + 3, false]);
      assert.deepEqual((await store.listVersions("flights")).map(({ stage }) => stage), ["None", "Production", "Archived", "Archived"]);
      assert.equal((await store.findModel("flights"))?.updatedAt, start + 3);
      assert.deepEqual((await store.latestVersions(["flights"])).map(({ version: number, stage }) => `${number} ${stage}`), ["2 Archived", "3 Production", "4 None"]);
      const told = await store.listChanges("flights", { limit: 3 });
      assert.deepEqual(told.map(({ version: number, before, after, reason }) => [number, before, after, reason]), [
        ["3", "None", "Production", "better"], ["2", "Production", "Archived", "better"], ["1", "Production", "Archived", "better"],
      ]);
      await store.transition("flights", "3", "Production", { archiveExisting: true }, by(4));
      assert.deepEqual(await store.listChanges("flights", { limit: 3 }), told);
    });

    it("makes what comes to Production the champion when it can run, and nobody put a newer one there by hand", async () => {
      const store = await open();
      const champion = async (): Promise<string | undefined> => (await store.findModel("flights"))?.aliases.champion;
      for (const kind of ["onnx", "python", "none", "onnx"] as const) await store.addVersion(registryAddition("flights", kind));
      const toProduction = async (version: string): Promise<boolean> => (await store.transition("flights", version, "Production", { archiveExisting: true }, by(1))).champion;
      assert.deepEqual([await toProduction("2"), await champion()], [true, "2"]);
      assert.deepEqual([await toProduction("3"), await champion()], [false, "2"]);
      assert.deepEqual([await toProduction("1"), await champion()], [true, "1"]);
      await store.setAlias({ model: "flights", alias: "champion", version: "4", ...by(2) });
      assert.deepEqual([await toProduction("2"), await champion()], [false, "4"]);
      assert.deepEqual([await toProduction("4"), await champion()], [false, "4"]);
      assert.deepEqual([await toProduction("2"), await champion()], [true, "2"]);
      await store.addVersion(registryAddition("not servable"));
      assert.equal((await store.transition("not servable", "1", "Production", { archiveExisting: false }, by(1))).champion, false);
    });

    it("tags and describes models and versions, and tells only of what changed", async () => {
      const store = await open();
      await store.addVersion(registryAddition("flights"));
      const model = await store.tagModel("flights", { set: [{ key: "a", value: "1" }, { key: "b", value: "" }], remove: ["c"] }, by(1));
      assert.deepEqual(model.tags, [{ key: "a", value: "1" }, { key: "b", value: "" }]);
      assert.deepEqual((await store.tagModel("flights", { set: [{ key: "a", value: "2" }], remove: ["b"] }, by(2))).tags, [{ key: "a", value: "2" }]);
      const version = await store.tagVersion("flights", "1", { set: [{ key: "__proto__", value: "1" }] }, by(3));
      assert.deepEqual([version.tags, (await store.findVersion("flights", "1"))?.tags], [[{ key: "__proto__", value: "1" }], version.tags]);
      assert.deepEqual((await store.tagVersion("flights", "1", { remove: ["__proto__"] }, by(4))).tags, []);
      assert.equal((await store.describeModel("flights", "late?", by(5))).description, "late?");
      assert.deepEqual([(await store.describeVersion("flights", "1", "first", by(6))).description, (await store.findModel("flights"))?.updatedAt], ["first", start + 5]);
      const changes = await store.listChanges("flights", { limit: 20 });
      await store.describeModel("flights", "late?", by(7));
      await store.tagModel("flights", { set: [{ key: "a", value: "2" }], remove: ["b"] }, by(7));
      assert.deepEqual(await store.listChanges("flights", { limit: 20 }), changes);
      assert.deepEqual(changes.toReversed().map(({ change, before, after }) => [change, before, after]), [
        ["model.version.registered", null, "1"], ["model.tag.set", null, "a=1"], ["model.tag.set", null, "b="], ["model.tag.set", "a=1", "a=2"], ["model.tag.deleted", "b=", null],
        ["model.version.tag.set", null, "__proto__=1"], ["model.version.tag.deleted", "__proto__=1", null], ["model.described", "", "late?"], ["model.version.described", "", "first"],
      ]);
      assert.deepEqual((await store.listChanges("flights", { limit: 20, before: changes[6]!.id })), changes.slice(7));
    });

    it("keeps aliases whole under changes at once", async () => {
      const store = await open();
      for (let count = 0; count < 10; count++) await store.addVersion(registryAddition("flights"));
      await Promise.all(Array.from({ length: 10 }, (_, index) =>
        store.transition("flights", String(index + 1), "Production", { archiveExisting: true }, by(index))));
      const stages = (await store.listVersions("flights")).map(({ stage }) => stage);
      assert.deepEqual(stages.filter((stage) => stage === "Production").length, 1);
      assert.deepEqual(stages.filter((stage) => stage === "Archived").length, 9);
    });
  });
}

function hasCode(code: ErrorCode): (error: unknown) => boolean {
  return (error) => error instanceof AppError && error.code === code;
}
