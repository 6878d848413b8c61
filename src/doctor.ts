import { join } from "node:path";
import { pythonCheck } from "./adapters/python/python-check.ts";
import { storeTime, type SqlDatabase } from "./adapters/sql/index.ts";
import {
  certificateCheck, clockCheck, dataDirectoryCheck, databaseCheck, diskCheck, memoryCheck, nodeCheck, portCheck, programCheck,
} from "./adapters/system/environment-checks.ts";
import { childEnvironment, loadConfig, type Config } from "./config/index.ts";
import { systemClock, type Clock } from "./core/clock.ts";
import type { DoctorCheck } from "./core/doctor-check.ts";
import { examine, type DoctorResult } from "./doctor/index.ts";
import { monitoringChecks, type MonitoringService } from "./monitoring/index.ts";
import type { ServingService } from "./serving/index.ts";

/** What can be wrong with a machine, whether a server runs there or not. */
export function environmentChecks(config: Config): DoctorCheck[] {
  return [
    nodeCheck(),
    dataDirectoryCheck(config.data),
    diskCheck(config.data),
    memoryCheck(),
    certificateCheck(config.tlsCertificate, () => systemClock.now()),
    pythonCheck({ named: config.python, environment: childEnvironment(), environments: config.pythonEnvironments ?? join(config.data, "python-environments"), user: config.pythonUser }),
    ...(process.platform === "linux"
      ? [programCheck("limits of steps", "prlimit", "Install util-linux: without prlimit the memory and the processes of a workflow's programs have no limit.")]
      : []),
  ];
}

/** The checks of a machine where no server answers. */
export function examineMachine(options: Readonly<Record<string, string | boolean | undefined>>): Promise<DoctorResult[]> {
  const config = loadConfig(options);
  const now = systemClock.now();
  const none = (): Promise<null> => Promise.resolve(null);
  return examine([...environmentChecks(config), clockCheck(none, () => systemClock.now()), portCheck(config.host, config.port)], now);
}

/** The checks of a running server: its machine, its database, and what runs on it. */
export function serverChecks(parts: { config: Config; database: SqlDatabase; clock: Clock; serving: ServingService; monitoring: MonitoringService }): DoctorCheck[] {
  const { config, database, clock, serving, monitoring } = parts;
  const shared = config.databaseUrl !== undefined;
  return [
    ...environmentChecks(config),
    databaseCheck(async () => {
      const before = clock.monotonic();
      await database.queries.selectFrom("sequences").select("value").execute();
      return { milliseconds: clock.monotonic() - before, description: shared ? "Postgres" : "SQLite" };
    }),
    clockCheck(() => (shared ? storeTime(database, "database") : Promise.resolve(null)), () => clock.now()),
    ...monitoringChecks({
      models: () => serving.modelNames,
      activeVersion: (model) => serving.views().find((view) => view.model === model && view.active)?.version ?? null,
      series: (...asked) => monitoring.series(...asked),
      drift: (...asked) => monitoring.drift(...asked),
    }),
  ];
}
