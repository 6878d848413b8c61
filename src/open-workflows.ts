import { randomBytes, randomUUID } from "node:crypto";
import { join } from "node:path";
import { ProcessCommandRunner } from "./adapters/commands/process-command-runner.ts";
import type { SqlDatabase } from "./adapters/sql/sql-database.ts";
import { SqlWorkflowDirectory } from "./adapters/sql/workflows/sql-workflow-directory.ts";
import { SqlWorkflowSchedules } from "./adapters/sql/workflows/sql-workflow-schedules.ts";
import { SqlWorkflowSignals } from "./adapters/sql/workflows/sql-workflow-signals.ts";
import { SqlWorkflowStore } from "./adapters/sql/workflows/sql-workflow-store.ts";
import type { Config } from "./config/index.ts";
import type { Clock } from "./core/clock.ts";
import type { IdGenerator } from "./core/ids.ts";
import type { Logger } from "./core/logger.ts";
import {
  DefinitionCatalogue, loadDefinitions, maintenanceWorkflow, RunStreams, scheduleMaintenance, systemTimers, WorkflowEngine, WorkflowService, type CommandRunner, type MaintenanceTask,
  type WorkflowDefinition,
} from "./workflows/index.ts";

/** How soon a run that another server added or woke is seen here. */
const sharedPollMs = 1000;

interface Parts {
  config: Config;
  database: SqlDatabase;
  /** Of programs that steps run. */
  environment: Readonly<Record<string, string>>;
  /** What the hourly maintenance does. */
  maintenance: readonly MaintenanceTask[];
  /** Further workflows of the server itself. */
  definitions: readonly WorkflowDefinition[];
  clock: Clock;
  ids: IdGenerator;
  logger: Logger;
}

export interface OpenedWorkflows {
  workflows: WorkflowService;
  streams: RunStreams;
  /** Runs programs as those of steps are run. */
  commands: CommandRunner;
  /** Takes up runs; those that a killed server left too. */
  start(): Promise<void>;
  /** Gives up what is under way, for this or another server to go on with. */
  stop(): Promise<void>;
}

/** Workflows of the modules that the settings name and of the server itself, not started yet. Throws CONFIG_INVALID. */
export async function openWorkflows({ config, database, environment, maintenance, definitions, clock, ids, logger }: Parts): Promise<OpenedWorkflows> {
  const store = new SqlWorkflowStore(database, { ids, clock: config.databaseUrl === undefined ? clock : "database" });
  const directory = new SqlWorkflowDirectory(database, { ids });
  const signals = new SqlWorkflowSignals(database);
  const schedules = new SqlWorkflowSchedules(database);
  const catalogue = new DefinitionCatalogue([...(await loadDefinitions(config.workflows, process.cwd())), maintenanceWorkflow(maintenance), ...definitions]);
  const commands = await ProcessCommandRunner.open({ directory: join(config.data, "commands"), environment, clock });
  const shared = { store, directory, signals, schedules, catalogue, ids, timers: systemTimers };
  const engine = config.maxWorkflowRuns === 0 ? null : new WorkflowEngine({
    ...shared, commands, clock, logger, owner: randomUUID(), maxRuns: config.maxWorkflowRuns,
    random: () => randomBytes(6).readUIntBE(0, 6) / 2 ** 48,
    pollMs: config.databaseUrl === undefined ? null : sharedPollMs,
  });
  const workflows = new WorkflowService({ ...shared, engine });
  const streams = new RunStreams(workflows);
  return {
    workflows,
    streams,
    commands,
    async start() {
      await scheduleMaintenance(workflows);
      // Nobody else has the data directory: who held a run is gone, however long its lease would still last.
      if (engine !== null && config.databaseUrl === undefined) {
        const left = await store.endLeases(await store.time());
        if (left > 0) logger.info("workflows.left_by_killed_server", { runs: left });
      }
      engine?.start();
    },
    async stop() {
      streams.stop();
      await engine?.stop();
    },
  };
}
