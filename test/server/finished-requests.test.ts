import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { getHeapSpaceStatistics, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { httpLoad, requestBytes } from "../../bench/serving/http-load.ts";
import { startSlipway, type Slipway } from "../../src/compose.ts";
import { loadConfig } from "../../src/config/index.ts";
import { SlipwayClient } from "../../src/index.ts";
import { linearModel } from "../kit/onnx-models.ts";

/** The server runs in this process, whose heap can be asked. */
describe("finished requests", () => {
  let directory: string;
  let slipway: Slipway;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "slipway-test-"));
    slipway = await startSlipway(loadConfig({ port: "0", data: join(directory, "data"), "log-level": "silent" }));
    const file = join(directory, "model.onnx");
    await writeFile(file, linearModel({ weights: [1, 2] }));
    await new SlipwayClient({ url: slipway.url }).deploy({ file, name: "small" });
  });
  after(async () => {
    await slipway.stop();
    await rm(directory, { recursive: true, force: true });
  });

  it("are garbage at once: what they leave in the old generation is what makes the 99th percentile", async () => {
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    const oldBytes = (): number => getHeapSpaceStatistics().find(({ space_name: name }) => name === "old_space")!.space_used_size;
    const body = Buffer.from(JSON.stringify({ inputs: [{ name: "features", shape: [1, 2], datatype: "FP32", data: [0.5, 1.5] }] }));
    const request = requestBytes(slipway.httpPort, "/v2/models/small/infer", {}, body);
    const call = async (count: number): Promise<void> => {
      const { requests, failures } = await httpLoad(slipway.httpPort, request, 16, Infinity, count);
      assert.deepEqual({ requests, failures }, { requests: count, failures: 0 });
    };
    await call(2000);
    // They allocate about 90 MB; when something keeps them, a third of that stays until the next full collection, each time.
    // What waits for a disk or a processor that others use stays too, but not each time.
    const kept: number[] = [];
    while (kept.length < 6 && !kept.some((bytes) => bytes < 8e6)) {
      collect();
      const before = oldBytes();
      await call(6000);
      kept.push(oldBytes() - before);
    }
    assert.ok(kept.at(-1)! < 8e6, `${kept.join(", ")} bytes of 6000 requests each are in the old generation`);
  });
});
