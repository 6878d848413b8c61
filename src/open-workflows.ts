import type { SqlDatabase } from "./adapters/sql/sql-database.ts";
import { SqlWorkflowDirectory } from "./adapters/sql/sql-workflow-directory.ts";
import { SqlWorkflowSchedules } from "./adapters/sql/sql-workflow-schedules.ts";
import { SqlWorkflowSignals } from "./adapters/sql/sql-workflow-signals.ts";
import { SqlWorkflowStore } from "./adapters/sql/sql-workflow-store.ts";
import type { Config } from "./config/index.ts";
import { epochMs, type Clock } from "./core/clock.ts";
import type { IdGenerator } from "./core/ids.ts";
import type { Logger } from "./core/logger.ts";
import {
  DefinitionCatalogue, loadDefinitions, maintenanceWorkflow, RunStreams, scheduleMaintenance, systemTimers, WorkflowService, type MaintenanceTask,
} from "./workflows/index.ts";

const dayMs = 86_400_000;
/** Ended runs with their logs, and signals that nobody took. */
const keptDays = 30;
const runsPerPrune = 500;

interface Parts {
  config: Config;
  database: SqlDatabase;
  /** Of programs that steps run. */
  environment: Readonly<Record<string, string>>;
  /** What the hourly maintenance does, beside clearing away old runs and signals. */
  maintenance: readonly MaintenanceTask[];
  clock: Clock;
  ids: IdGenerator;
  logger: Logger;
}

export interface OpenedWorkflows {
  workflows: WorkflowService;
  streams: RunStreams;
  /** Takes up runs; those that a killed server left too. */
  start(): Promise<void>;
  /** Gives up what is under way, for this or another server to go on with. */
  stop(): Promise<void>;
}

/** Workflows of the modules that the settings name and of the server itself, not started yet. Throws CONFIG_INVALID. */
export async function openWorkflows({ config, database, maintenance, clock, ids }: Parts): Promise<OpenedWorkflows> {
  const store = new SqlWorkflowStore(database, { ids, clock: config.databaseUrl === undefined ? clock : "database" });
  const directory = new SqlWorkflowDirectory(database, { ids });
  const signals = new SqlWorkflowSignals(database);
  const schedules = new SqlWorkflowSchedules(database);
  const clearing: MaintenanceTask[] = [
    {
      name: "remove ended runs",
      async run(now) {
        let removed = 0;
        for (let count = runsPerPrune; count === runsPerPrune; removed += count) count = await directory.prune(epochMs(now - keptDays * dayMs), runsPerPrune);
        return removed;
      },
    },
    { name: "remove signals that nobody took", run: (now) => signals.prune(epochMs(now - keptDays * dayMs)) },
  ];
  const catalogue = new DefinitionCatalogue([...(await loadDefinitions(config.workflows, process.cwd())), maintenanceWorkflow([...maintenance, ...clearing])]);
  const workflows = new WorkflowService({ store, directory, signals, schedules, catalogue, engine: null, ids, timers: systemTimers });
  const streams = new RunStreams(workflows);
  return {
    workflows,
    streams,
    async start() {
      await scheduleMaintenance(workflows);
    },
    async stop() {
      streams.stop();
    },
  };
}
