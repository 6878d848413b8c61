import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { openResources, openResourcesAtMost } from "../../../test/kit/open-resources.ts";
import { AnswerMemory } from "../../core/answer-memory.ts";
import { AppError } from "../../core/errors.ts";
import { silentLogger, type Logger } from "../../core/logger.ts";
import type { Tensor } from "../../core/tensor.ts";
import { ChildRunner, type ChildRunnerOptions } from "./child-runner.ts";
import { encodeFrame } from "./frame-protocol.ts";

const directory = mkdtempSync(join(tmpdir(), "slipway-runner-"));
after(() => rmSync(directory, { recursive: true, force: true }));

const moduleUrl = (file: string) => JSON.stringify(new URL(file, import.meta.url).href);

/** A runner process whose model does what the first input says. */
const script = join(directory, "scripted.mjs");
writeFileSync(
  script,
  `import { connect } from "node:net";
   import { spawn } from "node:child_process";
   import { serveRunner } from ${moduleUrl("./runner-server.ts")};
   import { AppError } from ${moduleUrl("../../core/errors.ts")};
   const [beaconPath] = process.argv.slice(2);
   const beacon = () => new Promise((resolve) => { const socket = connect(beaconPath, () => resolve(socket)); });
   const acts = {
     echo: (inputs) => inputs,
     environment: () => [{ name: "environment", datatype: "BYTES", shape: [1], data: [JSON.stringify(process.env)] }],
     crash: () => { console.error("about to crash"); process.kill(process.pid, "SIGSEGV"); for (;;); },
     exit: () => process.exit(7),
     hang: () => { for (;;); },
     refuse: () => { throw new AppError("MODEL_RUN_FAILED", "No such category.", { cause: new Error("the library's words") , problems: [{ path: "inputs.x", message: "unknown" }] }); },
     bug: () => { throw new TypeError("the runner's own bug"); },
     babble: () => { console.log("x".repeat(100_000) + "\\nlast line"); return []; },
     interrupt: () => { for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.kill(process.pid, signal); return []; },
     grandchild: async () => { const socket = await beacon(); spawn("sleep", ["1000"], { stdio: ["ignore", socket, "ignore"] }); socket.destroy(); return []; },
     uncaught: () => { setImmediate(() => { throw new Error("thrown outside"); }); return new Promise(() => {}); },
     beacon: async () => { await beacon(); return []; },
   };
   let stubborn = false;
   serveRunner("scripted", {
     async load(path, settings) {
       if (path === "refused") throw new AppError("MODEL_OPERATOR_UNSUPPORTED", "The operator X is not known.");
       if (path === "hang") for (;;);
       if (path === "exit") { console.error("no such library"); process.exit(3); }
       if (path === "hangs at exit") process.on("exit", () => { for (;;); });
       stubborn = path === "stubborn";
       return { executionProvider: settings.provider ?? "cpu" };
     },
     async run(inputs) {
       const act = inputs[0].data[0];
       return { outputs: await acts[act](inputs), runUs: 12 };
     },
     release: () => (stubborn ? new Promise(() => {}) : Promise.resolve()),
   });`,
);

/** Answers a run as soon as its first bytes are there, and reads the rest when it is told to by its beacon. */
const hasty = join(directory, "hasty.mjs");
writeFileSync(
  hasty,
  `import { connect, Socket } from "node:net";
   import { FrameDecoder, writeFrame } from ${moduleUrl("./frame-protocol.ts")};
   import { frameDescriptor, protocolVersion } from ${moduleUrl("./runner-messages.ts")};
   const socket = new Socket({ fd: frameDescriptor });
   let loaded = false;
   const decoder = new FrameDecoder(() => { loaded = true; writeFrame(socket, { type: "loaded", executionProvider: "cpu" }); });
   writeFrame(socket, { type: "hello", protocol: protocolVersion, runtime: "hasty" });
   socket.on("data", (chunk) => {
     if (!loaded) return decoder.push(chunk);
     socket.removeAllListeners("data").pause();
     writeFrame(socket, { type: "result", id: 1, runUs: 1 });
     connect(process.argv[2]).on("data", () => socket.resume());
   });`,
);

function options(overrides: Partial<ChildRunnerOptions> = {}, scriptArguments: string[] = []): ChildRunnerOptions {
  return {
    command: { executable: process.execPath, arguments: ["--disable-warning=ExperimentalWarning", script, ...scriptArguments], environment: { GIVEN: "yes" } },
    path: "model",
    settings: {},
    logger: silentLogger,
    ...overrides,
  };
}

const act = (name: string): Tensor[] => [{ name: "act", datatype: "BYTES", shape: [1], data: [name] }];

const withCode = (code: string, message?: RegExp) => (error: unknown) => {
  assert.ok(error instanceof AppError, String(error));
  assert.equal(error.code, code);
  if (message) assert.match(error.message, message);
  return true;
};

/** Answers with the reason that `onExit` gives, and fails when it comes twice. */
function exitOf(runner: ChildRunner): Promise<string> {
  let calls = 0;
  return new Promise((resolve) => {
    runner.onExit((reason) => {
      assert.equal(++calls, 1);
      resolve(reason);
    });
  });
}

/** A socket on which a runner shows that it lives: it closes when that process is gone, whoever ended it. */
async function listenForBeacon(t: { after(callback: () => void): void }): Promise<{ path: string; connection: Promise<Socket> }> {
  const path = join(directory, `beacon-${process.pid}-${Math.trunc(performance.now() * 1000)}`);
  const server = createServer();
  const connection = once(server, "connection").then(([socket]: Socket[]) => socket!.resume().on("error", () => {}));
  server.listen(path);
  await once(server, "listening");
  t.after(() => server.close());
  return { path, connection };
}

describe("ChildRunner", { timeout: 300_000 }, () => {
  it("gives no result before the inputs are written whole, whatever the process says", async (t) => {
    const beacon = await listenForBeacon(t);
    const runner = await ChildRunner.start(options({ command: { executable: process.execPath, arguments: [hasty, beacon.path], environment: {} } }));
    const order: string[] = [];
    const data = new Float32Array(1 << 22);
    const run = runner.run([{ name: "x", datatype: "FP32", shape: [data.length], data }]).then(() => order.push("answered"));
    const told = await beacon.connection;
    // Long enough for the answer to be read, which was sent before.
    for (let turn = 0; turn < 200; turn++) await new Promise((resolve) => setImmediate(resolve));
    order.push("read on");
    told.write("go");
    await run;
    assert.deepEqual(order, ["read on", "answered"]);
    runner.kill("the test is over");
    await runner.close();
  });

  it("loads, runs and closes", async () => {
    const runner = await ChildRunner.start(options({ settings: { provider: "cuda" } }));
    assert.equal(runner.executionProvider, "cuda");
    const inputs: Tensor[] = [...act("echo"), { name: "x", datatype: "INT64", shape: [2, 1], data: BigInt64Array.of(2n ** 62n, -1n) }];
    for (let round = 0; round < 3; round++) assert.deepEqual(await runner.run(inputs), { outputs: inputs, runUs: 12 });
    runner.onExit(() => assert.fail("a closed runner has not ended by itself"));
    const pid = runner.processId!;
    await runner.close();
    assert.throws(() => process.kill(pid, 0), { code: "ESRCH" });
    await runner.close();
    await assert.rejects(runner.run(inputs), withCode("RUNNER_CRASHED"));
  });

  it("gives the process the environment it was told to, and nothing else", async () => {
    const runner = await ChildRunner.start(options());
    const { outputs } = await runner.run(act("environment"));
    assert.deepEqual(JSON.parse((outputs[0]!.data as string[])[0]!), { GIVEN: "yes" });
    await runner.close();
  });

  it("runs one batch at a time", async () => {
    const runner = await ChildRunner.start(options());
    const first = runner.run(act("echo"));
    await assert.rejects(runner.run(act("echo")), withCode("INTERNAL", /one batch at a time/));
    await first;
    await runner.run(act("echo"));
    await runner.close();
  });

  it("stays well when the model refuses values, and keeps the library's words in the cause", async () => {
    const runner = await ChildRunner.start(options());
    await assert.rejects(runner.run(act("refuse")), (error: AppError) => {
      assert.equal(error.code, "MODEL_RUN_FAILED");
      assert.equal(error.message, "No such category.");
      assert.deepEqual(error.problems, [{ path: "inputs.x", message: "unknown" }]);
      assert.match(String((error.cause as Error).message), /the library's words/);
      return true;
    });
    await assert.rejects(runner.run(act("bug")), (error: AppError) => {
      assert.equal(error.code, "INTERNAL");
      assert.doesNotMatch(error.message, /own bug/);
      return true;
    });
    assert.equal((await runner.run(act("echo"))).outputs.length, 1);
    await runner.close();
  });

  const ends: [string, RegExp][] = [
    ["crash", /signal SIGSEGV/],
    ["exit", /exit code 7/],
    ["uncaught", /exit code/],
  ];
  for (const [name, how] of ends) {
    it(`reports a process that ends by ${name}, with its last words`, async () => {
      const runner = await ChildRunner.start(options());
      const exit = exitOf(runner);
      await assert.rejects(runner.run(act(name)), (error: AppError) => {
        assert.equal(error.code, "RUNNER_CRASHED");
        assert.match(error.message, how);
        if (name === "crash") assert.match((error.cause as Error).message, /about to crash/);
        if (name === "uncaught") assert.match((error.cause as Error).message, /thrown outside/);
        return true;
      });
      assert.match(await exit, how);
      await assert.rejects(runner.run(act("echo")), withCode("RUNNER_CRASHED"));
      await runner.close();
    });
  }

  it("reports a process that somebody else kills in the middle of a run", async (t) => {
    const beacon = await listenForBeacon(t);
    const runner = await ChildRunner.start(options({}, [beacon.path]));
    const exit = exitOf(runner);
    await runner.run(act("beacon"));
    const run = runner.run(act("hang"));
    process.kill(runner.processId!, "SIGKILL");
    await assert.rejects(run, withCode("RUNNER_CRASHED", /signal SIGKILL/));
    assert.match(await exit, /SIGKILL/);
  });

  it("is killed in the middle of a run that never ends", async () => {
    const runner = await ChildRunner.start(options());
    const exit = exitOf(runner);
    const run = runner.run(act("hang"));
    runner.kill("it ran longer than allowed");
    await assert.rejects(run, withCode("RUNNER_CRASHED", /it ran longer than allowed/));
    assert.equal(await exit, "it ran longer than allowed");
    runner.kill("again");
    const late = await new Promise((resolve) => runner.onExit(resolve));
    assert.equal(late, "it ran longer than allowed");
  });

  for (const name of ["kill", "close"] as const) {
    it(`takes everything it started with it (${name})`, async (t) => {
      const beacon = await listenForBeacon(t);
      const runner = await ChildRunner.start(options({}, [beacon.path]));
      await runner.run(act("grandchild"));
      const grandchild = once(await beacon.connection, "close");
      await (name === "kill" ? runner.kill("enough") : runner.close());
      await grandchild;
    });
  }

  it("finishes the run under way before it closes", async () => {
    const runner = await ChildRunner.start(options());
    const run = runner.run(act("echo"));
    const closed = runner.close();
    assert.equal((await run).outputs.length, 1);
    await closed;
  });

  it("is killed when it does not close within the grace, also after a run under way", async () => {
    for (const inputs of [null, act("echo")]) {
      const runner = await ChildRunner.start(options({ path: "stubborn", closeGraceMs: 20 }));
      const run = inputs && runner.run(inputs);
      const closed = runner.close();
      await run;
      await closed;
      assert.throws(() => process.kill(runner.processId!, 0), { code: "ESRCH" });
    }
  });

  it("is killed when it has closed its socket and does not exit", async () => {
    const runner = await ChildRunner.start(options({ path: "hangs at exit", closeGraceMs: 2 ** 30 }));
    await runner.close();
    assert.throws(() => process.kill(runner.processId!, 0), { code: "ESRCH" });
  });

  it("leaves signals for the whole service to its parent", async () => {
    const runner = await ChildRunner.start(options());
    await runner.run(act("interrupt"));
    assert.equal((await runner.run(act("echo"))).outputs.length, 1);
    await runner.close();
  });

  it("hands output to the log, bounded", async () => {
    const lines: unknown[] = [];
    const logger: Logger = { ...silentLogger, warn: (event, fields) => event === "runner.output" && lines.push(fields?.line) };
    const runner = await ChildRunner.start(options({ logger }));
    await runner.run(act("babble"));
    await runner.close();
    assert.equal(lines.length, 2);
    assert.equal((lines[0] as string).length, 2000);
    assert.equal(lines[1], "last line");
  });

  it("counts large answers until they are released, and says when there is no room for another", async () => {
    const answers = new AnswerMemory(2 << 20);
    const runner = await ChildRunner.start(options({ answers }));
    const echo = (bytes: number) => runner.run([...act("echo"), { name: "x", datatype: "UINT8", shape: [bytes], data: new Uint8Array(bytes) }]);
    const large = await echo(3 << 20);
    assert.ok(answers.takenBytes > 3 << 20 && answers.takenBytes < 4 << 20, String(answers.takenBytes));
    assert.equal(runner.hasNoRoom, true);
    large.held!.release();
    assert.deepEqual([answers.takenBytes, runner.hasNoRoom], [0, false]);
    // Whoever answers little goes on beside the large ones of others.
    assert.equal((await echo(1000)).held, undefined);
    answers.take(5 << 20);
    assert.equal(runner.hasNoRoom, false);
    await runner.close();
  });

  it("refuses inputs beyond the frame limit, and goes on", async () => {
    const runner = await ChildRunner.start(options({ maxFrameBytes: 4096 }));
    await assert.rejects(runner.run([...act("echo"), { name: "x", datatype: "UINT8", shape: [5000], data: new Uint8Array(5000) }]), withCode("MODEL_RUN_FAILED"));
    assert.equal((await runner.run(act("echo"))).outputs.length, 1);
    await runner.close();
  });

  describe("at its start", () => {
    const failures: [string, Partial<ChildRunnerOptions>, string, RegExp][] = [
      ["the runner refuses the model", { path: "refused" }, "MODEL_OPERATOR_UNSUPPORTED", /operator X/],
      ["the process exits", { path: "exit" }, "RUNNER_CRASHED", /exit code 3/],
      ["loading hangs", { path: "hang", startTimeoutMs: 300 }, "VERSION_FAILED", /within 300 ms/],
      ["there is no such program", { command: { executable: join(directory, "nothing"), arguments: [], environment: {} } }, "RUNNER_CRASHED", /could not be started/],
      ["the protocol is another", saying({ type: "hello", protocol: 9, runtime: "x" }), "VERSION_FAILED", /protocol 9/],
      ["it speaks no protocol at all", saying("HTTP/1.1 200 OK\r\n"), "RUNNER_CRASHED", /broke the protocol/],
      ["it sends an error without an error", saying({ type: "error" }), "RUNNER_CRASHED", /broke the protocol/],
      ["it sends a message that nobody knows", saying({ type: "what" }), "RUNNER_CRASHED", /broke the protocol/],
    ];
    for (const [name, overrides, code, message] of failures) {
      it(`rejects when ${name}`, async () => {
        await assert.rejects(ChildRunner.start(options(overrides)), withCode(code, message));
      });
    }

    it("keeps the reason of a process that exits in the cause", async () => {
      await assert.rejects(ChildRunner.start(options({ path: "exit" })), (error: AppError) => /no such library/.test((error.cause as Error).message));
    });
  });

  it("starts and closes again and again without leaving anything open", async () => {
    const before = openResources();
    for (let round = 0; round < 5; round++) {
      const runner = await ChildRunner.start(options());
      await runner.close();
    }
    await openResourcesAtMost(before);
  });

  it("ends when its parent is killed, even in the middle of a run that never ends", async (t) => {
    const beacon = await listenForBeacon(t);
    const parentScript = join(directory, "parent.mjs");
    writeFileSync(
      parentScript,
      `import { ChildRunner } from ${moduleUrl("./child-runner.ts")};
       const logger = { info() {}, warn() {}, error() {} };
       const runner = await ChildRunner.start(${JSON.stringify({ ...options({}, [beacon.path]), logger: undefined })} );
       const act = (name) => [{ name: "act", datatype: "BYTES", shape: [1], data: [name] }];
       await runner.run(act("beacon"));
       void runner.run(act("hang"));
       setImmediate(() => process.stdout.write("running"));`,
    );
    const parent = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", parentScript], { stdio: ["ignore", "pipe", "inherit"] });
    await once(parent.stdout, "data");
    const connection = await beacon.connection;
    parent.kill("SIGKILL");
    await once(connection, "close");
  });
});

/** A process that sends this message, or this text as it is, and waits. */
function saying(message: object | string): Partial<ChildRunnerOptions> {
  const bytes = typeof message === "string" ? Buffer.from(message) : Buffer.concat(encodeFrame(message, []));
  const source = `require("node:fs").writeSync(3, Buffer.from("${bytes.toString("base64")}", "base64")); setInterval(() => {}, 1000)`;
  return { command: { executable: process.execPath, arguments: ["-e", source], environment: {} } };
}
