import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { AppError, type AppError as Failure } from "../../core/errors.ts";
import { lockDataDirectory } from "./data-directory-lock.ts";

const failsWith = (code: Failure["code"]) => (error: unknown) => error instanceof AppError && error.code === code;

describe("lockDataDirectory", () => {
  let parent: string;
  before(async () => {
    parent = await mkdtemp(join(tmpdir(), "slipway-lock-"));
  });
  after(() => rm(parent, { recursive: true, force: true }));

  it("makes the directory, holds it and gives it back", async () => {
    const directory = join(parent, "new", "data");
    const lock = await lockDataDirectory(directory);
    await assert.rejects(lockDataDirectory(directory), failsWith("DATA_DIRECTORY_IN_USE"));
    lock.release();
    lock.release();
    (await lockDataDirectory(directory)).release();
  });

  it("refuses the directory of another process until that one was killed", async () => {
    const directory = join(parent, "killed");
    const script = `
      import { lockDataDirectory } from ${JSON.stringify(import.meta.resolve("./data-directory-lock.ts"))};
      globalThis.lock = await lockDataDirectory(process.argv[1]);
      process.stdout.write("held");
      setInterval(() => globalThis.lock, 1000);
    `;
    const child = spawn(process.execPath, ["--input-type=module", "-e", script, directory], { stdio: ["ignore", "pipe", "inherit"] });
    await once(child.stdout, "data");
    await assert.rejects(lockDataDirectory(directory), failsWith("DATA_DIRECTORY_IN_USE"));
    child.kill("SIGKILL");
    await once(child, "exit");
    (await lockDataDirectory(directory)).release();
  });

  it("says when the place is not a directory", async () => {
    const path = join(parent, "file");
    await writeFile(path, "");
    await assert.rejects(lockDataDirectory(path), failsWith("CONFIG_INVALID"));
  });
});
