import { setTimeout as wait } from "node:timers/promises";
import { SqlWorkflowDirectory } from "../adapters/sql/workflows/sql-workflow-directory.ts";
import { SqlWorkflowSchedules } from "../adapters/sql/workflows/sql-workflow-schedules.ts";
import { SqlWorkflowSignals } from "../adapters/sql/workflows/sql-workflow-signals.ts";
import { SqlWorkflowStore } from "../adapters/sql/workflows/sql-workflow-store.ts";
import type { SqlDatabase } from "../adapters/sql/sql-database.ts";
import type { Clock } from "../core/clock.ts";
import { TimeOrderedIds } from "../core/ids.ts";
import { silentLogger } from "../core/logger.ts";
import type { CommandRunner } from "./command-runner.ts";
import { DefinitionCatalogue } from "./definition-catalogue.ts";
import type { WorkflowDefinition } from "./definition.ts";
import type { Timers } from "./timers.ts";
import { WorkflowEngine, type WorkflowEngineOptions } from "./workflow-engine.ts";
import { WorkflowService } from "./workflow-service.ts";

const noCommands: CommandRunner = { run: () => Promise.reject(new Error("There are no programs here.")) };
const patienceMs = 240_000;

/** For tests: a database as one or more replicas see it, each with its engine and service. */
export function workflowStage(
  database: SqlDatabase,
  parts: { clock: Clock; storeClock?: Clock | "database"; timers: Timers; definitions: readonly WorkflowDefinition[]; engine?: Partial<WorkflowEngineOptions> },
) {
  const ids = new TimeOrderedIds(parts.clock);
  const store = new SqlWorkflowStore(database, { ids, clock: parts.storeClock ?? parts.clock });
  const directory = new SqlWorkflowDirectory(database, { ids });
  const signals = new SqlWorkflowSignals(database);
  const schedules = new SqlWorkflowSchedules(database);
  const catalogue = new DefinitionCatalogue(parts.definitions);
  const engine = new WorkflowEngine({
    store, directory, signals, schedules, catalogue, commands: noCommands, clock: parts.clock, timers: parts.timers, ids,
    logger: silentLogger, owner: ids.next("request"), random: () => 0.5, ...parts.engine,
  });
  const service = new WorkflowService({ store, directory, signals, schedules, catalogue, engine, ids, timers: parts.timers });
  return { store, directory, signals, schedules, catalogue, engine, service, ids };
}

/** Waits for a condition, in real time; fails when it has not come in a time in which also a slow machine is done. */
export async function until<Result>(condition: () => Promise<Result | false | null | undefined> | Result | false | null | undefined, what = "the condition"): Promise<Result> {
  const end = performance.now() + patienceMs;
  for (;;) {
    const result = await condition();
    if (result !== false && result !== null && result !== undefined) return result;
    if (performance.now() > end) throw new Error(`Waited ${patienceMs / 1000} s for ${what}.`);
    await wait(1);
  }
}
