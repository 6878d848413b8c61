import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { NewRollout } from "../../src/index.ts";
import { loaderFolder } from "../../src/adapters/python/python-models.fixture.ts";
import { startServer, type RunningServer } from "../kit/running-server.ts";

const python = process.env.SLIPWAY_TEST_PYTHON ?? fileURLToPath(new URL("../../.venv/bin/python", import.meta.url));
const program = fileURLToPath(new URL("../../bin/slipway.js", import.meta.url));
const run = promisify(execFile);

describe("a version of Python that leaks memory", { timeout: 240_000 }, () => {
  let server: RunningServer;
  let directory: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "slipway-leak-"));
    server = await startServer({ environment: { SLIPWAY_PYTHON: python, SLIPWAY_PYTHON_MEMORY_BYTES: String(1 << 30) } });
  });
  after(async () => {
    await server.stop();
    await rm(directory, { recursive: true, force: true });
  });

  async function deploy(name: string, predict: string, ...flags: string[]): Promise<void> {
    for (const [path, content] of Object.entries(loaderFolder(predict, { top: "kept = []" }))) {
      const target = join(directory, name, path);
      await mkdir(dirname(target), { recursive: true });
      await writeFile(target, content);
    }
    await run(process.execPath, [program, "deploy", join(directory, name), "--name", "leak", ...flags], { env: { ...process.env, SLIPWAY_URL: server.url } });
  }

  it("is rolled back when it meets its limit, and no caller sees an error", async () => {
    await deploy("sound", "return {'y': [x + 1 for x in rows['x']]}");
    await deploy("leaking", "kept.append(bytearray(b'x' * 10_000_000))\nreturn {'y': [x + 1 for x in rows['x']]}", "--no-activate");
    const phases = [{ phase: "canary", weight: 0.5, minSeconds: 3600, gates: [] }, { phase: "full", weight: 1 }];
    // What a busy machine answers late would be a failure before any leak.
    await server.client.rollouts.start("leak", { plan: { phases, hard: { latencyMs: 20_000 } } as unknown as NonNullable<NewRollout["plan"]> });
    let rollout = (await server.client.rollouts.status("leak")).rollout;
    const versions = new Set<string>();
    for (let value = 0; rollout.endedAt === null; value++) {
      const { version, outputs } = await server.client.infer("leak", [{ name: "x", datatype: "FP64", shape: [1], data: [value] }]);
      assert.deepEqual(outputs.y!.data, [value + 1]);
      versions.add(version);
      ({ rollout } = await server.client.rollouts.status("leak"));
    }
assert.equal(rollout.state, "rolled back", rollout.reason);
    assert.match(rollout.reason, /failed 3 times|^hard failures: /);
    assert.deepEqual([...versions].sort(), ["1", "2"]);
  });
});
