import assert from "node:assert/strict";
import { describe, it, mock } from "node:test";
import { Policy } from "../registry/index.ts";
import type { ServedVersion } from "./versions/served-version.ts";
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

  it("keeps one version warm, for its own time", () => {
    mock.timers.enable({ apis: ["setTimeout"] });
    try {
      const model = new ServedModel("m", Policy.parse({}));
      const over: string[] = [];
      const keep = (version: string, milliseconds: number): string | null => model.keepWarm(version, milliseconds, () => over.push(version));
      assert.equal(keep("1", 1000), null);
      assert.deepEqual([model.keptWarm, model.holds("1")], ["1", true]);
      mock.timers.tick(900);
      assert.equal(keep("1", 1000), null);
      mock.timers.tick(900);
      assert.deepEqual([model.keptWarm, over], ["1", []], "the former time counts no more");
      assert.equal(keep("2", 1000), "1");
      assert.equal(model.holds("1"), false);
      mock.timers.tick(1000);
      assert.deepEqual([model.keptWarm, over], [null, ["2"]]);
      keep("3", 1000);
      model.forget("3");
      mock.timers.tick(1000);
      assert.deepEqual([model.keptWarm, over], [null, ["2"]]);
    } finally {
      mock.timers.reset();
    }
  });

  it("keeps a version for longer than a timer can wait", () => {
    mock.timers.enable({ apis: ["setTimeout"] });
    try {
      const model = new ServedModel("m", Policy.parse({}));
      const dayMs = 86_400_000;
      model.keepWarm("1", 30 * dayMs, () => undefined);
      mock.timers.tick(2 ** 31 - 1);
      assert.equal(model.keptWarm, "1");
      mock.timers.tick(30 * dayMs - 2 ** 31 + 1);
      assert.equal(model.keptWarm, null);
    } finally {
      mock.timers.reset();
    }
  });
});
