import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createServer } from "node:http";
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
