import { execFile } from "node:child_process";
import { createHash, randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { holdBuildLock } from "../../src/adapters/python/build-lock.ts";
import { pythonEnvironment } from "../clients/python-script.ts";

const script = fileURLToPath(new URL("./make_models.py", import.meta.url));
const requirements = new URL("../clients/requirements.txt", import.meta.url);
const root = join(tmpdir(), "slipway-trained-models");
const dayMs = 86_400_000;

/**
 * The folder of what make_models.py makes, trained once for all files of tests that need it: it is kept by what it is made of, and for a
 * day. Tests read it and write nothing into it.
 */
export async function trainedModels(python: string): Promise<string> {
  const digest = createHash("sha256").update(await readFile(script)).update(await readFile(requirements)).update(python).digest("hex").slice(0, 16);
  const folder = join(root, digest);
  await mkdir(root, { recursive: true });
  await holdBuildLock(`${folder}.lock`, async () => {
    if (existsSync(join(folder, "expected.json"))) return;
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
