import { chmodSync, mkdtempSync, readFileSync, rmSync, statfsSync } from "node:fs";
import { freemem } from "node:os";
import { join } from "node:path";

/** Where Linux keeps files in memory for programs of all users. */
const place = "/dev/shm";

/** Many times what a run of the tests has written at its fullest moment. */
const neededBytes = 4 * 1024 ** 3;

/** Whether that place is there to write and start programs in, and both it and the memory behind it have room: `mounts` as in /proc/mounts. */
export function hasMemoryForFiles(mounts: string, freeBytes: readonly number[]): boolean {
  const mount = mounts.split("\n").map((line) => line.split(" ")).findLast(([, path]) => path === place);
  const [, , kind, flags = ""] = mount ?? [];
  return kind === "tmpfs" && flags.split(",").includes("rw") && !flags.split(",").includes("noexec") && freeBytes.every((bytes) => bytes >= neededBytes);
}

/**
 * A new folder in memory, which goes with this process; undefined where the machine has none. A database waits for its disk at
 * each commit, and tests make and remove a thousand of them: what survives a killed process does so there too.
 */
export function makeMemoryFolder(): string | undefined {
  try {
    const { bavail, bsize } = statfsSync(place);
    if (!hasMemoryForFiles(readFileSync("/proc/mounts", "utf8"), [bavail * bsize, freemem()])) return undefined;
    const folder = mkdtempSync(join(place, "slipway-tests-"));
    // Some programs that tests start give up the rights of their user, and write there too.
    chmodSync(folder, 0o1777);
    process.once("exit", () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }));
    return folder;
  } catch {
    return undefined;
  }
}
