import { execFile } from "node:child_process";
import { promisify } from "node:util";

const execute = promisify(execFile);

/** Variable by which everything that a program starts is found again, also what has left its process group. */
export const markVariable = "SLIPWAY_COMMAND";

/** The end of the descriptor that the watchdog reads; the server holds the other one and never writes. */
const lifelineDescriptor = 3;

/**
 * What stands between the server and the program: `sh -c <this> slipway <mark> <program> <arguments>`. The program and
 * its arguments are never parsed: they are handed on as they are, and the shell becomes the program.
 *
 * - The kernel's choice, when the machine runs out of memory, is to be the step and not the server.
 * - A watchdog stays in the process group and waits for the end of the lifeline. When the server is gone, however it went,
 *   it kills what bears the mark and then the group. It is nobody's child (the program may wait for all of its own),
 *   holds none of the program's output open, and keeps the group's number from being given to others before the group is killed.
 */
const launchScript = `
echo 1000 2>/dev/null >/proc/self/oom_score_adj
ulimit -c 0
( (
  trap "" TERM INT HUP QUIT
  read -r nothing <&${lifelineDescriptor}
  for entry in /proc/[0-9]*/environ; do
    if grep -qsF "${markVariable}=$1" "$entry"; then
      entry="\${entry#/proc/}"
      kill -KILL "\${entry%/environ}"
    fi
  done
  kill -KILL 0
) </dev/null >/dev/null 2>&1 & )
exec ${lifelineDescriptor}<&-
export ${markVariable}="$1"
shift
exec "$@"`;

/** Programs of util-linux by which a process is limited before it becomes another program; each is there or not. */
export interface LimitPrograms {
  prlimit: boolean;
  setpriv: boolean;
}

/** Tries both: a program of the same name may lack the option (BusyBox has such a setpriv). */
export async function findLimitPrograms(environment: Readonly<Record<string, string>>): Promise<LimitPrograms> {
  const works = (program: string, parameters: readonly string[]): Promise<boolean> =>
    execute(program, parameters, { env: { ...environment }, timeout: 10_000 }).then(() => true, () => false);
  const [prlimit, setpriv] = await Promise.all([
    works("prlimit", ["--core=0:0", "--", "true"]),
    works("setpriv", ["--pdeathsig", "KILL", "true"]),
  ]);
  return { prlimit, setpriv };
}

/** Room above `maxMemoryBytes` for what a program reserves without using it: Node alone reserves half a gigabyte. */
const reservedBytes = 1 << 30;

/**
 * Arguments of the shell. The limits here are walls behind the guard (`resource-guard.ts`), which counts what is used:
 * `processes` is the number of processes that its user may have in all.
 */
export function launchArguments(
  programs: LimitPrograms,
  launch: { mark: string; program: string; parameters: readonly string[]; maxMemoryBytes: number | undefined; processes: number | null },
): string[] {
  const limits: string[] = [];
  if (launch.maxMemoryBytes !== undefined) limits.push(`--data=${launch.maxMemoryBytes + reservedBytes}`);
  if (launch.processes !== null) limits.push(`--nproc=${launch.processes}`);
  return [
    "-c", launchScript, "slipway", launch.mark,
    ...(programs.setpriv ? ["setpriv", "--pdeathsig", "KILL"] : []),
    ...(programs.prlimit && limits.length > 0 ? ["prlimit", ...limits, "--"] : []),
    launch.program, ...launch.parameters,
  ];
}
