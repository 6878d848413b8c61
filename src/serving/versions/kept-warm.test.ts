import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { ServingBench } from "../serving-service.fixture.ts";
import { trafficRoute } from "../traffic/traffic-route.fixture.ts";

describe("a version that is kept warm again after a start", () => {
  let bench: ServingBench;
  beforeEach(async () => {
    bench = new ServingBench();
    await bench.add("m", 3);
  });
  afterEach(() => bench.serving.stop());

  const loaded = (): string[] => bench.serving.views("m").map(({ version, state }) => `${version} ${state}`).sort();

  it("is loaded, gets no traffic, and is the champion without another load", async () => {
    await bench.serving.keepWarm("m", "2", 60);
    assert.deepEqual(loaded(), ["1 ready", "2 ready"]);
    assert.equal((await bench.infer("m", [3])).version, "1");
    const loads = bench.started.length;
    await bench.serving.activate("m", "2", "somebody");
    assert.deepEqual([(await bench.infer("m", [3])).version, bench.started.length], ["2", loads]);
  });

  it("changes nothing where something newer is kept or needed, its time is over, or the server ends", async () => {
    await bench.serving.keepWarm("m", "1", 60);
    await bench.serving.keepWarm("m", "3", 0);
    assert.deepEqual(loaded(), ["1 ready"]);
    await bench.serving.keepWarm("m", "2", 60);
    await bench.serving.keepWarm("m", "3", 60);
    assert.deepEqual(loaded(), ["1 ready", "2 ready"]);
    await bench.serving.stop();
    await bench.serving.keepWarm("m", "3", 60);
    assert.equal(bench.started.filter((start) => start.startsWith("m/3")).length, 0);
  });

  it("is let go where a route needed it last", async () => {
    await bench.serving.applyRoute(trafficRoute({ arms: [{ name: "candidate", version: "2", from: 0, to: 1 }] }));
    await bench.serving.keepWarm("m", "2", 60);
    await bench.serving.applyRoute({ model: "m", revision: 1000, route: null });
    while (!bench.closedVersions.includes("m/2")) await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(loaded(), ["1 ready"]);
  });

  it("leaves nothing behind where it cannot be loaded", async () => {
    bench.behaviours.set("m/2", "cannot load");
    await assert.rejects(bench.serving.keepWarm("m", "2", 60), { code: "VERSION_FAILED" });
    await bench.serving.keepWarm("m", "3", 60);
    assert.ok(loaded().includes("3 ready"));
  });
});
