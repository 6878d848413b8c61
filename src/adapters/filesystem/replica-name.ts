import { randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/**
 * What tells the server of this data directory from others on the same database: made at the first start, kept after it.
 * The directory must be locked.
 */
export function replicaName(directory: string): string {
  const file = join(directory, "replica");
  try {
    const name = readFileSync(file, "utf8").trim();
    if (/^[0-9a-f]{16}$/.test(name)) return name;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  // One that was lost half written is made anew: it names figures of the past minute at most.
  const name = randomBytes(8).toString("hex");
  writeFileSync(file, `${name}\n`, { mode: 0o600 });
  return name;
}
