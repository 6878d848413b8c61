import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { slipwayVersion } from "../core/version.ts";

const run = (...parameters: string[]): Promise<{ stdout: string; stderr: string }> => promisify(execFile)(process.execPath, [join(import.meta.dirname, "../main.ts"), ...parameters]);

test("a command's own --version is its own, before and behind what it is for", async (context) => {
  const bodies: unknown[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      bodies.push(JSON.parse(Buffer.concat(chunks).toString()));
      response.setHeader("Content-Type", "application/json");
      response.end(JSON.stringify({ id: "rol_1", model: "m", state: "preparing", candidate: "2", stable: "1" }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  context.after(() => server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  await run("rollout", "start", "m", "--version", "2", "--canary", "10", "--url", url);
  const { stdout } = await run("--url", url, "rollout", "start", "--version=3", "m", "--json");
  assert.deepEqual(bodies, [{ version: "2", canary: 10 }, { version: "3" }]);
  assert.equal((JSON.parse(stdout) as { id: string }).id, "rol_1");
});

test("the program's version is told to who asks for nothing else", async () => {
  for (const flag of ["--version", "-V"]) assert.equal((await run(flag)).stdout, `${slipwayVersion}\n`);
  assert.match((await run("--help")).stdout, /slipway --version/);
});

test("names that others chose move no cursor, set no title and begin no line of their own", async (context) => {
  const hostile = "\u001b]0;owned\u0007\u001b[2J\u009b31m\u202egnp\r\nfake  line\u2028x";
  const summary = {
    traceId: "0af7651916cd43dd8448eb211c80319c", team: "default", name: hostile, service: null, status: "ok", start: 0, durationMs: 1, spans: 1, errors: 0, inputTokens: null, outputTokens: null, cost: null, models: [hostile], session: hostile, user: null,
    inputPreview: null, outputPreview: null, experiment: null, tags: {}, feedback: 0,
  };
  let status = 200;
  const server = createServer((_request, response) => {
    response.statusCode = status;
    response.setHeader("Content-Type", "application/json");
    response.end(JSON.stringify(status === 200 ? { traces: [summary], next: null, searchedUntil: null } : { error: { code: "TRACE_NOT_FOUND", message: `There is no ${hostile}`, hint: hostile, requestId: "r", problems: [] } }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  context.after(() => server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const controls = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/;
  const table = (await run("--url", url, "traces")).stdout;
  assert.deepEqual([controls.test(table), table.split("\n").length, table.includes("\\u001b]0;owned\\u0007\\u001b[2J")], [false, 3, true], table);
  const json = (await run("--url", url, "traces", "--json")).stdout;
  assert.deepEqual([controls.test(json), (JSON.parse(json) as { traces: { name: string }[] }).traces[0]!.name], [false, hostile]);
  status = 404;
  const failed = await run("--url", url, "traces").then(() => assert.fail("it fails"), (error: unknown) => error as { stderr: string });
  assert.deepEqual([/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e]/.test(failed.stderr.replaceAll("\r", "")), failed.stderr.includes("\\u001b[2J")], [false, true], failed.stderr);
});

test("advice stands where it adds something to the message", async (context) => {
  const server = createServer((_request, response) => {
    response.statusCode = 404;
    response.setHeader("Content-Type", "application/json");
    response.end(JSON.stringify({ error: { code: "TRACE_NOT_FOUND", message: "There is none.", hint: "Look elsewhere.", requestId: "r", problems: [] } }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  context.after(() => server.close());
  const failed = (...parameters: string[]) => run(...parameters).then(() => assert.fail("it fails"), ({ stderr }: { stderr: string }) => stderr);
  assert.equal(await failed("prices", "set", "openai", "gpt-5", "--input", "many", "--output", "1"), "Error INVALID_REQUEST: many is not an amount of dollars such as 2.5.\n");
  assert.match(await failed("--url", `http://127.0.0.1:${(server.address() as AddressInfo).port}`, "costs"), /^Error [A-Z_]+: There is none\.\n {2}What to do: \S/);
});

test("a command whose reader left ends as other programs do, without a word", async (context) => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const child = spawn(process.execPath, [join(import.meta.dirname, "../main.ts"), "prices", "--json", "--url", `http://127.0.0.1:${(server.address() as AddressInfo).port}`]);
  context.after(() => (child.kill(), server.close()));
  const [ended, told] = [once(child, "exit"), child.stderr.toArray()];
  const [, response] = (await once(server, "request")) as [IncomingMessage, ServerResponse];
  child.stdout.destroy();
  await once(child.stdout, "close");
  response.setHeader("Content-Type", "application/json");
  response.end(JSON.stringify({ set: [], table: { version: "2026-01-01", prices: [] } }));
  assert.deepEqual([(await ended)[0], Buffer.concat((await told) as Buffer[]).toString()], [141, ""]);
});
