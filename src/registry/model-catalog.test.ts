import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import { TemporaryDatabases } from "../adapters/sql/dialects/sqlite/temporary-databases.fixture.ts";
import { registryStoreOn } from "../adapters/sql/access/access-store.fixture.ts";
import type { Caller, Role } from "../core/caller.ts";
import { epochMs } from "../core/clock.ts";
import { AppError } from "../core/errors.ts";
import { EventBus } from "../core/events.ts";
import type { ContractBuilder } from "./contract-builder.ts";
import { ModelCatalog } from "./model-catalog.ts";
import type { ModelSourceReader } from "./model-source.ts";
import { ModelTeams } from "./model-teams.ts";
import { registryAddition } from "./registry-addition.fixture.ts";

const now = epochMs(1_700_000_000_000);
const caller = (role: Role, team: string, models?: string[]): Caller => ({ actor: `key:${role}`, name: role, grants: [{ role, team, ...(models === undefined ? {} : { models }) }] });
const admin = caller("admin", "*");

describe("ModelCatalog", () => {
  const databases = new TemporaryDatabases();
  afterEach(() => databases.remove());

  async function opened(sources?: ModelSourceReader) {
    const database = await databases.open();
    await database.queries.insertInto("teams").values({ name: "blue", description: "", created_at: now }).execute();
    const { store } = registryStoreOn(database);
    const events = new EventBus();
    const heard: unknown[] = [];
    events.on("model.changed", ({ model }) => heard.push(model));
    const teams = new ModelTeams(store);
    const contracts = {} as ContractBuilder;
    return { store, heard, teams, catalog: new ModelCatalog({ store, teams, contracts, events, ...(sources === undefined ? {} : { sources }) }) };
  }

  it("answers for what a caller may not see as for what is not there", async () => {
    const { catalog, store } = await opened();
    await store.addVersion(registryAddition("flights"));
    const stranger = caller("admin", "blue");
    for (const [name, missing] of [["flights", "there"], ["nobody", "not there"]] as const) {
      for (const act of [
        () => catalog.model(stranger, name), () => catalog.version(stranger, name, "1"), () => catalog.deleteModel(stranger, name, { now }), () => catalog.latestVersions(stranger, name),
        () => catalog.transition(stranger, name, "1", "Production", { archiveExisting: false }, { now }), () => catalog.setAlias(stranger, name, "champion", "1", { now }),
        () => catalog.register(stranger, { model: name, source: "runs:/r/m" }, now), () => catalog.changes(stranger, name, { limit: 1 }),
        () => catalog.renameModel(stranger, name, "other", { now }),
      ]) await assert.rejects(act(), { code: "MODEL_NOT_FOUND", message: `There is no model named "${name}".` }, missing);
    }
    assert.deepEqual((await catalog.searchModels(stranger, { conditions: [], order: [], limit: 10, after: null })).items, []);
    assert.deepEqual((await catalog.searchVersions(caller("viewer", "default"), { conditions: [], order: [], limit: 10, after: null })).items.length, 1);
  });

  it("lets viewers read, deployers change and admins remove", async () => {
    const { catalog, store } = await opened();
    await store.addVersion(registryAddition("flights"));
    const [viewer, deployer] = [caller("viewer", "default"), caller("deployer", "default")];
    await catalog.model(viewer, "flights");
    await assert.rejects(catalog.describeModel(viewer, "flights", "x", { now }), { code: "FORBIDDEN" });
    await assert.rejects(catalog.tagVersion(viewer, "flights", "1", {}, { now }), { code: "FORBIDDEN" });
    await catalog.describeModel(deployer, "flights", "x", { now });
    await assert.rejects(catalog.deleteVersion(deployer, "flights", "1", { now }), { code: "FORBIDDEN" });
    await assert.rejects(catalog.deleteModel(deployer, "flights", { now }), { code: "FORBIDDEN" });
    await catalog.deleteVersion(caller("admin", "default"), "flights", "1", { now });
    await catalog.deleteModel(caller("admin", "default"), "flights", { now });
  });

  it("gives a new model to the team that its maker deploys in, or that they name", async () => {
    const { catalog } = await opened();
    const make = async (by: Caller, name: string, team?: string): Promise<string> =>
      (await catalog.createModel(by, { name, description: "", tags: team === undefined ? [] : [{ key: "slipway.team", value: team }] }, now)).team;
    assert.equal(await make(caller("deployer", "blue"), "a"), "blue");
    assert.equal(await make(admin, "b"), "default");
    assert.equal(await make(admin, "c", "blue"), "blue");
    assert.equal(await make(caller("deployer", "blue", ["d"]), "d"), "blue");
    await assert.rejects(make(caller("deployer", "blue", ["d"]), "e"), { code: "FORBIDDEN" });
    await assert.rejects(make(caller("deployer", "blue"), "f", "default"), { code: "FORBIDDEN" });
    await assert.rejects(make(caller("contributor", "default"), "g"), { code: "FORBIDDEN" });
    for (const name of ["", " ", "a/b", "a:b", ".", "..", "a\nb", "x".repeat(257)]) await assert.rejects(make(admin, name), { code: "INVALID_NAME" });
  });

  it("forgets whose a removed or renamed model was", async () => {
    const { catalog, heard } = await opened();
    const blue = caller("admin", "blue");
    const plain = caller("admin", "default");
    for (const remove of [() => catalog.deleteModel(blue, "m", { now }), () => catalog.renameModel(blue, "m", "n", { now })]) {
      await catalog.createModel(blue, { name: "m", description: "", tags: [] }, now);
      await remove();
      await catalog.createModel(plain, { name: "m", description: "", tags: [] }, now);
      await catalog.model(plain, "m");
      await assert.rejects(catalog.model(blue, "m"), { code: "MODEL_NOT_FOUND" });
      await catalog.deleteModel(plain, "m", { now });
    }
    assert.deepEqual(heard, ["m", "m", "m", "n", "m"]);
  });

  it("renames for a key that is for one model only when it is for the new name too", async () => {
    const { catalog, store } = await opened();
    await store.addVersion(registryAddition("flights"));
    await assert.rejects(catalog.renameModel(caller("deployer", "default", ["flights"]), "flights", "trains", { now }), { code: "FORBIDDEN" });
    assert.equal((await catalog.renameModel(caller("deployer", "default", ["flights", "trains"]), "flights", "trains", { now })).name, "trains");
  });

  it("registers what cannot be read, with the reason, and never fails for it", async () => {
    const answers: (() => Promise<null>)[] = [
      () => Promise.resolve(null), () => Promise.reject(new AppError("MODEL_FILE_INVALID", "It is no model.")), () => Promise.reject(new Error("planted")),
    ];
    const asked: unknown[] = [];
    const { catalog } = await opened({ read: (source) => (asked.push(source), answers.shift()!()) });
    await catalog.createModel(admin, { name: "m", description: "", tags: [] }, now);
    const register = () => catalog.register(admin, { model: "m", source: "runs:/r/model", runId: "r", loggedModel: "m-1", tags: [{ key: "k", value: "v" }] }, now);
    const notes = async () => (await register()).contract.runtime.notes;
    assert.deepEqual(await notes(), ["Nothing that can be read as a model was found at runs:/r/model."]);
    assert.deepEqual(await notes(), ["It is no model."]);
    await assert.rejects(register(), { message: "planted" });
    assert.deepEqual(asked[0], { uri: "runs:/r/model", runId: "r", loggedModel: "m-1" });
    const version = await catalog.version(admin, "m", "2");
    assert.deepEqual([version.contract.runtime.kind, version.runId, version.loggedModel, version.tags, version.contract.lineage.parentVersion], ["none", "r", "m-1", [{ key: "k", value: "v" }], "1"]);
    await assert.rejects(catalog.version(admin, "m", "3"), { code: "VERSION_NOT_FOUND" });
  });

  it("copies the contract of a version that the caller may see", async () => {
    const { catalog, store } = await opened();
    await store.addVersion({ ...registryAddition("flights"), facts: { source: "runs:/r/model", runId: "r" } });
    await catalog.createModel(admin, { name: "copy", description: "", tags: [{ key: "slipway.team", value: "blue" }] }, now);
    await assert.rejects(catalog.register(caller("deployer", "blue"), { model: "copy", source: "models:/flights/1" }, now), { code: "MODEL_NOT_FOUND" });
    const copy = await catalog.register(admin, { model: "copy", source: "models:/flights/1" }, now);
    assert.deepEqual([copy.contract.runtime, copy.runId, copy.contract.model], [(await catalog.version(admin, "flights", "1")).contract.runtime, "r", "copy"]);
    assert.equal(await catalog.sourceOf(admin, "copy", "1"), "runs:/r/model");
    // Whoever may not see the original is not told where it came from.
    assert.equal(await catalog.sourceOf(caller("viewer", "blue"), "copy", "1"), "models:/flights/1");
  });
});
