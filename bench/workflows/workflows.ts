import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { PostgresDialect } from "../../src/adapters/sql/dialects/postgres/postgres-dialect.ts";
import { openSqlDatabase, SqliteDialect } from "../../src/adapters/sql/index.ts";
import type { SqlDatabase } from "../../src/adapters/sql/sql-database.ts";
import { systemClock } from "../../src/core/clock.ts";
import { systemTimers } from "../../src/workflows/index.ts";
import { workflow, type WorkflowDefinition } from "../../src/workflows/definition.ts";
import { until, workflowStage } from "../../src/workflows/workflow-stage.fixture.ts";
import { PostgresCluster } from "../../test/kit/postgres-cluster.ts";
import { measureDbos } from "./dbos-peer.ts";

interface Measured {
  /** Of each step, in ms. */
  times: number[];
  seconds: number;
}

const concurrency = 16;

/** Durable steps per second and latency per step, beside a bare insert and DBOS; then runs that sleep. */
export async function run({ quick }: { quick: boolean }): Promise<void> {
  const work = { runs: quick ? 48 : 320, steps: 20, concurrency };
  const sleepers = quick ? 1000 : 10_000;
  const folder = mkdtempSync(join(tmpdir(), "slipway-bench-workflows-"));
  const cluster = await PostgresCluster.start({ fsync: true });
  const databases: SqlDatabase[] = [];
  const open = async (dialect: ConstructorParameters<typeof SqliteDialect>[0] | string): Promise<SqlDatabase> => {
    const made = typeof dialect === "string" ? new PostgresDialect({ url: dialect, clock: systemClock }) : new SqliteDialect(dialect);
    const database = await openSqlDatabase(made, { now: systemClock.now() });
    databases.push(database);
    return database;
  };
  try {
    console.log(`${work.runs} runs of ${work.steps} steps, ${concurrency} at once`);
    console.log("| | steps/s | p50 ms | p99 ms | of its floor |\n| --- | --- | --- | --- | --- |");
    const sqlite = await open({ path: join(folder, "a.db") });
    const sqliteFloor = await measureFloor(sqlite, work);
    line("SQLite, bare insert", sqliteFloor);
    line("SQLite, Slipway", await measureSlipway(sqlite, work), sqliteFloor);
    const postgres = await open(cluster.url({ schema: await cluster.createSchema("slipway") }));
    const postgresFloor = await measureFloor(postgres, work);
    line("Postgres, bare insert", postgresFloor);
    line("Postgres, Slipway", await measureSlipway(postgres, work, "database"), postgresFloor);
    await cluster.query("create database dbos");
    const dbos = await measureDbos(cluster.url().replace("/postgres?", "/dbos?"), work);
    if (dbos !== null) line("Postgres, DBOS", dbos, postgresFloor);
    await measureSleepers(await open({ path: join(folder, "b.db") }), sleepers);
  } finally {
    for (const database of databases) await database.close();
    await cluster.remove();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** One durable insert for each step, by as many callers: what the database itself allows. */
async function measureFloor(database: SqlDatabase, { runs, steps }: { runs: number; steps: number }): Promise<Measured> {
  const times: number[] = [];
  let next = 0;
  const begun = performance.now();
  await Promise.all(
    Array.from({ length: concurrency }, async () => {
      for (let run = next++; run < runs; run = next++) {
        for (let step = 0; step < steps; step++) {
          const before = performance.now();
          await database.queries
            .insertInto("workflow_steps")
            .values({
              run: `floor ${run}`, step: `step ${step}`, kind: "function", position: step, state: "succeeded", attempts: 1, started_at: 1, ended_at: 1, wake_at: null,
              result_json: String(step), error_json: null,
            })
            .execute();
          times.push(performance.now() - before);
        }
      }
    }),
  );
  return { times, seconds: (performance.now() - begun) / 1000 };
}

async function measureSlipway(database: SqlDatabase, { runs, steps }: { runs: number; steps: number }, storeClock: "database" | typeof systemClock = systemClock): Promise<Measured> {
  const times: number[] = [];
  const definition = workflow({
    name: "work", version: 1, description: "Steps that do nothing", input: z.unknown(),
    async run(context) {
      for (let step = 0; step < steps; step++) {
        const before = performance.now();
        await context.step(`step ${step}`, () => step);
        times.push(performance.now() - before);
      }
    },
  }) as WorkflowDefinition;
  const stage = workflowStage(database, { clock: systemClock, storeClock, timers: systemTimers, definitions: [definition], engine: { maxRuns: concurrency } });
  // Starting and ending the runs is part of the time, as it is with the peer.
  const begun = performance.now();
  stage.engine.start();
  await Promise.all(Array.from({ length: runs }, () => stage.service.start("work", {}, "bench")));
  await until(async () => (await stage.service.counts()).every(({ state }) => state === "succeeded"), "the end of all runs");
  const seconds = (performance.now() - begun) / 1000;
  await stage.engine.stop(0);
  return { times, seconds };
}

async function measureSleepers(database: SqlDatabase, sleepers: number): Promise<void> {
  const definition = workflow({
    name: "sleeper", version: 1, description: "Sleeps for a year", input: z.unknown(),
    run: async (context) => context.sleep("nap", 365 * 86_400_000),
    timeoutMs: 1000 * 86_400_000,
  }) as WorkflowDefinition;
  const stage = workflowStage(database, { clock: systemClock, timers: systemTimers, definitions: [definition], engine: { maxRuns: 64 } });
  const heap = (): number => {
    (globalThis as { gc?: () => void }).gc?.();
    return process.memoryUsage().heapUsed / 2 ** 20;
  };
  const before = heap();
  const begun = performance.now();
  stage.engine.start();
  for (let started = 0; started < sleepers; started += 200) await Promise.all(Array.from({ length: 200 }, () => stage.service.start("sleeper", {}, "bench")));
  await until(async () => (await stage.service.counts()).every(({ state }) => state === "sleeping"), "all to sleep");
  await until(() => stage.engine.runsInMemory === 0);
  const seconds = (performance.now() - begun) / 1000;
  console.log(`\n${sleepers} runs started and asleep after ${seconds.toFixed(1)} s; in memory: ${stage.engine.runsInMemory} runs, ${(heap() - before).toFixed(1)} MiB of heap more than before${
    "gc" in globalThis ? "" : " (with garbage; NODE_OPTIONS=--expose-gc for without)"}`);
  await stage.engine.stop(0);
}

function line(name: string, { times, seconds }: Measured, floor?: Measured): void {
  const sorted = [...times].sort((left, right) => left - right);
  const at = (share: number): string => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!.toFixed(2);
  const rate = times.length / seconds;
  const ratio = floor === undefined ? "" : `${Math.round((100 * rate) / (floor.times.length / floor.seconds))}%`;
  console.log(`| ${name} | ${Math.round(rate).toLocaleString("en")} | ${at(0.5)} | ${at(0.99)} | ${ratio} |`);
}
