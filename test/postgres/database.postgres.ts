import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { after, afterEach, before, describe, it } from "node:test";
import { join } from "node:path";
import { sql, type Kysely } from "kysely";
import { migrations } from "../../src/adapters/sql/migrations/index.ts";
import type { Migration } from "../../src/adapters/sql/migrations/migration.ts";
import { TemporarySchemas } from "../../src/adapters/sql/dialects/postgres/temporary-schemas.fixture.ts";
import type { SqlDatabase } from "../../src/adapters/sql/sql-database.ts";
import { SqlError } from "../../src/adapters/sql/sql-error.ts";
import { AppError, toAppError } from "../../src/core/errors.ts";
import { PostgresCluster } from "../kit/postgres-cluster.ts";
import { hitMigration, hitsOf } from "./hit-table.ts";

describe("a Postgres database", () => {
  let cluster: PostgresCluster;
  const schemas = new TemporarySchemas(() => cluster);
  before(async () => { cluster = await PostgresCluster.start(); });
  afterEach(() => schemas.close());
  after(() => cluster.remove());

  const next = (up: Migration["up"]): Migration => ({ number: migrations.length + 1, name: "next", up });
  const addColour = next(async (database) => void (await database.schema.alterTable("models").addColumn("colour", "text").execute()));
  const setting = async (database: SqlDatabase, name: string): Promise<string> =>
    (await sql<{ value: string }>`select current_setting(${name}) as value`.execute(database.queries)).rows[0]!.value;
  const appliedNumbers = async (schema: string): Promise<number[]> =>
    (await cluster.query<{ number: string }>(`select number from ${schema}.schema_migrations order by number`)).map(({ number }) => Number(number));

  it("migrates once when several open it at the same time", async () => {
    const schema = await schemas.newSchema();
    await Promise.all([1, 2, 3, 4].map(() => schemas.open({ schema })));
    assert.deepEqual(await appliedNumbers(schema), migrations.map(({ number }) => number));
  });

  it("keeps schemas of one database apart", async () => {
    const [first, second] = [await schemas.open(), await schemas.open()];
    await sql`insert into teams values ('only-here', '', 1)`.execute(first.queries);
    assert.equal((await second.queries.selectFrom("teams").select("name").where("name", "=", "only-here").execute()).length, 0);
  });

  it("is as new for a test when another one has written to it, and not used again when its tables were changed", async () => {
    const rowsOf = (name: string): Promise<unknown> =>
      cluster.query(`select tablename, query_to_xml(format('table %I.%I', schemaname, tablename), true, true, '')::text as rows from pg_tables where schemaname = '${name}' order by tablename`);
    const used = await schemas.migratedSchema();
    const fresh = await rowsOf(used);
    const { queries } = await schemas.open({ schema: used });
    await sql`insert into audit_entries (sequence, time, actor, action, object, result, request_id, detail_json, previous_hash, hash) values (1, 1, 'a', 'a', 'a', 'a', 'a', '{}', '', 'a')`.execute(queries);
    await sql`update audit_head set sequence = 1`.execute(queries);
    await sql`delete from teams`.execute(queries);
    await sql`insert into teams values ('left', '', 1)`.execute(queries);
    assert.notDeepEqual(await rowsOf(used), fresh);
    await schemas.close();
    assert.deepEqual(await rowsOf(used), fresh);
    const again = await Promise.all([schemas.migratedSchema(), schemas.migratedSchema(), schemas.migratedSchema()]);
    assert.ok(again.includes(used), `${used}, then ${again.join()}`);
    await assert.rejects(cluster.query(`delete from ${used}.audit_entries`), /never changed/);
    await cluster.query(`alter table ${used}.teams add column colour text`);
    await schemas.close();
    const later = await Promise.all([1, 2, 3, 4].map(() => schemas.migratedSchema()));
    assert.ok(!later.includes(used) && later.includes(again.find((name) => name !== used)!), `${used}, ${again.join()}, then ${later.join()}`);
  });

  it("refuses the database of a newer release and leaves it as it is", async () => {
    const schema = await schemas.newSchema();
    await (await schemas.open({ schema, migrations: [...migrations, addColour] })).close();
    await assert.rejects(schemas.open({ schema }), { code: "DATABASE_NEWER" });
    assert.equal((await appliedNumbers(schema)).length, migrations.length + 1);
  });

  it("lets a server of this release work on while a newer one takes the database forward", async () => {
    const schema = await schemas.newSchema();
    const current = await schemas.open({ schema });
    const model = { created_at: 1, description: "", latest_version: 1 };
    const insert = (names: string[]): Promise<unknown> =>
      current.writeBatch(names.map((name) => current.queries.insertInto("models").values({ ...model, name }).returningAll().compile()));
    await insert(["a", "b"]);
    const newer = await schemas.open({ schema, migrations: [...migrations, addColour] });
    // Statements that the connections prepared before, and that now answer with a column more.
    await insert(["c", "d"]);
    const rows = await current.queries.selectFrom("models").selectAll().orderBy("name").execute();
    assert.deepEqual(rows.map(({ name }) => name), ["a", "b", "c", "d"]);
    await newer.queries.deleteFrom("models").execute();
    assert.deepEqual(await current.queries.selectFrom("models").selectAll().execute(), []);
  });

  it("leaves nothing of a migration that fails, and does it when it is mended", async () => {
    const schema = await schemas.newSchema();
    const half = next(async (database) => {
      await database.schema.createTable("half").addColumn("id", "integer").execute();
      await database.deleteFrom("nowhere").execute();
    });
    await assert.rejects(schemas.open({ schema, migrations: [...migrations, half] }), { code: "INTERNAL" });
    assert.deepEqual(await cluster.query(`select 1 from pg_tables where schemaname = '${schema}' and tablename = 'half'`), []);
    await schemas.open({ schema, migrations: [...migrations, addColour] });
  });

  it("gives a migration the time it takes, beyond the limit of a statement", async () => {
    const slow = next(async (database) => void (await sql`select pg_sleep(1.5)`.execute(database)));
    await schemas.open({ migrations: [...migrations, slow], statementTimeoutMs: 1000, answerTimeoutMs: 1200 });
  });

  it("never changes, removes or empties what can only be added to", async () => {
    const { queries } = await schemas.open();
    const entry = sql`insert into audit_entries (sequence, time, actor, action, object, result, request_id, detail_json, previous_hash, hash) values (1, 1, 'a', 'a', 'a', 'a', 'a', '{}', '', 'a')`;
    await entry.execute(queries);
    for (const statement of ["update audit_entries set actor = 'b'", "delete from audit_entries", "truncate audit_entries", "delete from audit_entries where sequence = 99"]) {
      await assert.rejects(sql.raw(statement).execute(queries), SqlError, statement);
    }
    const conflicting = queries.insertInto("audit_entries").columns(["sequence"]).expression(queries.selectFrom("audit_entries").select("sequence")).onConflict((conflict) => conflict.column("sequence").doUpdateSet({ actor: "b" }));
    await assert.rejects(conflicting.execute(), SqlError);
    assert.deepEqual(await queries.selectFrom("audit_entries").select("actor").execute(), [{ actor: "a" }]);
  });

  it("does transactions again that got into each other's way", async () => {
    const database = await schemas.open({ migrations: [hitMigration] });
    const registers = hitsOf(database);
    await registers.insertInto("registers").values([{ name: "a", value: 0 }, { name: "b", value: 0 }]).execute();
    let attempts = 0;
    let met: PromiseWithResolvers<void> | undefined = Promise.withResolvers();
    const raise = (first: string, second: string): Promise<void> =>
      database.transaction(async (transaction) => {
        const both = transaction as unknown as typeof registers;
        const one = (name: string): Promise<unknown> => both.updateTable("registers").set(({ eb }) => ({ value: eb("value", "+", 1) })).where("name", "=", name).execute();
        await one(first);
        // The first two meet here, each with the row that the other needs.
        if (++attempts === 2) {
          met?.resolve();
          met = undefined;
        }
        await met?.promise;
        await one(second);
      });
    await Promise.all([raise("a", "b"), raise("b", "a")]);
    // One of the two is ended and tried again; where the machine is busy it may meet the other once more.
    assert.ok(attempts >= 3, String(attempts));
    assert.deepEqual(await registers.selectFrom("registers").select("value").execute(), [{ value: 2 }, { value: 2 }]);
  });

  it("does batches again that locked each other out", async () => {
    const database = await schemas.open({ migrations: [hitMigration] });
    const registers = hitsOf(database);
    const names = Array.from({ length: 40 }, (_, index) => `r${index}`);
    const raise = (order: readonly string[]): Promise<unknown> =>
      database.writeBatch(order.map((name) => registers.insertInto("registers").values({ name, value: 1 })
        .onConflict((conflict) => conflict.column("name").doUpdateSet(({ eb }) => ({ value: eb("registers.value", "+", 1) }))).compile()));
    await Promise.all(Array.from({ length: 20 }, (_, index) => raise(index % 2 === 0 ? names : [...names].reverse())));
    assert.deepEqual(await registers.selectFrom("registers").select("value").distinct().execute(), [{ value: 20 }]);
  });

  it("ends a statement that takes too long, and says that there is too much to do", async () => {
    const database = await schemas.open({ migrations: [hitMigration], statementTimeoutMs: 500 });
    await assert.rejects(sql`select pg_sleep(30)`.execute(database.queries), (error) => {
      assert.ok(error instanceof SqlError && error.reason === "timeout");
      const told = toAppError(error);
      return told.code === "DATABASE_UNAVAILABLE" && told.retryAfterSeconds === 1;
    });
    assert.equal(database.isReachable(), true);
  });

  it("says who it is, and waits for the disk also where the server's default does not", async () => {
    await cluster.query("create role careless login superuser; alter role careless set synchronous_commit = off; alter role careless set bytea_output = 'escape'; alter role careless set default_transaction_isolation = 'serializable'");
    const schema = await schemas.newSchema();
    const database = await schemas.openUrl(cluster.url({ schema }).replace("slipway@", "careless@"));
    assert.deepEqual(
      [await setting(database, "synchronous_commit"), await setting(database, "bytea_output"), await setting(database, "transaction_isolation"), await setting(database, "application_name")],
      ["on", "hex", "read committed", "slipway"],
    );
  });

  it("reads one moment in a snapshot while others write, and writes nothing through it", async () => {
    const database = await schemas.open({ migrations: [hitMigration] });
    const count = async (queries: Kysely<never>): Promise<number> => (await sql<{ count: number }>`select count(*) as count from hits`.execute(queries)).rows[0]!.count;
    await database.snapshot(async (snapshot) => {
      assert.equal(await count(snapshot as never), 0);
      await hitsOf(database).insertInto("hits").values({ work: 1, part: 1 }).execute();
      assert.equal(await count(snapshot as never), 0);
    });
    assert.equal(await count(database.queries as never), 1);
    await assert.rejects(database.snapshot((snapshot) => sql`insert into hits values (2, 2)`.execute(snapshot)), SqlError);
    assert.equal(await count(database.queries as never), 1);
  });

  it("is told apart from one that is not there, not for us, or not in Unicode", async () => {
    await cluster.query("create database latin encoding 'LATIN1' locale 'C' template template0").catch(() => undefined);
    const url = cluster.url({});
    for (const wrong of [url.replace("/postgres?", "/missing?"), url.replace("slipway@", "nobody-here@"), url.replace("/postgres?", "/latin?"), cluster.url({ schema: "not_there" })]) {
      await assert.rejects(schemas.openUrl(wrong), (error) => {
        const told = toAppError(error);
        assert.ok(!/Postgres|role|latin|missing/.test(told.message), told.message);
        return told.code === "DATABASE_UNAVAILABLE";
      }, wrong);
    }
  });

  it("talks TLS as the URL says", async () => {
    const [key, certificate] = ["server.key", "server.crt"].map((name) => join(cluster.folder, "data", name)) as [string, string];
    const request = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=slipway", "-addext", "subjectAltName=IP:127.0.0.1"];
    execFileSync("openssl", [...request, "-keyout", key, "-out", certificate], { stdio: "ignore" });
    await cluster.own(key, certificate);
    await cluster.query("alter system set ssl = on");
    await cluster.query("select pg_reload_conf()");
    const schema = await schemas.newSchema();
    const open = (parameters: string, host = "127.0.0.1"): Promise<SqlDatabase> =>
      schemas.openUrl(cluster.url({ schema }).replace("sslmode=disable", parameters).replace("127.0.0.1", host), { migrations: [hitMigration] });
    await cluster.until("select 1 where current_setting('ssl') = 'on'");
    const encrypted = async (database: SqlDatabase): Promise<unknown> => (await sql<{ ssl: number }>`select ssl from pg_stat_ssl where pid = pg_backend_pid()`.execute(database.queries)).rows;
    const refused = (error: unknown): boolean => error instanceof AppError && error.cause instanceof SqlError && error.cause.reason === "refused";
    const root = `sslrootcert=${encodeURIComponent(certificate)}`;
    assert.deepEqual(await encrypted(await open("sslmode=disable")), [{ ssl: 0 }]);
    for (const parameters of ["sslmode=require", `sslmode=verify-ca&${root}`, `sslmode=verify-full&${root}`]) assert.deepEqual(await encrypted(await open(parameters)), [{ ssl: 1 }], parameters);
    await open(`sslmode=verify-ca&${root}`, "localhost");
    await assert.rejects(open(`sslmode=verify-full&${root}`, "localhost"), refused);
    await assert.rejects(open("sslmode=verify-full"), refused);
  });
});
