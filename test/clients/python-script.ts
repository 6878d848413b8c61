import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { program } from "../kit/program.ts";
import type { RunningServer } from "../kit/running-server.ts";
import { runScript } from "./script-host.ts";

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
  const { code, errors } = await runScript(pythonOf(environment), { ...process.env, ...pythonEnvironment }, {
    script: fileURLToPath(new URL(script, import.meta.url)), words: [JSON.stringify(target), ...words], directory,
    onReport(line) {
      const report = line as (typeof reports)[number];
      reports.push(report);
      subtests.push(test.test(report.check, () => assert.ok(report.ok, report.reason)));
    },
  });
  await Promise.all(subtests);
  assert.ok(reports.length > 0, `${script} checked nothing:\n${errors}`);
  assert.equal(code, reports.every(({ ok }) => ok) ? 0 : 1, `${script} ended with ${code}:\n${errors}`);
}
