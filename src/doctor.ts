import { certificateCheck, clockCheck, dataDirectoryCheck, diskCheck, memoryCheck, nodeCheck, portCheck, programCheck } from "./adapters/system/environment-checks.ts";
import { loadConfig, type Config } from "./config/index.ts";
import { systemClock } from "./core/clock.ts";
import type { DoctorCheck } from "./core/doctor-check.ts";
import { examine, type DoctorResult } from "./doctor/index.ts";

/** What can be wrong with a machine, whether a server runs there or not. */
export function environmentChecks(config: Config): DoctorCheck[] {
  return [
    nodeCheck(),
    dataDirectoryCheck(config.data),
    diskCheck(config.data),
    memoryCheck(),
    certificateCheck(config.tlsCertificate, () => systemClock.now()),
    programCheck("Python", "python3", "Install Python 3.10 or newer where models are to run in Python, or steps of workflows are written in it."),
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
