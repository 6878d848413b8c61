import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { createInterface } from "node:readline";
import { describe, it } from "node:test";
import { childEnvironment } from "../../config/index.ts";
import { systemClock } from "../../core/clock.ts";
import { commandRunnerConformance } from "../../workflows/command-runner.conformance.ts";
import { ProcessCommandRunner } from "./process-command-runner.ts";

commandRunnerConformance("child processes", async () => {
  const directory = await mkdtemp(join(tmpdir(), "slipway-commands-"));
  return {
    runner: await ProcessCommandRunner.open({ directory, environment: childEnvironment(), clock: systemClock, graceMs: 2000 }),
    countFolders: async () => (await readdir(directory)).length,
    close: () => rm(directory, { recursive: true }),
  };
});

it("gives programs their files also where its own folder was named from the working directory", async (t) => {
  const directory = await mkdtemp(join(tmpdir(), "slipway-commands-"));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const runner = await ProcessCommandRunner.open({ directory: relative(process.cwd(), directory), environment: childEnvironment(), clock: systemClock });
  const command = ["sh", "-c", 'cat "$SLIPWAY_INPUT" > "$SLIPWAY_OUTPUT"'] as const;
  const { output } = await runner.run({ command, input: { a: 1 } }, { signal: new AbortController().signal, onLine: () => undefined });
  assert.deepEqual(output, { a: 1 });
});

const linux = process.platform === "linux" ? false : "the system does not list its processes under /proc";

/** It may be gone between any two questions. */
function isAlive(id: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${id}/stat`, "latin1"));
  } catch {
    return false;
  }
}

describe("the death of the server", { timeout: 300_000 }, () => {
  it("takes the whole group with it, and what has left the group", { skip: linux }, async (t) => {
    const directory = await mkdtemp(join(tmpdir(), "slipway-commands-"));
    t.after(() => rm(directory, { recursive: true, force: true }));
    const program = `trap '' TERM HUP; echo process $$; sh -c 'echo process $$; sleep 1000' & setsid sh -c 'echo process $$; sleep 1000' & wait`;
    const server = spawn(process.execPath, ["--input-type=module", "-e", `
      import { ProcessCommandRunner } from ${JSON.stringify(new URL("process-command-runner.ts", import.meta.url).href)};
      import { systemClock } from ${JSON.stringify(new URL("../../core/clock.ts", import.meta.url).href)};
      const runner = await ProcessCommandRunner.open({ directory: process.argv[1], environment: process.env, clock: systemClock });
      await runner.run({ command: ["sh", "-c", process.argv[2]] }, { signal: new AbortController().signal, onLine: (_, line) => console.log(line) });
    `, directory, program], { stdio: ["ignore", "pipe", "inherit"] });
    const ids: number[] = [];
    for await (const line of createInterface({ input: server.stdout })) {
      const id = /^process (\d+)$/.exec(line)?.[1];
      if (id !== undefined) ids.push(Number(id));
      if (ids.length === 3) break;
    }
    assert.deepEqual(ids.map(isAlive), [true, true, true]);
    server.kill("SIGKILL");
    await once(server, "exit");
    while (ids.some(isAlive)) await new Promise((resolve) => setTimeout(resolve, 10));

    // The folder that it could not remove goes when the next server opens.
    assert.equal((await readdir(directory)).length, 1);
    await ProcessCommandRunner.open({ directory, environment: childEnvironment(), clock: systemClock });
    assert.deepEqual(await readdir(directory), []);
  });

  it("removes at its start nothing that is not a working folder", async (t) => {
    const directory = await mkdtemp(join(tmpdir(), "slipway-commands-"));
    t.after(() => rm(directory, { recursive: true, force: true }));
    await mkdir(join(directory, "step-left"));
    await writeFile(join(directory, "note"), "");
    await ProcessCommandRunner.open({ directory, environment: childEnvironment(), clock: systemClock });
    assert.deepEqual(await readdir(directory), ["note"]);
  });
});
