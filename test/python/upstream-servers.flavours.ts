import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { promisify } from "node:util";
import { OnnxModelWriter } from "../../src/adapters/onnx/model-writer.ts";
import type { NewRollout, RolloutStatus } from "../../src/index.ts";
import { UpstreamProcess } from "../clients/upstream-process.ts";
import { startServer, type RunningServer } from "../kit/running-server.ts";
import { upstreamServers } from "./upstream-servers.ts";

type Plan = NonNullable<NewRollout["plan"]>;
const run = promisify(execFile);
const signature = {
  inputs: [{ name: "features", datatype: "FP32", shape: [-1, 2] }],
  outputs: [{ name: "score", datatype: "FP32", shape: [-1, 1] }],
  inputExample: [{ name: "features", datatype: "FP32", shape: [1, 2], data: [1, 2] }],
};
/** What the first cell of a row brings about in the models upstream. */
const [refused, broken, waiting] = [-400, -404, -504];

/** The same model as a file of ONNX, with another bias. */
function onnxModel(bias: number): Uint8Array {
  return new OnnxModelWriter()
    .input("features", "FP32", ["batch", 2]).initializer("weights", "FP32", [2, 1], [1, 10]).initializer("bias", "FP32", [1], [bias])
    .node("Gemm", ["features", "weights", "bias"], ["score"]).output("score", "FP32", ["batch", 1]).toBytes();
}

// Run by hand, for each server whose interpreter is named: docs/upstream.md says what it needs and what was found.
for (const { name, variable, protocols, program } of upstreamServers) {
  const python = process.env[variable] ?? "";
  describe(`versions answered by ${name}`, { timeout: 580_000, skip: python === "" ? `${variable} names no interpreter` : false }, () => {
    let directory: string;
    let release: string;
    let upstream: UpstreamProcess;
    let server: RunningServer;
    before(async () => {
      directory = await mkdtemp(join(tmpdir(), "slipway-upstream-"));
      release = join(directory, "release");
      const folder = join(directory, "server");
      await mkdir(folder);
      const { make, ...rest } = program(python, folder);
      for (const words of make ?? []) await run(python, words, { cwd: folder, timeout: 120_000 });
      const environment = { SLIPWAY_TEST_RELEASE: release, PYTHONDONTWRITEBYTECODE: "1", TMPDIR: folder, TEMP: folder, PATH: `${dirname(python)}:${process.env.PATH ?? ""}` };
      [upstream, server] = await Promise.all([
        UpstreamProcess.start({ ...rest, directory: folder, command: async (ports) => {
          const { files = {}, words, environment: more } = rest.command(ports);
          for (const [path, content] of Object.entries(files)) await writeFile(join(folder, path), content);
          return { file: python, words, environment: { ...environment, ...more } };
        } }),
        startServer({ environment: { SLIPWAY_EGRESS_ALLOWED: "127.0.0.1" } }),
      ]);
    });
    after(async () => {
      await server?.stop();
      await upstream?.close();
      await rm(directory, { recursive: true, force: true });
    });

    const features = (rows: readonly (readonly number[])[]) => [{ name: "features", datatype: "FP32" as const, shape: [rows.length, 2], data: rows.flat() }];
    const infer = (model: string, rows: readonly (readonly number[])[]) => server.client.infer(model, features(rows));
    const scores = async (model: string, rows: readonly (readonly number[])[]): Promise<number[]> => [...(await infer(model, rows)).outputs.score!.data].map(Number);
    const expected = (rows: readonly (readonly number[])[]): number[] => rows.map(([a, b]) => a! + 10 * b!);
    const outcome = async (model: string): Promise<string> => (await server.client.predictions(model, { limit: 1 }))[0]!.outcome;
    const until = async (condition: () => Promise<boolean>): Promise<void> => {
      while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 50));
    };
    const isReady = (model: string) => async (): Promise<boolean> => (await fetch(`${server.url}/v2/models/${model}/ready`)).ok;

    for (const [label, options] of Object.entries(protocols)) {
      const { hasMetadata = false, ...upstreamOptions } = options;
      const deploy = (model: string, more: object = {}, activate = true) =>
        server.client.deploy({ file: upstream.url, name: model, activate, upstream: { model: "weigh", timeoutMs: 60_000, ...upstreamOptions, ...(hasMetadata ? {} : { signature }), ...more } } as never);

      it(`${label}: answer as the model does, whole and broken numbers, one row and many at once`, async () => {
        const { version } = await deploy(label);
        const plain = ({ name: tensor, datatype, shape }: { name: string; datatype: string; shape: number[] }): object => ({ name: tensor, datatype, shape });
        assert.deepEqual(version.contract.signature.inputs.map(plain), signature.inputs);
        assert.deepEqual(version.contract.signature.outputs.map(plain), signature.outputs);
        for (const rows of [[[1, 2]], [[1.5, 2], [3, 4]], [[16_777_218, 0], [-0, 0.25]]]) assert.deepEqual(await scores(label, rows), expected(rows));
        await Promise.all(Array.from({ length: 40 }, async (_, call) => {
          const rows = Array.from({ length: 1 + (call % 3) }, (_row, index) => [call, index]);
          assert.deepEqual(await scores(label, rows), expected(rows));
        }));
        assert.equal(await outcome(label), "ok");
      });

      it(`${label}: say what went wrong: refused values, a broken model, a model that is not there`, async () => {
        await assert.rejects(infer(label, [[refused, 1]]), { code: "MODEL_RUN_FAILED" });
        await assert.rejects(infer(label, [[broken, 1]]), { code: "UPSTREAM_FAILED" });
        assert.equal(await outcome(label), "UPSTREAM_FAILED");
        // The model is asked for in the path, where there can be several.
        if (upstreamOptions.protocol !== "sagemaker") await assert.rejects(deploy("none", { model: "none", signature }), /UPSTREAM_(REFUSED|UNREACHABLE)|404/);
        const example = [{ ...signature.inputExample[0]!, data: [broken, 1] }];
        await assert.rejects(deploy("none", { signature: { ...signature, inputExample: example } }), { code: "MODEL_PROBE_FAILED" });
      });

      it(`${label}: end a request that takes too long, and go on`, async () => {
        await deploy(`${label}-late`, { timeoutMs: 500, signature: { ...signature, inputExample: undefined } });
        await assert.rejects(infer(`${label}-late`, [[waiting, 1]]), { code: "UPSTREAM_TIMEOUT" });
        await writeFile(release, "");
        assert.deepEqual(await scores(label, [[1, 2]]), [21]);
        await rm(release);
      });

      const callersDuring = async (model: string, row: readonly number[], work: () => Promise<void>): Promise<void> => {
        let running = true;
        const caller = async (): Promise<void> => {
          while (running) await scores(model, [row]);
        };
        const callers = Promise.all([caller(), caller(), caller()]);
        await Promise.race([work().finally(() => (running = false)), callers]);
        await callers;
      };
      const ended = async (model: string): Promise<RolloutStatus["rollout"]> => {
        await until(async () => (await server.client.rollouts.status(model)).rollout.endedAt !== null);
        return (await server.client.rollouts.status(model)).rollout;
      };
      const gates = [{ kind: "errors", maxRate: 0.5, compare: false, onFailure: "roll back" }];
      const plan = { phases: [{ phase: "canary", weight: 0.5, minSeconds: 0.2, minSamples: 10, gates }, { phase: "full", weight: 1, minSeconds: 0.2, minSamples: 10, gates }] } as unknown as Plan;

      it(`${label}: are the stable version of a rollout to ONNX, in which no request fails`, async () => {
        await deploy(`${label}-to-onnx`);
        await server.client.deploy({ file: await server.file(`${label}-2.onnx`, onnxModel(0)), name: `${label}-to-onnx`, activate: false });
        await server.client.rollouts.start(`${label}-to-onnx`, { plan });
        await callersDuring(`${label}-to-onnx`, [1, 2], async () => {
          const { state, reason } = await ended(`${label}-to-onnx`);
          assert.equal(state, "succeeded", reason);
        });
        assert.equal((await infer(`${label}-to-onnx`, [[1, 2]])).version, "2");
        assert.equal((await server.client.predictions(`${label}-to-onnx`, { outcome: "error" })).length, 0);
      });

      it(`${label}: are rolled back as a candidate whose model breaks, and no caller sees it`, async () => {
        await server.client.deploy({ file: await server.file(`${label}-1.onnx`, onnxModel(0)), name: `${label}-broken` });
        await deploy(`${label}-broken`, {}, false);
        await server.client.rollouts.start(`${label}-broken`, { plan });
        await callersDuring(`${label}-broken`, [broken, 2], async () => {
          const { state, reason } = await ended(`${label}-broken`);
          assert.equal(state, "rolled back", reason);
        });
      });
    }

    it("are away when the server dies, and ready by themselves when it is back", async () => {
      const models = Object.keys(protocols);
      await upstream.kill();
      for (const model of models) {
        await assert.rejects(infer(model, [[1, 2]]), { code: "UPSTREAM_UNREACHABLE" });
        await until(async () => !(await isReady(model)()));
      }
      await upstream.start();
      for (const model of models) {
        await until(isReady(model));
        assert.deepEqual(await scores(model, [[1, 2]]), [21]);
      }
    });
  });
}
