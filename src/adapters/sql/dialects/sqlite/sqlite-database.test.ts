import assert from "node:assert/strict";
import { mkdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, describe, it } from "node:test";
import { sql } from "kysely";
import { jsonDigest } from "../../../../core/canonical-json.ts";
import { epochMs, systemClock } from "../../../../core/clock.ts";
import { AppError } from "../../../../core/errors.ts";
import type { Contract } from "../../../../registry/index.ts";
import { migrations } from "../../migrations/index.ts";
import type { Migration } from "../../migrations/migration.ts";
import { SqlError } from "../../sql-error.ts";
import { SqlRegistryStore } from "../../registry/sql-registry-store.ts";
import { TemporaryDatabases } from "./temporary-databases.fixture.ts";
import { TimeOrderedIds } from "../../../../core/ids.ts";

const ids = new TimeOrderedIds(systemClock);

const contract = (version: string): { contract: Contract; digest: string } => {
  const made: Contract = {
    contractVersion: 1, model: "flights", version, signature: { inputs: [], outputs: [], batchable: true }, referenceProfile: null, evaluation: {},
    runtime: { kind: "onnx", artifacts: [], sourceDigest: `sha256:${"a".repeat(64)}`, notes: [] }, lineage: { datasets: [] },
  };
  return { contract: made, digest: jsonDigest(made) };
};
const addition = { model: "flights", team: "default", actor: "local", now: epochMs(5), makeContract: contract };

describe("a SQLite database", () => {
  const databases = new TemporaryDatabases();
  afterEach(() => databases.remove());

  /** Looks into the file past the adapter. */
  function inspect<Result>(path: string, work: (database: DatabaseSync) => Result): Result {
    const database = new DatabaseSync(path);
    try {
      return work(database);
    } finally {
      database.close();
    }
  }

  /** What opening fails with, checked to say nothing of the machine. */
  async function openingError(path: string, options: { migrations?: readonly Migration[]; busyTimeoutMs?: number } = {}): Promise<AppError> {
    const error: unknown = await databases.open({ path, ...options }).then(() => assert.fail("opened"), (reason: unknown) => reason);
    assert.ok(error instanceof AppError, String(error));
    assert.ok(!error.message.includes(dirname(path)) && !/sqlite/i.test(error.message), error.message);
    return error;
  }

  it("keeps everything when it is closed and opened again", async () => {
    const path = databases.newPath();
    const first = await databases.open({ path });
    const added = await new SqlRegistryStore(first, ids).addVersion({ ...addition, alias: "champion" });
    await first.close();
    assert.deepEqual(await new SqlRegistryStore(await databases.open({ path }), ids).listVersions("flights"), [added]);
  });

  it("syncs every commit, keeps foreign keys, and writes ahead", async () => {
    const { queries } = await databases.open();
    const pragma = async (name: string): Promise<unknown> => Object.values((await sql.raw<Record<string, unknown>>(`pragma ${name}`).execute(queries)).rows[0]!)[0];
    assert.deepEqual([await pragma("journal_mode"), await pragma("synchronous"), await pragma("foreign_keys"), await pragma("fullfsync")], ["wal", 2, 1, 1]);
  });

  it("makes strict tables only", async () => {
    const path = databases.newPath();
    await (await databases.open({ path })).close();
    const loose = inspect(path, (database) => database.prepare("select name from pragma_table_list where schema = 'main' and type = 'table' and strict = 0 and name not like 'sqlite%'").all());
    assert.deepEqual(loose, []);
  });

  it("refuses the database of a newer release and leaves it as it is", async () => {
    const path = databases.newPath();
    const next: Migration = { number: migrations.length + 1, name: "of-the-future", up: async (database) => void (await database.schema.createTable("future").addColumn("id", "integer").execute()) };
    await (await databases.open({ path, migrations: [...migrations, next] })).close();
    const before = readFileSync(path);
    const error = await openingError(path);
    assert.equal(error.code, "DATABASE_NEWER");
    assert.ok(before.equals(readFileSync(path)));
    await databases.open({ path, migrations: [...migrations, next] });
  });

  it("takes the database of an older release forward and keeps its content", async () => {
    const path = databases.newPath();
    const old = await databases.open({ path, migrations: migrations.slice(0, 1) });
    // Written as the release of that time did, which knew no later column.
    await sql`insert into models (name, created_at, description, latest_version) values ('flights', 5, '', 1)`.execute(old.queries);
    await old.close();
    const next: Migration = { number: migrations.length + 1, name: "more", up: async (database) => void (await database.schema.alterTable("models").addColumn("colour", "text").execute()) };
    const database = await databases.open({ path, migrations: [...migrations, next] });
    assert.equal((await new SqlRegistryStore(database, ids).findModel("flights"))?.createdAt, 5);
    assert.deepEqual((await sql`select team, colour from models`.execute(database.queries)).rows, [{ team: "default", colour: null }]);
  });

  it("leaves nothing of a migration that fails, and does it when it is mended", async () => {
    const path = databases.newPath();
    const up: Migration["up"] = async (database) => {
      await database.schema.createTable("half").addColumn("id", "integer").execute();
      await database.deleteFrom("nowhere").execute();
    };
    const next = { number: migrations.length + 1, name: "more", up };
    assert.equal((await openingError(path, { migrations: [...migrations, next] })).code, "INTERNAL");
    assert.equal(inspect(path, (database) => database.prepare("select count(*) as tables from sqlite_schema where name = 'half'").get()?.["tables"]), 0);
    await databases.open({ path, migrations: [...migrations, { ...next, up: async (database) => void (await database.schema.createTable("half").addColumn("id", "integer").execute()) }] });
  });

  it("migrates once when several open it at the same time", async () => {
    const path = databases.newPath();
    await Promise.all([1, 2, 3].map(() => databases.open({ path, migrations })));
    const applied = inspect(path, (database) => database.prepare("select number from schema_migrations").all().map((row) => row["number"]));
    assert.deepEqual(applied, migrations.map(({ number }) => number));
  });

  it("refuses a database that was made by other migrations", async () => {
    const path = databases.newPath();
    await (await databases.open({ path, migrations: [{ number: 1, name: "foreign", up: async () => undefined }] })).close();
    assert.equal((await openingError(path)).code, "INTERNAL");
  });

  it("says so when another process holds its lock", async () => {
    const path = databases.newPath();
    const other = new DatabaseSync(path);
    other.exec("pragma journal_mode = wal; begin immediate");
    assert.equal((await openingError(path, { busyTimeoutMs: 10 })).code, "DATA_DIRECTORY_IN_USE");
    other.close();
    await databases.open({ path });
  });

  it("says so when the file is no database", async () => {
    const path = databases.newPath();
    writeFileSync(path, "This is not a database, but a text of more than a hundred bytes, so that nobody can take it for an empty file at all.");
    const error = await openingError(path);
    assert.equal(error.code, "DATABASE_DAMAGED");
    assert.match(error.message, /damaged/);
    assert.ok(error.cause instanceof SqlError && error.cause.reason === "damaged");
  });

  it("says so when pages are damaged, at opening or at the first read of them, and never answers with less", async () => {
    const path = databases.newPath();
    const database = await databases.open({ path });
    const store = new SqlRegistryStore(database, ids);
    for (let count = 0; count < 20; count++) await store.addVersion(addition);
    await database.close();
    const whole = readFileSync(path);
    for (let page = 0; page < whole.length / 4096; page += page < 4 ? 1 : 3) {
      const damaged = Buffer.from(whole);
      damaged.fill(0xa5, page * 4096 + (page === 0 ? 100 : 0), (page + 1) * 4096);
      writeFileSync(path, damaged);
      try {
        const opened = await databases.open({ path });
        const versions = await new SqlRegistryStore(opened, ids).listVersions("flights");
        assert.equal(versions.length, 20);
        await opened.close();
      } catch (error) {
        const failure: unknown = error instanceof AppError ? error.cause : error;
        assert.ok(failure instanceof SqlError && failure.reason === "damaged", String(error));
      }
    }
    writeFileSync(path, whole);
    truncateSync(path, 4096 * 3);
    await assert.rejects(async () => new SqlRegistryStore(await databases.open({ path }), ids).listVersions("flights"));
  });

  it("says so when it cannot be opened", async () => {
    const path = databases.newPath();
    mkdirSync(path);
    for (const impossible of [path, join(dirname(path), "missing", "slipway.sqlite")]) {
      const error = await openingError(impossible);
      assert.equal(error.code, "DATABASE_UNAVAILABLE");
      assert.match(error.message, /cannot be opened/);
    }
  });

  it("does not hand out a contract that was changed past the store", async () => {
    const path = databases.newPath();
    const database = await databases.open({ path });
    const store = new SqlRegistryStore(database, ids);
    await store.addVersion(addition);
    await store.addVersion(addition);
    inspect(path, (file) => file.exec(`update model_versions set contract_json = replace(contract_json, '"batchable":true', '"batchable":false') where version = 1`));
    const refused = (error: unknown): boolean => error instanceof AppError && error.code === "INTERNAL" && error.cause instanceof Error && /hashes to/.test(error.cause.message);
    await assert.rejects(store.findVersion("flights", "1"), refused);
    await assert.rejects(store.listVersions("flights"), refused);
    assert.equal((await store.findVersion("flights", "2"))?.version, "2");
  });
});
