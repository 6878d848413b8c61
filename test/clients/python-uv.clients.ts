import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { before, describe, it } from "node:test";
import { loaderFolder, pythonBench, writeWheel } from "../../src/adapters/python/python-models.fixture.ts";
import type { AppError } from "../../src/core/errors.ts";
import type { Tensor } from "../../src/core/tensor.ts";
import { pythonOf } from "./python-script.ts";

describe("environments that uv makes", () => {
  const python = pythonOf();
  const bench = pythonBench(python);
  const wheels = join(bench.directory, "wheels");
  const directory = join(bench.directory, "environments");
  /** uv lies beside the interpreter of the tests; packages come from a folder. */
  const installerEnvironment = {
    PATH: `${dirname(python)}${delimiter}${process.env.PATH ?? ""}`, HOME: bench.directory, UV_OFFLINE: "1", UV_FIND_LINKS: wheels, UV_CACHE_DIR: join(bench.directory, "uv"), UV_PYTHON_DOWNLOADS: "never",
  };
  before(() => {
    assert.ok(existsSync(join(dirname(python), "uv")), "there is no uv: install test/clients/requirements.txt");
    mkdirSync(wheels);
    writeWheel(python, wheels, "tripling", "1.5", "def triple(x):\n    return x * 3\n");
  });

  it("are built where uv is in the path, and run a model", async () => {
    const environments = bench.environments({ directory, installerEnvironment });
    const told: string[] = [];
    const { digest } = await environments.prepare(["tripling>=1.2"], null, (note) => told.push(note));
    const built = bench.log.lines.find(({ event }) => event === "python.environment_built");
    assert.deepEqual([built?.fields.installer, built?.fields.digest, readdirSync(directory)], ["uv", digest, [digest]]);
    assert.equal(told[0], "building the environment");
    const runtime = await bench.runtime({ environments });
    const folder = loaderFolder("return {'y': [tripling.triple(x) for x in rows['x']]}", { top: "import tripling" });
    const runner = await runtime.start("", await bench.contract({ ...folder, "requirements.txt": "tripling>=1.2\n" }));
    const input: Tensor = { name: "x", datatype: "FP64", shape: [2], data: Float64Array.of(1, 2.5) };
    assert.deepEqual(Array.from((await runner.run([input])).outputs[0]!.data as Float64Array), [3, 7.5]);
    await runner.close();
  });

  it("leave nothing of a build that fails, and say what uv said", async () => {
    const failure = await bench.environments({ directory, installerEnvironment }).prepare(["no-such-package==9.9"], null).then(() => null, (error: unknown) => error as AppError);
    assert.equal(failure?.code, "ENVIRONMENT_FAILED");
    assert.match(failure.message, /no-such-package/);
    assert.ok(!failure.message.includes(bench.directory) && !JSON.stringify(failure.problems).includes(bench.directory));
    assert.ok(readdirSync(directory).every((name) => !name.startsWith(".building")));
  });
});
