import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { program } from "../kit/program.ts";
import type { RunningServer } from "../kit/running-server.ts";

/** A script that takes longer hangs. */
const limitMs = 240_000;

/** The environments of the tests: what requirements.txt lists, and the oldest MLflow client that is supported. */
const environments = {
  current: { variable: "SLIPWAY_TEST_PYTHON", folder: ".venv", requirements: "test/clients/requirements.txt" },
  mlflow2: { variable: "SLIPWAY_TEST_PYTHON_MLFLOW2", folder: ".venv-mlflow2", requirements: "test/clients/requirements-mlflow2.txt" },
} as const;
export type PythonEnvironment = keyof typeof environments;

/** Its interpreter. Throws when it is missing: these tests are never skipped. */
export function pythonOf(environment: PythonEnvironment = "current"): string {
  const { variable, folder, requirements } = environments[environment];
  const path = process.env[variable] ?? fileURLToPath(new URL(`../../${folder}/bin/python`, import.meta.url));
  if (existsSync(path)) return path;
  throw new Error(`There is no Python at ${path}. Make one with: python3 -m venv ${folder} && ${folder}/bin/pip install -r ${requirements}, or name another in ${variable}.`);
}

/** For every Python of these tests. `startup` is on its path, so that what is in there runs first. */
export const pythonEnvironment = { PYTHONDONTWRITEBYTECODE: "1", PYTHONUTF8: "1", PYTHONPATH: fileURLToPath(new URL("startup", import.meta.url)) };

/**
 * Runs a script against a server; each line that it prints is a subtest. Fails too when the script ends badly, prints
 * something else, or checks nothing. `directory` is where the trained models are and the script may write; `words` follow
 * on its command line.
 */
export function runChecks(test: TestContext, script: string, server: RunningServer, directory: string, ...words: string[]): Promise<void> {
  return runChecksIn("current", test, script, server, directory, ...words);
}

/** The same with the interpreter of another environment. */
export async function runChecksIn(environment: PythonEnvironment, test: TestContext, script: string, server: RunningServer, directory: string, ...words: string[]): Promise<void> {
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
  const { code, errors } = await runPython(environment, directory, script, [JSON.stringify(target), ...words], (line) => {
    const report = JSON.parse(line) as (typeof reports)[number];
    reports.push(report);
    subtests.push(test.test(report.check, () => assert.ok(report.ok, report.reason)));
  });
  await Promise.all(subtests);
  assert.ok(reports.length > 0, `${script} checked nothing:\n${errors}`);
  assert.equal(code, reports.every(({ ok }) => ok) ? 0 : 1, `${script} ended with ${code}:\n${errors}`);
}

/** Runs it in `directory`, where MLflow leaves files of its own. Answers with the exit code and what was printed to stderr. */
function runPython(environment: PythonEnvironment, directory: string, script: string, words: readonly string[], onLine: (line: string) => void): Promise<{ code: number | null; errors: string }> {
  const child = spawn(pythonOf(environment), [fileURLToPath(new URL(script, import.meta.url)), ...words], {
    cwd: directory,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...pythonEnvironment },
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
