import { join } from "node:path";
import { AccessServices } from "../../src/access/index.ts";
import { openSqlDatabase, SqlAccessStore, SqliteDialect } from "../../src/adapters/sql/index.ts";
import { systemClock } from "../../src/core/clock.ts";
import { TimeOrderedIds } from "../../src/core/ids.ts";
import { silentLogger } from "../../src/core/logger.ts";

export interface OpenedKeys {
  access: AccessServices;
  /** Keys of every kind in turn: viewers of everything, of a team, of one model. */
  make(count: number): Promise<string[]>;
  close(): Promise<void>;
}

/** The gate over the database of a data directory that no server uses. */
export async function openKeys(data: string, model: string): Promise<OpenedKeys> {
  const database = await openSqlDatabase(new SqliteDialect({ path: join(data, "slipway.db") }), { now: systemClock.now() });
  const ids = new TimeOrderedIds(systemClock);
  const access = new AccessServices({
    store: new SqlAccessStore(database, ids), mode: "keys", secure: false, clock: systemClock, ids, logger: silentLogger,
    teamOf: (kind, name) => (kind === "model" && name === model ? "default" : null), audit: () => Promise.resolve(),
  });
  const kinds = [{ role: "viewer", team: "*" }, { role: "viewer", team: "default" }, { role: "viewer", team: "default", models: [model] }] as const;
  return {
    access,
    async make(count) {
      const made: string[] = [];
      for (let start = 0; start < count; start += 500) {
        const group = Array.from({ length: Math.min(500, count - start) }, (_, index) =>
          access.keys.issue({ actor: "bench" }, { name: `key ${start + index}`, grants: [{ ...kinds[(start + index) % kinds.length]! } as never], team: "default", expiresAt: null }, systemClock.now()));
        made.push(...(await Promise.all(group)).map(({ key }) => key));
      }
      return made;
    },
    close: () => database.close(),
  };
}
