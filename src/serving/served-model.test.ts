import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Policy } from "../registry/index.ts";
import type { ServedVersion } from "./served-version.ts";
import { ServedModel } from "./served-model.ts";

describe("ServedModel", () => {
  it("tells a version that is not loaded from one that is not registered and from a text that no version can have", () => {
    const model = new ServedModel("m", Policy.parse({}));
    for (const version of ["10", "9", null]) model.knows(version);
    const first = {} as ServedVersion;
    model.versions.set("1", first);
    model.activate("1");
    assert.equal(model.resolve("1"), first);
    assert.equal(model.resolve(undefined), first);
    for (const version of ["2", "10"]) assert.throws(() => model.resolve(version), { code: "VERSION_NOT_READY" }, version);
    assert.throws(() => model.resolve("11"), { code: "VERSION_NOT_FOUND" });
    for (const version of ["../1", "01", "0x1", "1.0", " 1", "__proto__", "", "9".repeat(500)]) {
      assert.throws(() => model.resolve(version), { code: "VERSION_NOT_FOUND" }, version);
    }
  });
});
