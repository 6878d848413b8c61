import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { errorCatalogue } from "../../src/core/error-catalogue.ts";
import { betweenLooks } from "../kit/between-looks.ts";
import type { RunningServer } from "../kit/running-server.ts";
import { hangMs, type HttpReply } from "./http-caller.ts";

/** What no caller may read: stacks, files of the machine, and texts of the libraries below. */
const leaks: readonly RegExp[] = [
  /\n\s+at /, /file:\/\//, /node_modules/, /\.(ts|js|cpp|cc|h):\d/, /\/(home|tmp|root|usr|var|etc|proc|work)\//, /slipway-test-/, /slipway\.db/,
  /something went wrong/i, /\b(Type|Range|Syntax|Reference)Error\b/, /\bE(NOENT|ACCES|ISDIR|CONNRESET|PIPE|NAMETOOLONG)\b/, /Unexpected (token|end of)/,
  /cannot read propert/i, /is not a function/, /onnx ?runtime/i, /ORT_|INVALID_ARGUMENT :|Non-zero status/, /protobufjs|index out of range/, /duckdb|sqlite/i,
  /zlib|Z_[A-Z]+_ERROR|incorrect (header|data) check/, /\[object Object\]/, /(^|[^A-Za-z])undefined([^A-Za-z]|$)/,
];

/** The reason in an answer: the text of the protocols' `{"error": text}`, or the message of Slipway's own errors. */
export function reasonOf(reply: HttpReply): string {
  const { error } = JSON.parse(reply.text) as { error: string | { message: string } };
  return typeof error === "string" ? error : error.message;
}

export function assertReason(reason: string, description: string): void {
  assert.equal(typeof reason, "string", description);
  assert.ok(reason.length >= 10, `${description}: the reason is only ${JSON.stringify(reason)}`);
  assert.ok(reason.length < 20_000, `${description}: the reason has ${reason.length} characters`);
  for (const leak of leaks) assert.doesNotMatch(reason, leak, description);
}

/** 4xx, with a code of the catalogue that has this status, and a reason in words. */
export function assertRefused(reply: HttpReply, description: string): void {
  assert.ok(reply.status >= 400 && reply.status <= 499, `${description}: answered ${reply.status} ${reply.text.slice(0, 500)}`);
  const code = reply.headers["x-error-code"] ?? "";
  assert.ok(Object.hasOwn(errorCatalogue, code), `${description}: the code is ${JSON.stringify(code)}`);
  assert.equal(errorCatalogue[code as keyof typeof errorCatalogue].status, reply.status, description);
  assertReason(reasonOf(reply), description);
}

/** Files and directories below the server's own directory, sorted, without what the prediction log writes by itself. */
export async function treeOf(server: RunningServer): Promise<string[]> {
  const entries = await readdir(server.directory, { recursive: true });
  return entries.map((path) => path.replaceAll("\\", "/")).filter((path) => !ownLogFile.test(path)).sort();
}

/** What the prediction log writes when a segment is a minute old, under no name but these. */
const ownLogFile =
  /^data\/(prediction-segments(\/staging|\/[0-9]+-[0-9a-f]+\.segment)?|predictions(\/model=[A-Za-z0-9._-]+(\/version=[0-9]+(\/[0-9]+-[0-9a-f]+\.[0-9]+-[0-9]+\.parquet)?)?)?)$/;

/** Health, readiness, models and runners after whatever was done to the server. */
export async function assertWell(server: RunningServer): Promise<void> {
  assert.equal(server.process.exitCode, null, "the server process has ended");
  for (const path of ["/health", "/ready", "/metrics", "/v2/health/ready"]) {
    assert.equal((await fetch(server.url + path)).status, 200, path);
  }
  await assertIdle(server);
  for (const { name, served } of await server.client.models()) {
    for (const { state, runners } of served) assert.deepEqual([state, runners.restarts], ["ready", 0], `the served version of ${name}`);
  }
  const failures = server.logLines.filter((line) => line.includes('"code":"INTERNAL"') || /uncaught|unhandled/i.test(line));
  assert.deepEqual(failures, []);
}

/** Waits until no row waits for a runner: what callers left behind is dropped, and what is under way ends. */
export async function assertIdle(server: RunningServer): Promise<void> {
  const latest = performance.now() + hangMs;
  for (;;) {
    const waiting = (await server.client.models()).flatMap(({ served }) => served).filter(({ queueRows }) => queueRows > 0);
    if (waiting.length === 0) return;
    assert.ok(performance.now() < latest, `rows still wait: ${waiting.map(({ model, queueRows }) => `${model} ${queueRows}`).join(", ")}`);
    await betweenLooks();
  }
}

/** Resident memory of the server's process in MiB, as it says itself. */
export async function residentMebibytes(server: RunningServer): Promise<number> {
  const metrics = await (await fetch(`${server.url}/metrics`)).text();
  return Number(/^process_resident_memory_bytes ([0-9.e+]+)$/m.exec(metrics)![1]) / 2 ** 20;
}
