import { copyFileSync, existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";

/** For one run of the tests: a SQLite file with this release's schema and nothing in it. Without it servers make their own. */
export const emptyDatabase = process.env["SLIPWAY_TEST_EMPTY_DATABASE"];

/** Spares the server of a new data directory its migrations, which are an eighth of what its start costs. What is there already is left as it is. */
export function seedDataDirectory(data: string): void {
  if (emptyDatabase === undefined || existsSync(data)) return;
  mkdirSync(data, { recursive: true });
  copyFileSync(emptyDatabase, join(data, "slipway.db"));
}
