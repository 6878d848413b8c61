import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";
import { DummyDriver, Kysely, sql } from "kysely";
import { systemClock } from "../../../core/clock.ts";
import { PostgresDialect } from "../dialects/postgres/postgres-dialect.ts";
import type { SqlCapabilities } from "../sql-dialect.ts";
import { migrations } from "./index.ts";
import type { Migration } from "./migration.ts";

/** SHA-256 of what each migration asks Postgres to do. A line of a release that is out must never change. */
const released: Record<string, string> = {
  "1 models-truths-statistics": "1f654ab223e6edcab46287adf3e7f8c7e6b16f8bb562c4827f51ca7eee57ba94",
  "2 warmup-measurements": "b4e995d92fdbf1923df1a6d3673c2d9090e856a19e0d2062cc4dd14f7be33671",
  "3 access": "6dd17318c058705ec692a420de7b9d4076fb0e4934af3811137098cf938a0df2",
  "4 events": "d1eefb1065fc2e2338335639ed003071ad472d457b96e3dcd6c1dfff75cf8963",
  "5 workflows": "d14f473015333e38d6bce498b63d74fd4cf6069c6966ecaf8be329df218e6ad5",
  "6 replica-minutes": "52895c10482b76554f33ed19f5d2a1dd9c48c01c4293a5fd5107ebfc2b001a3e",
  "7 blob-uploads": "458a57d56ea9152414c6d767af3804183dc8c3ca3e8b26a0614c858eb67a22db",
  "8 tracking": "59af7df0d35d18e00a1b723265ffd7b5b198a723196b7d47b8d4f78b5a01f53a",
  "9 registry-lifecycle": "510c676b24561112676fb3c00a316c065c06e9d6a43a50da462c17f0299e0aac",
  "10 datasets": "d42c7c66867bb2fa4c4efe0acdc4022cd5df2b562e9d65598b76b292a21f6ed5",
  "11 rollouts": "939720c135b85a14cb04620f2eb8b14f5554c702e2854fb0e7e079af706c56cb",
  "12 upstream-headers": "d944ad0996ae839780d77d5bc410c8769984b8735733d7580543c3c9af04f144",
  "13 ab-tests": "68f2ed39f94a950dc4a57795879f436e1c59e4dd42a6096d6df1bfba2774a3bd",
  "14 gateway": "ab9a3c389901b5994e305368fd398af1168fd83d456e744378a21bdffc1b8c98",
  "15 ledger": "aff7648c78a3f8a0b2fd5d72453890301780beb6a8982c7ba173cc5f74574962",
  "16 traces": "6586785023dcc0d19c7ab6a878882717c02e601573c55e483f71bee67250904e",
  "17 route-rollouts": "f341029921edab77d822717eef05246cf032781f15de2f8a049c4a16e9f08e80",
  "18 trace-costs": "66c95e811e8a6ede1f1a102f0dd7b802bfb475796162ba03118dc17665c4dbe6",
  "19 user-costs": "c83700734f3ecd9e8522208f02b8f1f8c7dcc678545193a71dc92f6326e99e65",
  "20 removed-feedback": "fa43c0795a0d9ab61a1b085e1e99a11d45b8164638c40e1ad4d0125d875bf6af",
  "21 billed-units": "3c47017af737654dcd92cab5fca949ba0715a401877efe1c74a7ed3e9fb95f7b",
  "22 trace-indexes": "da2afca1fb82e4e1a54fe988d3c6b279c2611415d0f7948dc7af6c7436485c71",
  "23 trace-removals": "0bb818d6f58ff3429247105b3c38a85b51b1dd97fd59579f788fc3c515c87bdb",
  "24 key-rotation": "13faba2a8daa5838068380d3e9d4997d85a85510a16aca6f42e45b3041222580",
  "25 own-calls": "29be5a96ed59c7322acc04e0dc16d747cd205b2002f9f7b763a8fd0ef0100c56",
  "26 saved-costs": "83212106be227281fed86da2eecb10f94e54730f5ac3a37723db0a5149efa0e7",
  "27 waiting-feedback": "44673f6a6c79a63dab8620cb18c43cf55367bb05437a443dfaed04d8a3a44e3b",
};

const postgres = new PostgresDialect({ url: "postgres://localhost", clock: systemClock });

/** The statements of a migration, with their values. */
async function statementsOf(migration: Pick<Migration, "up">, capabilities: SqlCapabilities = postgres.capabilities): Promise<string[]> {
  const statements: string[] = [];
  const recorder = new Kysely<unknown>({
    dialect: {
      createAdapter: () => postgres.createAdapter(),
      createDriver: () => new DummyDriver(),
      createIntrospector: (database) => postgres.createIntrospector(database),
      createQueryCompiler: () => postgres.createQueryCompiler(),
    },
    log: ({ query }) => void statements.push(query.parameters.length === 0 ? query.sql : `${query.sql} ${JSON.stringify(query.parameters)}`),
  });
  await migration.up(recorder, capabilities);
  return statements;
}

/** What a server of the release before would trip over. */
function contractions(statements: readonly string[]): string[] {
  return statements.filter((statement) => {
    if (/^\s*(drop|truncate|delete)\b/i.test(statement)) return true;
    if (!/^\s*alter table\b/i.test(statement)) return false;
    const addsRequired = /\badd column\b.*\bnot null\b/is.test(statement) && !/\bdefault\b/i.test(statement);
    return addsRequired || /\b(rename|drop|add constraint|set not null)\b|\balter column "[^"]*" type\b/i.test(statement);
  });
}

describe("migrations", () => {
  it("are numbered from 1 without gaps, each under a name of its own", () => {
    assert.deepEqual(migrations.map(({ number }) => number), migrations.map((_, index) => index + 1));
    assert.equal(new Set(migrations.map(({ name }) => name)).size, migrations.length);
  });

  it("ask for what they asked for when they were released", async () => {
    const found: Record<string, string> = {};
    for (const migration of migrations) {
      found[`${migration.number} ${migration.name}`] = createHash("sha256").update((await statementsOf(migration)).join(";\n")).digest("hex");
    }
    assert.deepEqual(found, released, "A new migration takes a line of the list. One that was released is never changed: write another that follows it.");
  });

  it("only add what the release before can work with", async () => {
    for (const migration of migrations) assert.deepEqual(contractions(await statementsOf(migration)), [], migration.name);
  });

  it("would be told of a step that takes something away", async () => {
    const steps: Migration["up"][] = [
      (database) => database.schema.dropTable("models").execute(),
      (database) => database.schema.alterTable("models").dropColumn("description").execute(),
      (database) => database.schema.alterTable("models").renameColumn("description", "text").execute(),
      (database) => database.schema.alterTable("models").renameTo("things").execute(),
      (database) => database.schema.alterTable("models").addColumn("colour", "text", (column) => column.notNull()).execute(),
      (database) => database.schema.alterTable("models").alterColumn("description", (column) => column.setDataType("integer")).execute(),
      (database) => database.schema.alterTable("models").alterColumn("description", (column) => column.setNotNull()).execute(),
      (database) => database.schema.alterTable("models").addUniqueConstraint("one_description", ["description"]).execute(),
      (database) => database.schema.dropIndex("models_index").execute(),
      async (database) => void (await sql`delete from models`.execute(database)),
    ];
    for (const up of steps) assert.equal(contractions(await statementsOf({ up })).length, 1, String(up));
    const expanding: Migration["up"][] = [
      (database) => database.schema.alterTable("models").addColumn("colour", "text").execute(),
      (database) => database.schema.alterTable("models").addColumn("colour", "text", (column) => column.notNull().defaultTo("red")).execute(),
      (database) => database.schema.createIndex("models_colour").on("models").column("colour").execute(),
    ];
    for (const up of expanding) assert.deepEqual(contractions(await statementsOf({ up })), [], String(up));
  });
});
