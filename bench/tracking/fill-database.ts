import { randomBytes } from "node:crypto";
import { CompiledQuery } from "kysely";
import { PostgresDialect } from "../../src/adapters/sql/dialects/postgres/postgres-dialect.ts";
import { openSqlDatabase, SqliteDialect, SqlTrackingStore, type SqlDatabase } from "../../src/adapters/sql/index.ts";
import { epochMs, systemClock } from "../../src/core/clock.ts";
import { TimeOrderedIds } from "../../src/core/ids.ts";

/** Of each run. */
export const entriesOfEach = 20;
const firstStart = 1_700_000_000_000;
const runsAtOnce = 200;
const runsOfStatement = 10_000;
const tables = ["run_params", "run_tags", "metrics", "latest_metrics"];

/**
 * Fills the database of a server that does not run yet: runs through the store; their params and metrics, two million of each
 * for 100,000 runs, with statements of the database, for the wire takes several minutes. Indexes are as the migrations have them,
 * made again at the end. Answers with the experiment's id.
 */
export async function fillDatabase(target: string, runs: number): Promise<string> {
  const isPostgres = target.startsWith("postgres://");
  const dialect = isPostgres ? new PostgresDialect({ url: target, clock: systemClock, statementTimeoutMs: 300_000 }) : new SqliteDialect({ path: target });
  const database = await openSqlDatabase(dialect, { now: systemClock.now() });
  try {
    const store = new SqlTrackingStore(database, new TimeOrderedIds(systemClock));
    const now = systemClock.now();
    const { id } = await store.createExperiment({ name: "many", artifactLocation: "mlflow-artifacts:/{id}", tags: [], team: "default", actor: "bench", now });
    const indexes = await rowsOf<{ name: string; definition: string }>(
      database,
      isPostgres
        ? `select indexname as name, indexdef as definition from pg_indexes where schemaname = current_schema() and tablename in ('${tables.join("', '")}') and indexname not like '%_key'`
        : `select name, sql as definition from sqlite_schema where type = 'index' and tbl_name in ('${tables.join("', '")}') and sql is not null`,
    );
    for (const { name } of indexes) await execute(database, `drop index ${name}`);
    await addRuns(store, id, runs);
    for (let from = 0; from < runs; from += runsOfStatement) {
      const some = `r.experiment = ${id} and r.start_time >= ${firstStart + from * 1000} and r.start_time < ${firstStart + (from + runsOfStatement) * 1000}`;
      for (const statement of entriesOf(some)) await execute(database, statement);
    }
    for (const { definition } of indexes) await execute(database, definition);
    // Autovacuum does it within a minute of such a growth.
    if (isPostgres) await execute(database, "vacuum analyze");
    return id;
  } finally {
    await database.close();
  }
}

async function addRuns(store: SqlTrackingStore, experiment: string, runs: number): Promise<void> {
  let next = 0;
  await Promise.all(
    Array.from({ length: runsAtOnce }, async () => {
      while (next < runs) {
        const index = next++;
        const startTime = firstStart + index * 1000;
        const id = randomBytes(16).toString("hex");
        await store.importRun({
          id, experiment, name: `run-${index}`, user: "bench", status: index % 100 === 7 ? "FAILED" : "FINISHED", startTime, endTime: startTime + 500,
          artifactUri: `mlflow-artifacts:/${experiment}/${id}/artifacts`, params: [], tags: [], actor: "bench", now: epochMs(startTime),
        });
      }
    }),
  );
}

/** Params of 50 values as `fillOverWire` has them; metrics of 0 to 100 as if drawn, worked out of a run's place: the same on each database, and unlike those of neighbours. */
function entriesOf(some: string): string[] {
  const places = Array.from({ length: entriesOfEach }, (_, place) => place);
  const index = `((r.start_time - ${firstStart}) / 1000)`;
  const params = places.map((place) => `('param_${place}', ${place + 3})`).join(", ");
  const factors = places.map((place) => `('metric_${place}', ${((place + 1) * 1_103_515_245) % 2_147_483_647}, ${place * 1_237 + 17})`).join(", ");
  const value = `((${index} * v.column2) % 2147483647 * ((${index} * v.column3) % 65537) % 2147483647 * 100.0 / 2147483647)`;
  return [
    `insert into run_params (run, key, value, experiment)
      select r.number, v.column1, 'value-' || cast((${index} * v.column2) % 50 as text), r.experiment from runs as r cross join (values ${params}) as v where ${some}`,
    `insert into metrics (run, key, value, is_nan, timestamp, step)
      select r.number, v.column1, ${value}, 0, r.start_time, 0 from runs as r cross join (values ${factors}) as v where ${some}`,
    `insert into latest_metrics (run, key, value, is_nan, timestamp, step, experiment)
      select r.number, v.column1, ${value}, 0, r.start_time, 0, r.experiment from runs as r cross join (values ${factors}) as v where ${some}`,
  ];
}

async function execute(database: SqlDatabase, text: string): Promise<void> {
  await database.queries.executeQuery(CompiledQuery.raw(text));
}

async function rowsOf<Row>(database: SqlDatabase, text: string): Promise<Row[]> {
  return (await database.queries.executeQuery<Row>(CompiledQuery.raw(text))).rows;
}
