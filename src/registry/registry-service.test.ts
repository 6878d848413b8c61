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
});
