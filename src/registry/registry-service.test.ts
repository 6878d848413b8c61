import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { RegistryService, type RegistryParts } from "./registry-service.ts";
import type { RegistryStore } from "./registry-store.ts";
import type { Model, ModelVersion } from "./schemas.ts";

describe("RegistryService", () => {
  it("finds a version under its one spelling only, and asks the store for nothing else", async () => {
    const asked: string[] = [];
    const store: Partial<RegistryStore> = {
      findModel: (name) => Promise.resolve(name === "m" ? ({ name } as Model) : null),
      findVersion: (_model, version) => {
        asked.push(version);
        return Promise.resolve(version === "1" ? ({ version } as ModelVersion) : null);
      },
    };
    const registry = new RegistryService({ store } as RegistryParts);
    assert.equal((await registry.version("m", "1")).version, "1");
    await assert.rejects(registry.version("m", "2"), { code: "VERSION_NOT_FOUND" });
    for (const version of ["0x1", "1.0", "01", " 1", "../1", "NaN", "__proto__"]) {
      await assert.rejects(registry.version("m", version), { code: "VERSION_NOT_FOUND" }, version);
    }
    await assert.rejects(registry.version("nobody", "../1"), { code: "MODEL_NOT_FOUND" });
    assert.deepEqual(asked, ["1", "2"]);
  });

  it("has no champion of a model that was removed while champions were read", async () => {
    const models = [{ name: "gone", aliases: { champion: "1" } }, { name: "none", aliases: {} }, { name: "m", aliases: { champion: "2" } }] as unknown as Model[];
    const store: Partial<RegistryStore> = {
      listModels: () => Promise.resolve(models),
      findVersion: (model, version) => Promise.resolve(model === "gone" ? null : ({ model, version } as ModelVersion)),
    };
    assert.deepEqual(await new RegistryService({ store } as RegistryParts).champions(), [{ model: "m", version: "2" }]);
  });

  it("keeps no team of a model that was removed while it was read: its name may be another team's by then", async () => {
    const owned = (team: string): Model => ({ name: "m", team }) as Model;
    const late = { teamOf: Promise.withResolvers<string | null>(), findModel: Promise.withResolvers<Model | null>(), listModels: Promise.withResolvers<Model[]>() };
    const fresh: Partial<RegistryStore> = { teamOf: () => Promise.resolve("new"), findModel: () => Promise.resolve(owned("new")), listModels: () => Promise.resolve([owned("new")]) };
    const ways = [
      { read: (registry: RegistryService) => registry.teamOf("m"), store: { teamOf: () => late.teamOf.promise }, answer: () => late.teamOf.resolve("old") },
      { read: (registry: RegistryService) => registry.model("m"), store: { findModel: () => late.findModel.promise }, answer: () => late.findModel.resolve(owned("old")) },
      { read: (registry: RegistryService) => registry.listModels(), store: { listModels: () => late.listModels.promise }, answer: () => late.listModels.resolve([owned("old")]) },
    ] as const;
    for (const [number, { read, store, answer }] of ways.entries()) {
      const given: Partial<RegistryStore> = { ...fresh, ...store };
      const registry = new RegistryService({ store: given } as RegistryParts);
      const begun = read(registry);
      if (number === 1) registry.forgetTeams();
      else registry.forgetTeam("m");
      answer();
      await begun;
      Object.assign(given, fresh);
      assert.equal(await registry.teamOf("m"), "new", String(read));
      // And from memory from then on.
      Object.assign(given, { teamOf: () => assert.fail("It was read again.") });
      assert.equal(registry.teamOf("m"), "new");
    }
  });
});
