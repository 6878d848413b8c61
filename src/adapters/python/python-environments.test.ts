import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { utimes } from "node:fs/promises";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { epochMs } from "../../core/clock.ts";
import type { AppError } from "../../core/errors.ts";
import type { Tensor } from "../../core/tensor.ts";
import { loaderFolder, pythonBench, whyNot, writeWheel } from "./python-models.fixture.ts";

const python = process.env.SLIPWAY_TEST_PYTHON ?? "python3";

describe("PythonEnvironments", { skip: whyNot(python, ["-c", "import venv, ensurepip"], "there is no Python with venv on this machine") }, () => {
  const bench = pythonBench(python);
  const wheels = join(bench.directory, "wheels");
  const directory = join(bench.directory, "environments");
  /** Packages come from a folder: nothing here asks the network. */
  const installerEnvironment = { PATH: process.env.PATH ?? "", HOME: process.env.HOME ?? "", PIP_NO_INDEX: "1", PIP_FIND_LINKS: wheels, UV_OFFLINE: "1", UV_FIND_LINKS: wheels, UV_CACHE_DIR: join(bench.directory, "uv") };
  const environments = () => bench.environments({ directory, installerEnvironment });

  /** An interpreter that makes an environment by copying that one, for half of what a build costs is an environment with pip and nothing else. All other things Python does. */
  function copyingPython(environment: string): string {
    const path = join(bench.directory, "copying-python");
    const lines = [
      "#!/bin/sh",
      `case "$2" in`,
      `  -c) '${python}' "$@" | sed 's|"executable": "[^"]*"|"executable": "${path}"|' ;;`,
      `  -m) cp -pR '${environment}' "$4" && touch '${join(bench.directory, "copied")}' ;;`,
      `  *) exec '${python}' "$@" ;;`,
      "esac",
    ];
    writeFileSync(path, `${lines.join("\n")}\n`, { mode: 0o755 });
    return path;
  }

  before(() => {
    mkdirSync(wheels);
    writeWheel(python, wheels, "tripling", "1.5", "def triple(x):\n    return x * 3\n");
  });

  it("builds what is missing once, whoever asks at the same time, and runs a model in it", async () => {
    const packages = ["tripling>=1.2"];
    // Two servers that share the folder, and two versions on one of them.
    const [first, second] = [environments(), environments()];
    const prepared = await Promise.all([first.prepare(packages, null), first.prepare(packages, null), second.prepare(packages, null)]);
    const { digest, executable } = prepared[0];
    assert.ok(digest !== null && prepared.every((one) => one.digest === digest && one.executable === executable));
    assert.equal(bench.log.lines.filter(({ event }) => event === "python.environment_built").length, 1);
    assert.deepEqual(readdirSync(directory), [digest]);
    assert.deepEqual((await first.list()).map((kept) => [kept.digest, kept.bytes > 1000]), [[digest, true]]);

    const runtime = await bench.runtime({ environments: first });
    const folder = loaderFolder("return {'y': [tripling.triple(x) for x in rows['x']]}", { top: "import tripling" });
    const runner = await runtime.start("", await bench.contract({ ...folder, "requirements.txt": "tripling>=1.2  # pinned\n" }));
    const input: Tensor = { name: "x", datatype: "FP64", shape: [2], data: Float64Array.of(1, 2.5) };
    assert.deepEqual(Array.from((await runner.run([input])).outputs[0]!.data as Float64Array), [3, 7.5]);
    assert.deepEqual([...runtime.environmentsInUse], [digest]);
    await runner.close();
    assert.deepEqual([...runtime.environmentsInUse], []);
  });

  it("leaves nothing of a build that fails, and says what the installer said", async () => {
    const built = readdirSync(directory);
    const failing = bench.environments({ directory, installerEnvironment, python: copyingPython(join(directory, built[0]!, "venv")) });
    const failure = await failing.prepare(["no-such-package==9.9"], null).then(() => null, (error: unknown) => error as AppError);
    assert.equal(failure?.code, "ENVIRONMENT_FAILED");
    assert.match(failure.message, /no-such-package/);
    assert.ok(failure.problems.length > 0);
    assert.ok(!failure.message.includes(bench.directory) && !JSON.stringify(failure.problems).includes(bench.directory));
    assert.ok(existsSync(join(bench.directory, "copied")));
    assert.deepEqual(readdirSync(directory), built);
  });

  it("ends an installation when the server goes down, and leaves nothing of it", async () => {
    const closing = environments();
    const building = assert.rejects(closing.prepare(["tripling==1.5"], null), (error: AppError) => error.code === "SHUTTING_DOWN");
    const begun = bench.log.lines.length;
    await bench.log.until((line) => line.event === "python.environment_building" && bench.log.lines.indexOf(line) >= begun);
    closing.close();
    await building;
    assert.deepEqual(readdirSync(directory).filter((name) => name.startsWith(".building") || name.endsWith(".lock")), []);
  });

  it("removes what is not in use and was not for long", async () => {
    const kept = environments();
    const { digest } = (await kept.list())[0]!;
    const day = 86_400_000;
    const used = 1_700_000_000;
    await utimes(join(directory, digest, "used"), used, used);
    assert.equal(await kept.removeUnused(new Set(), epochMs(used * 1000 + 29 * day)), 0);
    assert.equal(await kept.removeUnused(new Set([digest]), epochMs(used * 1000 + 31 * day)), 0);
    assert.equal(await kept.removeUnused(new Set(), epochMs(used * 1000 + 31 * day)), 1);
    assert.deepEqual(readdirSync(directory), []);
  });

  it("uses the named interpreter's own packages where they satisfy a model, and says so", async () => {
    const { digest, notes } = await environments().prepare(["pip>=1"], "2.7.1");
    assert.equal(digest, null);
    assert.match(notes.join(" "), /written by Python 2\.7 and runs in 3\.\d+.*packages of Python/);
  });

  it("says what is missing where there is no Python", async () => {
    const nothing = { PATH: bench.directory };
    const without = bench.environments({ python: undefined, environment: nothing, installerEnvironment: nothing });
    await assert.rejects(without.prepare([], "3.11.2"), (error: AppError) => error.code === "PYTHON_MISSING" && /python3\.11 and python3 were looked for.*no uv/.test(error.message));
    const wrong = bench.environments({ python: join(bench.directory, "no-python") });
    await assert.rejects(wrong.prepare([], null), (error: AppError) => error.code === "PYTHON_MISSING" && /setting python/.test(error.message));
  });
});
