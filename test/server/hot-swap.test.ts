import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { betweenLooks } from "../kit/between-looks.ts";
import { linearModel, slowModel } from "../kit/onnx-models.ts";
import { startServer, type RunningServer } from "../kit/running-server.ts";

describe("versions under load", () => {
  let server: RunningServer;
  before(async () => (server = await startServer()));
  after(() => server.stop());

  it("swaps versions without a failed request, each answered by the version that it names", async () => {
    const factor = (version: string): number => Number(version) * 10;
    const deploy = async (version: number): Promise<void> => {
      const file = await server.file(`v${version}.onnx`, linearModel({ weights: [factor(String(version))] }));
      assert.equal((await server.client.deploy({ file, name: "swap" })).version.version, String(version));
    };
    await deploy(1);
    let running = true;
    let sent = 0;
    const seen = new Set<string>();
    const caller = async (seed: number): Promise<void> => {
      for (let value = seed; running; value += 1) {
        const { version, outputs } = await server.client.infer("swap", [{ name: "features", datatype: "FP32", shape: [2, 1], data: [value, -value] }]);
        assert.deepEqual(outputs.score!.data, [value * factor(version), -value * factor(version)]);
        seen.add(version);
        sent++;
        await betweenLooks();
      }
    };
    const callers = Array.from({ length: 16 }, (_, index) => caller(index * 1000 + 1));
    for (const version of [2, 3, 4]) {
      const before = sent;
      await deploy(version);
      while (sent < before + 200) await Promise.race([betweenLooks(), Promise.all(callers)]);
    }
    await server.client.activate("swap", "2");
    running = false;
    await Promise.all(callers);
    assert.deepEqual([...seen].sort(), ["1", "2", "3", "4"]);
    assert.equal((await server.client.infer("swap", [{ name: "features", datatype: "FP32", shape: [1, 1], data: [1] }])).version, "2");
    assert.equal((await server.client.predictions("swap", { outcome: "error" })).length, 0);
  });

  it("answers what it accepted before it goes down, and exits with 0", async (t) => {
    const own = await startServer();
    t.after(() => own.stop());
    await own.client.deploy({ file: await own.file("slow.onnx", slowModel(100)), name: "slow" });
    const pending: Promise<unknown>[] = [];
    let answered = 0;
    const send = async (value: number): Promise<unknown> => {
      const { outputs } = await own.client.infer("slow", [{ name: "x", datatype: "FP32", shape: [1, 1], data: [value] }]);
      answered++;
      return outputs.y!.data[0];
    };
    for (let waiting = 0; waiting === 0; waiting = (await own.client.model("slow")).served[0]!.queueRows) {
      // On a busy machine a queue may come and go between two looks.
      if (answered === pending.length) for (let count = 0; count < 4; count++) pending.push(send(pending.length));
    }
    const code = own.stop();
    assert.deepEqual(await Promise.all(pending), pending.map((_, index) => index));
    assert.equal(await code, 0);
  });

  it("refuses a second server on the same data", async () => {
    await assert.rejects(startServer({ directory: server.directory }), /DATA_DIRECTORY_IN_USE/);
  });

  it("ends, and frees what it took, when it cannot have its gRPC port", async () => {
    await assert.rejects(startServer({ flags: ["--grpc-port", String(server.grpcPort)] }), /CONFIG_INVALID[^]*gRPC/);
  });

  it("does not listen beyond loopback as it is", async () => {
    await assert.rejects(startServer({ flags: ["--host", "0.0.0.0"] }), /CONFIG_INVALID[^]*does not listen at 0\.0\.0\.0/);
  });
});
