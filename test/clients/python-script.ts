import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import type { RunningServer } from "../kit/running-server.ts";

const program = fileURLToPath(new URL("../../bin/slipway.js", import.meta.url));
/** A script that takes longer hangs. */
const limitMs = 240_000;

/** Python with what requirements.txt lists. Throws when it is missing: these tests are never skipped. */
function python(): string {
  const path = process.env.SLIPWAY_TEST_PYTHON ?? fileURLToPath(new URL("../../.venv/bin/python", import.meta.url));
  if (existsSync(path)) return path;
  throw new Error(
    `There is no Python at ${path}. Make one with: python3 -m venv .venv && .venv/bin/pip install -r test/clients/requirements.txt, ` +
      "or name another in SLIPWAY_TEST_PYTHON.",
  );
}

/** Trains and exports the named models of models.py, or all of them, into `directory`. */
export async function trainModels(directory: string, ...names: string[]): Promise<void> {
  const { code, errors } = await runPython("models.py", [directory, ...names], () => undefined);
  assert.equal(code, 0, `Training failed:\n${errors}`);
}

/**
 * Runs a script against a server; each line that it prints is a subtest. Fails too when the script ends badly, prints
 * something else, or checks nothing. `directory` is where the trained models are and the script may write; `words` follow
 * on its command line.
 */
export async function runChecks(test: TestContext, script: string, server: RunningServer, directory: string, ...words: string[]): Promise<void> {
  const target = {
    url: server.url,
    http: `127.0.0.1:${server.httpPort}`,
    grpc: `127.0.0.1:${server.grpcPort}`,
    program: [process.execPath, program],
    directory,
    data: join(server.directory, "data"),
  };
  const reports: { check: string; ok: boolean; reason?: string }[] = [];
  const subtests: Promise<void>[] = [];
  const { code, errors } = await runPython(script, [JSON.stringify(target), ...words], (line) => {
    const report = JSON.parse(line) as (typeof reports)[number];
    reports.push(report);
    subtests.push(test.test(report.check, () => assert.ok(report.ok, report.reason)));
  });
  await Promise.all(subtests);
  assert.ok(reports.length > 0, `${script} checked nothing:\n${errors}`);
  assert.equal(code, reports.every(({ ok }) => ok) ? 0 : 1, `${script} ended with ${code}:\n${errors}`);
}

/** Answers with the exit code and what was printed to stderr. */
function runPython(script: string, words: readonly string[], onLine: (line: string) => void): Promise<{ code: number | null; errors: string }> {
  const child = spawn(python(), [fileURLToPath(new URL(script, import.meta.url)), ...words], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, PYTHONDONTWRITEBYTECODE: "1", PYTHONUTF8: "1" },
    timeout: limitMs,
  });
  let errors = "";
  child.stderr.on("data", (part: Buffer) => (errors = `${errors}${part.toString()}`.slice(-20_000)));
  return new Promise((resolve, reject) => {
    const lines = createInterface({ input: child.stdout });
    lines.on("line", (line) => {
      try {
        onLine(line);
      } catch (cause) {
        reject(new Error(`${script} printed something else than a check: ${line}`, { cause }));
        child.kill();
      }
    });
    child.once("error", reject);
    let code: number | null = null;
    child.once("exit", (exitCode) => (code = exitCode));
    let pending = 2; // the end of the process and the end of its lines, whichever comes last
    const ended = (): void => {
      if (--pending === 0) resolve({ code, errors });
    };
    child.once("close", ended);
    lines.once("close", ended);
  });
}
