import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import { describe, it } from "node:test";
import { compileCache } from "../../../test/kit/compile-cache.ts";
import { diesOnMinusOne, failsOnValue, identityModel, linearModel, loopsAsOftenAsTold, neverReturns } from "../../../test/kit/onnx-models.ts";
import { openResources, openResourcesAtMost } from "../../../test/kit/open-resources.ts";
import type { AppError } from "../../core/errors.ts";
import { silentLogger, type Logger } from "../../core/logger.ts";
import { typedArrayOf, type Datatype, type Tensor } from "../../core/tensor.ts";
import type { Contract } from "../../registry/index.ts";
import type { ModelRunner } from "../../serving/versions/model-runtime.ts";
import { modelFiles } from "./model-files.fixture.ts";
import { OnnxRuntime } from "./onnx-runtime.ts";
import { runnerCommand } from "./runner-process-command.ts";

const { directory, save } = modelFiles();

function runtime(logger: Logger = silentLogger): OnnxRuntime {
  return new OnnxRuntime({ logger, environment: compileCache, intraOpThreads: 1 });
}

/** The runtime reads nothing of the contract but the names. */
const contract = { model: "some-model", version: "3" } as Contract;
const placements = ["inline", "runner"] as const;

const start = (bytes: Uint8Array, placement: "inline" | "runner"): Promise<ModelRunner> => runtime().start(save(bytes), contract, placement);

const float32 = (name: string, data: number[], shape = [data.length, 1]): Tensor => ({ name, datatype: "FP32", shape, data: Float32Array.from(data) });

function exitOf(runner: ModelRunner): Promise<string> {
  let calls = 0;
  return new Promise((resolve) => {
    runner.onExit((reason) => {
      assert.equal(++calls, 1);
      resolve(reason);
    });
  });
}

/** Values at the edges of each datatype, as bits: what is not a number, the largest, the smallest, minus zero. */
const edges: Record<Datatype, Tensor["data"]> = {
  BOOL: Uint8Array.of(1, 0),
  UINT8: Uint8Array.of(0, 255),
  UINT16: Uint16Array.of(1, 65_535),
  UINT32: Uint32Array.of(1, 4_294_967_295),
  UINT64: BigUint64Array.of(1n, 2n ** 64n - 1n),
  INT8: Int8Array.of(-128, 127),
  INT16: Int16Array.of(-32_768, 32_767),
  INT32: Int32Array.of(-(2 ** 31), 2 ** 31 - 1),
  INT64: BigInt64Array.of(-(2n ** 63n), 2n ** 63n - 1n),
  FP16: Uint16Array.of(0x8000, 0x7e01),
  FP32: new Float32Array(Uint32Array.of(0x8000_0000, 0x7fc0_0001).buffer),
  FP64: Float64Array.of(-0, Number.MAX_VALUE),
  BYTES: ["", "Zürich 東京 🚲"],
};

function bits({ data }: Tensor): unknown {
  return Array.isArray(data) ? data : [data.constructor.name, ...new Uint8Array(data.buffer, data.byteOffset, data.byteLength)];
}

describe("OnnxRuntime", { timeout: 300_000 }, () => {
  for (const datatype of Object.keys(edges) as Datatype[]) {
    it(`hands ${datatype} through the model bit by bit, inline and in a runner`, async () => {
      const input: Tensor = { name: "x", datatype, shape: [2, 1], data: edges[datatype] };
      const before = bits(input);
      for (const placement of placements) {
        const runner = await start(identityModel(datatype, ["batch", 1]), placement);
        assert.equal(runner.placement, placement);
        const { outputs, runUs } = await runner.run([input]);
        assert.deepEqual(outputs.map(({ name, datatype, shape }) => ({ name, datatype, shape })), [{ name: "y", datatype, shape: [2, 1] }]);
        assert.deepEqual(bits(outputs[0]!), before, placement);
        if (datatype !== "BYTES") assert.ok(outputs[0]!.data instanceof typedArrayOf[datatype]);
        assert.ok(Number.isInteger(runUs) && runUs >= 0);
        await runner.close();
      }
      assert.deepEqual(bits(input), before, "inputs are not changed");
    });
  }

  for (const placement of placements) {
    it(`keeps earlier outputs as they were (${placement})`, async () => {
      const runner = await start(linearModel({ weights: [1, 10] }), placement);
      const first = await runner.run([float32("features", [1, 2], [1, 2])]);
      const second = await runner.run([float32("features", [3, 4, 5, 6], [2, 2])]);
      await runner.close();
      assert.deepEqual([...(first.outputs[0]!.data as Float32Array)], [21]);
      assert.deepEqual([...(second.outputs[0]!.data as Float32Array)], [43, 65]);
      assert.deepEqual(second.outputs.map(({ name }) => name), ["score", "probability"]);
    });

    it(`refuses a model that cannot be loaded with VERSION_FAILED and the reason (${placement})`, async () => {
      await assert.rejects(start(Buffer.from("not a model"), placement), (error: AppError) => {
        assert.equal(error.code, "VERSION_FAILED");
        assert.match(error.message, /cannot be loaded: The file is not an ONNX model/);
        assert.equal((error.cause as AppError).code, "MODEL_FILE_INVALID");
        return true;
      });
    });

    it(`stays well when the model refuses values (${placement})`, async () => {
      const runner = await start(failsOnValue(), placement);
      const index = (value: bigint): Tensor[] => [{ name: "index", datatype: "INT64", shape: [1, 1], data: BigInt64Array.of(value) }];
      await assert.rejects(runner.run(index(10n)), { code: "MODEL_RUN_FAILED", message: /"Gather".*index 10 is not within -10 to 9/ });
      assert.equal((await runner.run(index(4n))).outputs[0]!.data[0], 2);
      await runner.close();
    });

    it(`runs one batch at a time (${placement})`, async () => {
      const runner = await start(linearModel({ weights: [1] }), placement);
      const first = runner.run([float32("features", [1])]);
      await assert.rejects(runner.run([float32("features", [1])]), { code: "INTERNAL" });
      const closed = runner.close();
      assert.equal((await first).outputs[0]!.data[0], 1, "a run under way is finished");
      await closed;
      await assert.rejects(runner.run([float32("features", [1])]), { code: "RUNNER_CRASHED" });
      await runner.close();
    });

    it(`reports a kill once (${placement})`, async () => {
      const runner = await start(linearModel({ weights: [1] }), placement);
      const exit = exitOf(runner);
      runner.kill("enough");
      runner.kill("again");
      assert.equal(await exit, "enough");
      assert.equal(await new Promise((resolve) => runner.onExit(resolve)), "enough");
      await assert.rejects(runner.run([float32("features", [1])]), { code: "RUNNER_CRASHED", message: /enough/ });
      await runner.close();
    });
  }

  it("kills a model that never returns", async () => {
    const runner = await start(neverReturns(), "runner");
    const exit = exitOf(runner);
    const run = runner.run([float32("x", [1])]);
    // The server goes on in the meantime: this very timer is the proof.
    setTimeout(() => runner.kill("it took too long"), 50);
    await assert.rejects(run, { code: "RUNNER_CRASHED", message: /it took too long/ });
    assert.equal(await exit, "it took too long");
    assert.throws(() => process.kill(runner.processId!, 0), { code: "ESRCH" });
  });

  it("reports a process that is killed from outside in the middle of a run", async () => {
    const runner = await start(neverReturns(), "runner");
    const exit = exitOf(runner);
    const run = runner.run([float32("x", [1])]);
    process.kill(runner.processId!, "SIGKILL");
    await assert.rejects(run, { code: "RUNNER_CRASHED", message: /signal SIGKILL/ });
    assert.match(await exit, /SIGKILL/);
  });

  it("reports a value that makes the library end its process", { skip: process.arch === "x64" ? false : "only x86 traps on this division" }, async () => {
    const runner = await start(diesOnMinusOne(), "runner");
    const run = runner.run([{ name: "x", datatype: "INT64", shape: [1, 1], data: BigInt64Array.of(-1n) }]);
    await assert.rejects(run, { code: "RUNNER_CRASHED", message: /signal SIGFPE/ });
  });

  it("starts and closes again and again, and leaves no process", async () => {
    const path = save(linearModel({ weights: [1] }));
    const shared = runtime();
    const processIds = new Set<number>();
    const before = openResources();
    for (let round = 0; round < 10; round++) {
      const runner = await shared.start(path, contract, "runner");
      processIds.add(runner.processId!);
      await runner.run([float32("features", [round])]);
      await runner.close();
    }
    assert.equal(processIds.size, 10);
    for (const processId of processIds) assert.throws(() => process.kill(processId, 0), { code: "ESRCH" });
    await openResourcesAtMost(before);
  });

  it("logs each start with where it runs, and knows the providers in use", async () => {
    const events: unknown[] = [];
    const logged = runtime({ ...silentLogger, info: (event, fields) => events.push({ event, ...fields }) });
    const runner = await logged.start(save(linearModel({ weights: [1] })), contract, "inline");
    await runner.close();
    const [{ startMs, ...event }] = events as [{ startMs: number }];
    assert.ok(Number.isInteger(startMs));
    assert.deepEqual(event, { event: "runner.started", model: "some-model", version: "3", placement: "inline", processId: undefined, executionProvider: "cpu" });
    assert.deepEqual(logged.executionProviders, ["cpu"]);
  });

  it("allows inline only what the graph bounds", async () => {
    const shared = runtime();
    assert.equal(await shared.inlineAllowed(save(linearModel({ weights: [1] }))), true);
    for (const bytes of [neverReturns(), loopsAsOftenAsTold(), diesOnMinusOne(), Buffer.from("no model")]) {
      assert.equal(await shared.inlineAllowed(save(bytes)), false);
    }
  });

  it("leaves no process behind when the server is killed while a model runs without end", async (t) => {
    // A socket that the runner process holds open shows, by its end, that the process is gone.
    const beaconPath = join(directory, "beacon");
    const server = createServer();
    server.listen(beaconPath);
    await once(server, "listening");
    t.after(() => server.close());
    const connection = once(server, "connection").then(([socket]: Socket[]) => socket!.resume().on("error", () => {}));

    const { executable, arguments: [flag, processScript] } = runnerCommand("runner-process", {});
    const moduleUrl = (file: string) => JSON.stringify(new URL(file, import.meta.url).href);
    const runnerScript = join(directory, "runner.mjs");
    writeFileSync(
      runnerScript,
      `import { connect } from "node:net";
       import { pathToFileURL } from "node:url";
       connect(${JSON.stringify(beaconPath)}, () => import(pathToFileURL(${JSON.stringify(processScript)}).href));`,
    );
    const serverScript = join(directory, "server.mjs");
    writeFileSync(
      serverScript,
      `import { ChildRunner } from ${moduleUrl("../runner/child-runner.ts")};
       const runner = await ChildRunner.start({
         command: { executable: process.execPath, arguments: [${JSON.stringify(flag)}, ${JSON.stringify(runnerScript)}], environment: {} },
         path: ${JSON.stringify(save(neverReturns()))},
         settings: { intraOpThreads: 1, executionProvider: "cpu" },
         logger: { info() {}, warn() {}, error() {} },
       });
       void runner.run([{ name: "x", datatype: "FP32", shape: [1, 1], data: new Float32Array(1) }]);
       setImmediate(() => process.stdout.write("running"));`,
    );
    const parent = spawn(executable, [flag!, serverScript], { stdio: ["ignore", "pipe", "inherit"] });
    const socket = await connection;
    await once(parent.stdout, "data");
    parent.kill("SIGKILL");
    await once(socket, "close");
  });
});
