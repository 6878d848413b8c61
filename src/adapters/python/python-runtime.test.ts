import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import type { AppError } from "../../core/errors.ts";
import type { Tensor } from "../../core/tensor.ts";
import type { ModelRunner } from "../../serving/versions/model-runtime.ts";
import { loaderFolder, pythonBench, whyNot } from "./python-models.fixture.ts";

/** These models need the standard library only; those of libraries are tried in the clients suite. */
const python = process.env.SLIPWAY_TEST_PYTHON ?? "python3";

const float64 = (name: string, ...data: number[]): Tensor => ({ name, datatype: "FP64", shape: [data.length], data: Float64Array.from(data) });
const failsWith = (code: string, message: RegExp) => (error: unknown) => (error as AppError).code === code && message.test((error as AppError).message);

describe("PythonRuntime", { skip: whyNot(python, ["--version"], "there is no Python on this machine") }, () => {
  const bench = pythonBench(python);
  const withModel = async (predict: string, work: (runner: ModelRunner) => Promise<void>, options: Parameters<typeof loaderFolder>[1] = {}): Promise<void> => {
    const runtime = await bench.runtime({ directory: join(bench.directory, `runners-${Math.random()}`) });
    const runner = await runtime.start("", await bench.contract(loaderFolder(predict, options)));
    try {
      await work(runner);
    } finally {
      await runner.close();
    }
  };
  const values = async (runner: ModelRunner, ...inputs: Tensor[]): Promise<unknown[]> => (await runner.run(inputs)).outputs.map(({ name, datatype, shape, data }) => [name, datatype, shape, Array.from<unknown>(data as ArrayLike<unknown>)]);

  it("gives a model its columns and names what it answers", async () => {
    await withModel(
      "return {'y': [x * 2 for x in rows['x']], 't': [t.upper() for t in rows['t']], 'n': [int(n) + 1 for n in rows['n']]}",
      async (runner) => {
        const texts: Tensor = { name: "t", datatype: "BYTES", shape: [2], data: ["zürich", "東京"] };
        const whole: Tensor = { name: "n", datatype: "INT64", shape: [2], data: BigInt64Array.of(-1n, 2n ** 62n) };
        assert.deepEqual(await values(runner, float64("x", 1.5, -2), texts, whole), [
          ["y", "FP64", [2], [3, -4]],
          ["t", "BYTES", [2], ["ZÜRICH", "東京"]],
          ["n", "INT64", [2], [0n, 2n ** 62n + 1n]],
        ]);
      },
      { inputs: { x: "double", t: "string", n: "long" }, outputs: ["double y", "string t", "long n"].map((text) => ({ type: text.split(" ")[0], name: text.split(" ")[1] })) },
    );
  });

  it("turns numbers into those that the signature promises, and refuses texts in their place", async () => {
    await withModel("return {'y': [int(x) if x < 5 else 'much' for x in rows['x']]}", async (runner) => {
      assert.deepEqual(await values(runner, float64("x", 1, 2)), [["y", "FP64", [2], [1, 2]]]);
      await assert.rejects(runner.run([float64("x", 7)]), failsWith("OUTPUT_INVALID", /promises FP64/));
      assert.deepEqual(await values(runner, float64("x", 3)), [["y", "FP64", [1], [3]]]);
    });
  });

  it("says what the model did not answer", async () => {
    await withModel("return {'other': list(rows['x']), 'more': list(rows['x'])}", (runner) => assert.rejects(runner.run([float64("x", 1)]), failsWith("OUTPUT_INVALID", /did not answer y/)));
  });

  it("tells the caller the kind of an error, and the log its traceback", async () => {
    await withModel("if rows['x'][0] < 0: raise KeyError('secret of the model')\nif rows['x'][0] > 9: sys.exit(3)\nreturn {'y': list(rows['x'])}", async (runner) => {
      await assert.rejects(runner.run([float64("x", -1)]), (error: AppError) => error.code === "MODEL_RUN_FAILED" && /KeyError/.test(error.message) && !error.message.includes("secret"));
      await bench.log.until(({ fields }) => String(fields.line).includes("secret of the model"));
      await assert.rejects(runner.run([float64("x", 10)]), failsWith("MODEL_RUN_FAILED", /SystemExit/));
      assert.deepEqual(await values(runner, float64("x", 1)), [["y", "FP64", [1], [1]]]);
    });
  });

  it("leads what a model prints to the log and never into its answers", async () => {
    await withModel("print('said on stdout')\nos.write(1, b'written past Python\\n')\nprint('said on stderr', file=sys.stderr)\nreturn {'y': list(rows['x'])}", async (runner) => {
      assert.deepEqual(await values(runner, float64("x", 4)), [["y", "FP64", [1], [4]]]);
      for (const line of ["said on stdout", "written past Python", "said on stderr"]) await bench.log.until(({ event, fields }) => event === "runner.output" && fields.line === line);
    });
  });

  it("ends a model that never returns, with everything that it started", async () => {
    await withModel("import subprocess\nprint('child', subprocess.Popen(['sleep', '1000']).pid, flush=True)\nwhile True: pass", async (runner) => {
      const running = runner.run([float64("x", 1)]);
      const failed = assert.rejects(running, failsWith("RUNNER_CRASHED", /took too long/));
      const { fields } = await bench.log.until((line) => /^child \d+$/.test(String(line.fields.line)));
      runner.kill("it took too long");
      await failed;
      const child = Number(String(fields.line).split(" ")[1]);
      // A killed process is there until somebody has asked for its end, which may be at any moment.
      const state = (): string => spawnSync("ps", ["-o", "stat=", "-p", String(child)]).stdout.toString().trim();
      while (!/^(Z|$)/.test(state())) await new Promise((resolve) => setImmediate(resolve));
    });
  });

  it("lets the collector of Python rest while a model loads, and serves with it as Python or the model sets it", async () => {
    const predict = "return {'y': [at_load, gc.get_threshold()[0], gc.isenabled(), gc.get_freeze_count() > 1000]}";
    const top = "import gc\nat_load = gc.get_threshold()[0]";
    const usual = Number(execFileSync(python, ["-I", "-c", "import gc; print(gc.get_threshold()[0])"]).toString());
    await withModel(predict, async (runner) => assert.deepEqual(await values(runner, float64("x", 1)), [["y", "FP64", [4], [100_000, usual, 1, 1]]]), { top });
    await withModel(predict, async (runner) => assert.deepEqual(await values(runner, float64("x", 1)), [["y", "FP64", [4], [100_000, 123, 1, 1]]]), { top: `${top}\ngc.set_threshold(123)` });
  });

  it("reports the death of a process, and takes its folder away", async () => {
    const directory = join(bench.directory, "runners-of-dying");
    const runtime = await bench.runtime({ directory });
    const runner = await runtime.start("", await bench.contract(loaderFolder("os._exit(7)")));
    assert.equal(readdirSync(directory).length, 1);
    const gone = new Promise((resolve) => runner.onExit(resolve));
    await assert.rejects(runner.run([float64("x", 1)]), failsWith("RUNNER_CRASHED", /exit code 7/));
    await gone;
    await runner.close();
    assert.deepEqual(readdirSync(directory), []);
  });

  it("holds a model to its memory, and goes on", { skip: process.platform !== "linux" && "only Linux bounds the memory of a process" }, async () => {
    const runtime = await bench.runtime({ directory: join(bench.directory, "runners-of-hogs"), memoryBytes: 2 ** 30 });
    const runner = await runtime.start("", await bench.contract(loaderFolder("hog = bytearray(int(rows['x'][0]) * 2**20)\nreturn {'y': [len(hog) / 2**20]}")));
    await assert.rejects(runner.run([float64("x", 2000)]), failsWith("MODEL_RUN_FAILED", /more memory/));
    assert.deepEqual(await values(runner, float64("x", 10)), [["y", "FP64", [1], [10]]]);
    await runner.close();
  });

  it("says which module is missing when a model cannot be loaded", async () => {
    const runtime = await bench.runtime();
    const contract = await bench.contract(loaderFolder("return {}", { top: "import no_such_library" }));
    await assert.rejects(runtime.start("", contract), failsWith("VERSION_FAILED", /needs no_such_library/));
    const raising = await bench.contract(loaderFolder("return {}", { top: "raise ValueError('inner words')" }));
    await assert.rejects(runtime.start("", raising), (error: AppError) => error.code === "VERSION_FAILED" && !error.message.includes("inner words"));
    assert.deepEqual(readdirSync(join(bench.directory, "runners")), []);
  });

  it("gives the process no secrets, no handles of the server, and a folder of its own", async () => {
    process.env.SLIPWAY_PLANTED_SECRET = "planted";
    const script = "return {'y': ['SLIPWAY_PLANTED_SECRET' in os.environ, not os.path.samefile(os.getcwd(), os.environ['HOME']), len([f for f in range(5, 256) if handle(f)]), os.get_inheritable(3) or os.get_inheritable(4)]}";
    const top = "def handle(f):\n    try:\n        os.fstat(f)\n        return True\n    except OSError:\n        return False";
    await withModel(script, async (runner) => assert.deepEqual(await values(runner, float64("x", 1)), [["y", "FP64", [4], [0, 0, 0, 0]]]), { top });
    delete process.env.SLIPWAY_PLANTED_SECRET;
  });

  const rootsPython = "/usr/bin/python3";
  const isRoot = process.getuid?.() === 0 ? whyNot(rootsPython, ["--version"], "there is no Python that every user may read") : "only root has rights to give up";

  it("gives up the rights of root before anything of the model runs", { skip: isRoot }, async () => {
    const open = bench.directory;
    chmodSync(open, 0o755);
    const directory = join(open, "runners-of-nobody");
    const options = { directory, environments: bench.environments({ python: rootsPython }), user: { name: "nobody", required: true } };
    const folder = loaderFolder("open('own-file', 'w').write('x')\nreturn {'y': [at_import, os.getuid(), os.geteuid(), len(os.getgroups()), os.access(__file__, os.W_OK)]}", { top: "at_import = os.getuid()" });
    const runner = await (await bench.runtime(options)).start("", await bench.contract(folder));
    const nobody = Number(execFileSync("id", ["-u", "nobody"]).toString());
    assert.deepEqual(await values(runner, float64("x", 1)), [["y", "FP64", [5], [nobody, nobody, nobody, 0, 0]]]);
    await runner.close();
    assert.deepEqual(readdirSync(directory), []);

    const closed = join(open, "closed");
    mkdirSync(closed, { mode: 0o700 });
    const refused = bench.runtime({ ...options, directory: join(closed, "runners") });
    await assert.rejects((await refused).start("", await bench.contract(folder)), failsWith("VERSION_FAILED", /PermissionError/));
    const lenient = await (await bench.runtime({ ...options, directory: join(closed, "runners"), user: { name: "nobody", required: false } })).start("", await bench.contract(folder));
    await bench.log.until(({ fields }) => /^slipway: nobody may not read .*runs as root$/.test(String(fields.line)));
    await lenient.close();
  });

  it("does not let a file of a model lead out of its folder", async () => {
    const runtime = await bench.runtime();
    const contract = await bench.contract(loaderFolder("return {}"));
    contract.runtime.artifacts[0]!.path = "../../elsewhere";
    await assert.rejects(runtime.start("", contract), failsWith("VERSION_FAILED", /leads out of its folder/));
  });
});
