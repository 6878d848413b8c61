import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { startServer, type RunningServer } from "../kit/running-server.ts";
import { until } from "./faulty-server.ts";

/** A workflow as somebody would write it; what it did is told by files in the folder `marks`. */
const definitions = (marks: string): string => `
  import { appendFileSync } from "node:fs";
  import { workflow, z } from ${JSON.stringify(new URL("../../src/index.ts", import.meta.url).href)};

  export const interrupted = workflow({
    name: "interrupted", version: 1, description: "Runs a program that ends when it is allowed to", input: z.strictObject({ name: z.string() }),
    async run(context, { name }) {
      await context.step("once", () => appendFileSync(${JSON.stringify(marks)} + "/" + name + "-once", "x"));
      const script = 'echo process $$; while ! test -e "$1"; do sleep 0.02; done';
      await context.command("wait", { command: ["sh", "-c", script, "sh", ${JSON.stringify(marks)} + "/" + name + "-go"] });
      return "done";
    },
  });
`;

/** It may be gone between any two questions. */
function isAlive(id: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${id}/stat`, "latin1"));
  } catch {
    return false;
  }
}

/** The process that the command of a run said it has, `count` times: once for each attempt. */
async function processesOf(server: RunningServer, run: string, count = 1): Promise<number[]> {
  let said: number[] = [];
  await until(async () => {
    said = (await server.client.workflows.logs(run)).flatMap(({ line }) => /^process (\d+)$/.exec(line)?.[1] ?? []).map(Number);
    return said.length >= count;
  });
  return said;
}

describe("workflows of a server that ends", { timeout: 300_000 }, () => {
  let directory: string;
  let marks: string;
  let server: RunningServer;
  const flags = (): string[] => ["--workflows", join(directory, "definitions.mts")];

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "slipway-workflows-"));
    marks = join(directory, "marks");
    await mkdir(marks);
    await writeFile(join(directory, "definitions.mts"), definitions(marks));
    server = await startServer({ directory, flags: flags() });
  });
  after(async () => {
    await server.stop();
    await rm(directory, { recursive: true, force: true });
  });

  for (const how of ["SIGKILL", "SIGTERM"] as const) {
    it(`go on after ${how} in the middle of a program: its process is gone, and no finished step repeats`, { skip: process.platform !== "linux" && "asks /proc" }, async () => {
      const { run } = await server.client.workflows.start("interrupted", { name: how });
      const [first] = await processesOf(server, run.id);
      assert.ok(isAlive(first!));
      if (how === "SIGKILL") await server.kill();
      else assert.equal(await server.stop({ keep: true }), 0);
      await until(() => !isAlive(first!));
      server = await startServer({ directory, flags: flags() });
      await processesOf(server, run.id, 2);
      await writeFile(join(marks, `${how}-go`), "");
      assert.equal((await server.client.workflows.wait(run.id)).output, "done");
      assert.equal(await readFile(join(marks, `${how}-once`), "utf8"), "x");
    });
  }
});
