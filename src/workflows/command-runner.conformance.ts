import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { afterEach, beforeEach, describe, it } from "node:test";
import { AppError } from "../core/errors.ts";
import type { CommandResult, CommandRunner, CommandSpec } from "./command-runner.ts";

/** What the suite must know of an adapter. Its grace between SIGTERM and SIGKILL is at least a second. */
export interface CommandRunnerHarness {
  runner: CommandRunner;
  /** Working folders that are there. */
  countFolders(): Promise<number>;
  close(): Promise<void>;
}

const python = spawnSync("python3", ["--version"]).status === 0 ? false : "python3 is not installed";
const linux = process.platform === "linux" ? false : "the system does not list its processes under /proc";

function failsWith(message: RegExp) {
  return (error: unknown) => {
    assert.ok(error instanceof AppError, String(error));
    assert.equal(error.code, "STEP_FAILED");
    assert.match(error.message, message);
    return true;
  };
}

/** Answers once `isTrue` does; the test's own time limit ends it. */
async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise((resolve) => setTimeout(resolve, 10));
}

/** Whether the process is there and no zombie: the machine's first process may leave those unreaped. */
function isAlive(id: number): boolean {
  try {
    process.kill(id, 0);
    return linux !== false || !/\) [ZX] /.test(readFileSync(`/proc/${id}/stat`, "latin1"));
  } catch {
    return false;
  }
}

export function commandRunnerConformance(adapter: string, open: () => Promise<CommandRunnerHarness>): void {
  describe(`CommandRunner: ${adapter}`, { timeout: 300_000 }, () => {
    let harness: CommandRunnerHarness;
    let lines: string[];
    let stop: AbortController;

    beforeEach(async () => {
      harness = await open();
      lines = [];
      stop = new AbortController();
    });
    afterEach(async () => {
      // Whatever a test did, nothing of it stays.
      assert.equal(await harness.countFolders(), 0);
      await harness.close();
    });

    function run(spec: CommandSpec, environment?: Record<string, string>): Promise<CommandResult> {
      return harness.runner.run(spec, { signal: stop.signal, ...(environment && { environment }), onLine: (stream, line) => lines.push(`${stream} ${line}`) });
    }
    const shell = (script: string, more: Partial<CommandSpec> = {}): Promise<CommandResult> => run({ command: ["sh", "-c", script], ...more });
    const node = (script: string, more: Partial<CommandSpec> = {}): Promise<CommandResult> => run({ command: [process.execPath, "-e", script], ...more });

    describe("inputs and outputs", () => {
      it("hands over input, files and environment, and takes the output", async () => {
        const script = `
          const { readFileSync, writeFileSync } = require("node:fs");
          const input = JSON.parse(readFileSync(process.env.SLIPWAY_INPUT, "utf8"));
          writeFileSync(process.env.SLIPWAY_OUTPUT, JSON.stringify({ input, file: readFileSync("data/rows.csv", "utf8"), given: process.env.GIVEN, engine: process.env.ENGINE }));`;
        const input = { text: "ü \u2028 \"", list: [1, null, true], number: -0.1 };
        const { output, exitCode, durationMs } = await run(
          { command: [process.execPath, "-e", script], input, files: { "data/rows.csv": "a,b\n1,2\n" }, environment: { GIVEN: "yes" } },
          { ENGINE: "run" },
        );
        assert.deepEqual(output, { input, file: "a,b\n1,2\n", given: "yes", engine: "run" });
        assert.equal(exitCode, 0);
        assert.ok(durationMs >= 0);
      });

      it("passes arguments as they are, to no shell", async () => {
        const odd = ["a b", "$HOME", "`id`", "; exit 3", "*", "", "-n", "--", "\"'\\", "ü\n2", "$(exit 4)"];
        const script = `require("node:fs").writeFileSync(process.env.SLIPWAY_OUTPUT, JSON.stringify(process.argv.slice(1)))`;
        const { output } = await run({ command: [process.execPath, "-e", script, "--", ...odd] });
        assert.deepEqual(output, odd);
      });

      it("gives nothing of the server's own environment", async () => {
        process.env.SLIPWAY_SECRET_KEY = "the server's secret";
        try {
          await shell(`tr '\\0' '\\n' < /proc/self/environ 2>/dev/null || env`);
        } finally {
          delete process.env.SLIPWAY_SECRET_KEY;
        }
        assert.ok(lines.some((line) => line.startsWith("stdout SLIPWAY_INPUT=")));
        assert.doesNotMatch(lines.join("\n"), /secret/i);
      });

      it("answers null for a program that writes no output, and has no input when none is given", async () => {
        assert.equal((await shell(`test "$(cat "$SLIPWAY_INPUT")" = null`)).output, null);
      });

      it("gives a closed stdin and an own current directory", async () => {
        await shell(`test -z "$(cat)" && pwd && touch here`);
        const [first] = lines;
        await shell("pwd; test ! -e here");
        assert.notEqual(lines[1], first);
      });

      const wrongOutputs: [string, string, RegExp][] = [
        ["text", "echo hello > $SLIPWAY_OUTPUT", /not one JSON document/],
        ["nothing", ": > $SLIPWAY_OUTPUT", /not one JSON document/],
        ["no UTF-8", `printf '"\\377"' > $SLIPWAY_OUTPUT`, /not one JSON document/],
        ["half a document", `printf '{"a":' > $SLIPWAY_OUTPUT`, /not one JSON document/],
        ["too much", "head -c 5000000 /dev/zero > $SLIPWAY_OUTPUT", /5000000 bytes, and 1000000 are allowed/],
        ["a hole as large as a disk", "truncate -s 1000G $SLIPWAY_OUTPUT", /bytes, and 1000000 are allowed/],
        ["a link", "echo 1 > real; ln -s $PWD/real $SLIPWAY_OUTPUT", /not a regular file/],
        ["a link to a device", "ln -s /dev/zero $SLIPWAY_OUTPUT", /not a regular file/],
        ["a pipe", "mkfifo $SLIPWAY_OUTPUT", /not a regular file/],
        ["a folder", "mkdir $SLIPWAY_OUTPUT", /not a regular file/],
        ["deep nesting", `head -c 100000 /dev/zero | tr '\\0' '[' > $SLIPWAY_OUTPUT`, /deeper than/],
      ];
      for (const [what, script, message] of wrongOutputs) {
        it(`refuses ${what} as output`, () => assert.rejects(shell(script, { maxOutputBytes: 1_000_000 }), failsWith(message)));
      }

      for (const path of ["../out", "/etc/out", "a/../../out", "a//b", "", ".", "a\\b", "a\0b", "a/"]) {
        it(`refuses a file at ${JSON.stringify(path)}`, () => assert.rejects(shell("true", { files: { [path]: "x" } }), failsWith(/not a relative path/)));
      }

      it("refuses NUL in arguments and variables, and odd names of variables", async () => {
        await assert.rejects(run({ command: ["echo", "a\0b"] }), failsWith(/NUL/));
        await assert.rejects(shell("true", { environment: { A: "a\0b" } }), failsWith(/NUL/));
        await assert.rejects(shell("true", { environment: { "A=B": "c" } }), failsWith(/no name/));
      });
    });

    describe("failures", () => {
      it("tells the exit code and the last words", async () => {
        await assert.rejects(shell("echo fine; echo 'no such column: fare' >&2; exit 3"), failsWith(/^sh ended with exit code 3: no such column: fare$/));
        assert.deepEqual(lines.toSorted(), ["stderr no such column: fare", "stdout fine"]);
      });

      it("tells the signal", async () => {
        await assert.rejects(shell("kill -SEGV $$"), failsWith(/^sh ended with signal SIGSEGV\.$/));
      });

      it("says that a program is not there, or may not be run", async () => {
        await assert.rejects(run({ command: ["no-such-program-here"] }), failsWith(/no program "no-such-program-here"/));
        await assert.rejects(run({ command: ["./given.sh"], files: { "given.sh": "true" } }), failsWith(/may not be run/));
      });

      it("runs on after its output was closed, and fails with its own code", async () => {
        await assert.rejects(shell("exec >&- 2>&-; sleep 0.1; exit 9"), failsWith(/exit code 9\.$/));
      });

      it("fails by a Python exception with its last line", { skip: python }, async () => {
        await assert.rejects(run({ command: ["python3", "-c", "raise ValueError('too few rows')"] }), failsWith(/^python3 ended with exit code 1: [^]*ValueError: too few rows$/));
      });
    });

    describe("lines", () => {
      it("keeps their order and their stream, and takes the last one without its end", async () => {
        await shell("printf 'one\\ntwo\\r\\n\\nthree'");
        assert.deepEqual(lines, ["stdout one", "stdout two", "stdout three"]);
      });

      it("keeps whole characters that are written in halves, and replaces those that stay halves, and NUL", async () => {
        await node(`process.stdout.write(Buffer.from([0xe2, 0x82])); setTimeout(() => { process.stdout.write(Buffer.from([0xac, 10])); process.stdout.write(Buffer.from([0x61, 0, 0xe2, 0x82])); }, 50)`);
        assert.deepEqual(lines, ["stdout €", "stdout a\uFFFD\uFFFD"]);
      });

      it("keeps the last state of a progress bar", async () => {
        await shell("printf '10%%\\r20%%\\r100%%\\n'");
        assert.deepEqual(lines, ["stdout 100%"]);
      });

      it("cuts a line at 4,000 characters, between characters", async () => {
        await node(`console.log("x".repeat(4000)); console.log("x" + "😀".repeat(4000)); console.log("ü".repeat(4001)); console.log("end")`);
        assert.equal(lines.length, 4);
        assert.equal(lines[0], `stdout ${"x".repeat(4000)}`);
        for (const line of lines.slice(1, 3)) {
          assert.ok(line.length <= 4000 + "stdout ".length);
          assert.ok(line.endsWith("…"));
          assert.ok(line.isWellFormed());
          assert.doesNotMatch(line, /\uFFFD/);
        }
        assert.equal(lines[3], "stdout end");
      });

      it("takes a line of 400 megabytes in little memory", async () => {
        const before = process.memoryUsage().rss;
        await shell("head -c 400000000 /dev/zero | tr '\\0' x; echo; echo end");
        assert.equal(lines.length, 2);
        assert.ok(lines[0]!.length <= 4007);
        assert.equal(lines[1], "stdout end");
        assert.ok(process.memoryUsage().rss - before < 150 << 20);
      });

      it("leaves out what comes faster than it is taken, says how many lines, and stays awake", async () => {
        const count = 300_000;
        let turns = 0;
        const heart = setInterval(() => turns++, 5);
        await shell(`yes "a line of the flood" | head -n ${count}; echo error >&2`);
        clearInterval(heart);
        const leftOut = lines.reduce((sum, line) => sum + Number(/\[(\d+) lines? (?:was|were) left out/.exec(line)?.[1] ?? 0), 0);
        const taken = lines.filter((line) => line === "stdout a line of the flood").length;
        assert.equal(taken + leftOut, count);
        assert.ok(leftOut > 0 && taken >= 1000);
        assert.ok(lines.includes("stderr error"));
        assert.ok(turns > 5, `the event loop turned ${turns} times`);
      });
    });

    describe("ends", () => {
      /** Starts a program that says the ids of its processes, and answers with them when it has said so many. */
      async function started(work: Promise<unknown>, count: number): Promise<{ outcome: Promise<unknown>; ids: number[] }> {
        const outcome = work.then(() => null, (error: unknown) => error);
        const ids = (): number[] => lines.flatMap((line) => /^stdout process (\d+)$/.exec(line)?.[1] ?? []).map(Number);
        await until(() => ids().length >= count);
        return { outcome, ids: ids() };
      }

      it("ends the group when it is told to stop, and fails with the reason", async () => {
        const { outcome, ids } = await started(shell("echo process $$; sh -c 'echo process $$; sleep 1000' & wait"), 2);
        const reason = new AppError("STEP_TIMEOUT", "enough");
        stop.abort(reason);
        assert.equal(await outcome, reason);
        for (const id of ids) assert.ok(!isAlive(id));
      });

      it("lets a program end by itself after SIGTERM", async () => {
        const { outcome } = await started(shell("trap 'echo cleaned up; exit 0' TERM; echo process $$; while :; do sleep 0.05; done"), 1);
        stop.abort(new AppError("RUN_CANCELLED", "enough"));
        assert.ok((await outcome) instanceof AppError);
        assert.ok(lines.includes("stdout cleaned up"));
      });

      it("kills a program that ignores SIGTERM", async () => {
        const { outcome, ids } = await started(shell("trap '' TERM; echo process $$; while :; do sleep 0.05; done"), 1);
        stop.abort(new AppError("RUN_CANCELLED", "enough"));
        assert.equal(((await outcome) as AppError).code, "RUN_CANCELLED");
        assert.ok(!isAlive(ids[0]!));
      });

      it("does not start when it is told to stop before", async () => {
        const reason = new AppError("RUN_CANCELLED", "enough");
        stop.abort(reason);
        await assert.rejects(shell("echo started"), (error) => error === reason);
        assert.deepEqual(lines, []);
      });

      it("ends what a program leaves behind in its group", async () => {
        await shell("sh -c 'echo process $$; echo x > said; exec sleep 1000' & while ! test -s said; do sleep 0.01; done");
        const ids = lines.flatMap((line) => /process (\d+)/.exec(line)?.[1] ?? []).map(Number);
        assert.equal(ids.length, 1);
        assert.ok(!isAlive(ids[0]!));
      });

      it("ends a daemon that has left the group and the output", { skip: linux }, async () => {
        const daemon = `process.title; const { spawn } = require("node:child_process");
          const child = spawn("sleep", ["1000"], { detached: true, stdio: "ignore" }); child.unref(); console.log("process " + child.pid);`;
        await node(daemon);
        const ids = lines.flatMap((line) => /process (\d+)/.exec(line)?.[1] ?? []).map(Number);
        assert.equal(ids.length, 1);
        assert.ok(!isAlive(ids[0]!));
      });

      it("gives no program a child that it did not start", { skip: python }, async () => {
        const { output } = await run({ command: ["python3", "-c", `
import json, os
try:
    found = os.wait()
except ChildProcessError:
    found = None
json.dump(found, open(os.environ["SLIPWAY_OUTPUT"], "w"))`] });
        assert.equal(output, null);
      });

      it("removes what cannot be opened", async () => {
        await shell("mkdir -p deep/er; touch deep/er/file; chmod 000 deep/er; chmod 500 deep");
      });
    });

    describe("limits", () => {
      it("ends a program that forks without end", { skip: linux || python }, async () => {
        // Stops by itself at 3,000 lest a broken runner take the machine with it.
        const work = run({ maxProcesses: 40, command: ["python3", "-c", `
import os, time
for number in range(3000):
    try:
        if os.fork() == 0:
            time.sleep(600)
            os._exit(0)
    except OSError:
        pass
    time.sleep(0.001)
time.sleep(600)`] });
        await assert.rejects(work, failsWith(/more than 41 processes and threads/));
      });

      it("ends a program that takes memory without end", { skip: linux || python }, async () => {
        const work = run({ maxMemoryBytes: 200 << 20, command: ["python3", "-c", `
import time
held = []
for number in range(2000):
    held.append(bytearray(b"x") * (1 << 20))
    time.sleep(0.002)
time.sleep(600)`] });
        await assert.rejects(work, failsWith(/more than 200 MiB of memory|MemoryError/));
      });

      it("sees the memory of what a program starts", { skip: linux }, async () => {
        const child = `const held = []; setInterval(() => { if (held.length < 60) held.push(Buffer.alloc(1 << 23, 1)); }, 10)`;
        const work = shell(`"${process.execPath}" -e '${child}' & wait`, { maxMemoryBytes: 200 << 20 });
        await assert.rejects(work, failsWith(/more than 200 MiB of memory/));
      });

      it("lets Node and Python run within a limit that they keep to", { skip: python }, async () => {
        await node("0", { maxMemoryBytes: 256 << 20 });
        await run({ command: ["python3", "-c", "import json, subprocess, threading"], maxMemoryBytes: 256 << 20 });
      });
    });
  });
}
