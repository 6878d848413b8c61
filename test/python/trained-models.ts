import { execFile } from "node:child_process";
import { createHash, randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { copyFile, mkdir, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, parse } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { holdBuildLock } from "../../src/adapters/python/build-lock.ts";
import { pythonEnvironment, pythonOf } from "../clients/python-script.ts";

const requirements = new URL("../clients/requirements.txt", import.meta.url);
const root = join(tmpdir(), "slipway-trained-models");
const dayMs = 86_400_000;

/** The folder of what make_models.py makes. Tests read it and write nothing into it. */
export function trainedModels(python: string): Promise<string> {
  return madeBy(fileURLToPath(new URL("./make_models.py", import.meta.url)), python);
}

/** Puts the named models of test/clients/models.py, or all of them, into `directory`. */
export async function trainModels(directory: string, ...names: string[]): Promise<void> {
  const made = await madeBy(fileURLToPath(new URL("../clients/models.py", import.meta.url)), pythonOf());
  for (const file of await readdir(made)) {
    if (names.length === 0 || names.includes(parse(file).name)) await copyFile(join(made, file), join(directory, file));
  }
}

/** What a script trains, once for all files of tests that need it: it is kept by what it is made of, and for a day. */
async function madeBy(script: string, python: string): Promise<string> {
  const digest = createHash("sha256").update(await readFile(script)).update(await readFile(requirements)).update(python).digest("hex").slice(0, 16);
  const folder = join(root, digest);
  await mkdir(root, { recursive: true });
  await holdBuildLock(`${folder}.lock`, async () => {
    if (existsSync(folder)) return;
    await removeOld();
    const aside = join(root, `.${digest}-${randomUUID()}`);
    await mkdir(aside);
    try {
      await promisify(execFile)(python, [script, aside], { cwd: aside, env: { ...process.env, ...pythonEnvironment }, timeout: 280_000, maxBuffer: 16 * 1024 * 1024 });
      await rename(aside, folder);
    } finally {
      await rm(aside, { recursive: true, force: true });
    }
  });
  return folder;
}

async function removeOld(): Promise<void> {
  for (const name of await readdir(root)) {
    const { mtimeMs } = await stat(join(root, name)).catch(() => ({ mtimeMs: Date.now() }));
    if (Date.now() - mtimeMs > dayMs) await rm(join(root, name), { recursive: true, force: true });
  }
}
