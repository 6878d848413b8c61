import { randomUUID } from "node:crypto";
import { open, readFile, rm, stat } from "node:fs/promises";
import { setTimeout as wait } from "node:timers/promises";

/** A holder touches its lock this often; one that was not touched for `staleMs` belongs to a process that is gone. */
const touchMs = 5000;
const staleMs = 30_000;
const pollMs = 250;

/**
 * A lock of a file, between processes and machines that share a folder. Its holder may be gone without a word, so it
 * saves double work and promises no more: what is guarded must be right without it (built aside and renamed).
 */
export async function holdBuildLock<Result>(path: string, work: () => Promise<Result>): Promise<Result> {
  const token = randomUUID();
  while (!(await take(path, token))) {
    await breakStale(path);
    await wait(pollMs);
  }
  const timer = setInterval(() => void touch(path, token).catch(() => undefined), touchMs);
  try {
    return await work();
  } finally {
    clearInterval(timer);
    if ((await readFile(path, "utf8").catch(() => "")) === token) await rm(path, { force: true });
  }
}

async function take(path: string, token: string): Promise<boolean> {
  try {
    const file = await open(path, "wx", 0o600);
    await file.writeFile(token);
    await file.close();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

/** Written again and not given a time: the clock is that of the folder's file system, and a lock that somebody broke stays broken. */
async function touch(path: string, token: string): Promise<void> {
  const file = await open(path, "r+");
  try {
    await file.writeFile(token);
  } finally {
    await file.close();
  }
}

/** Compared with the time of a file made now: the clock that counts is that of the folder's file system. */
async function breakStale(path: string): Promise<void> {
  const probe = `${path}.${randomUUID()}`;
  try {
    await (await open(probe, "wx", 0o600)).close();
    const [held, fresh] = await Promise.all([stat(path), stat(probe)]);
    if (fresh.mtimeMs - held.mtimeMs > staleMs) await rm(path, { force: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  } finally {
    await rm(probe, { force: true });
  }
}
