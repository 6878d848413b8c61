import { readFileSync } from "node:fs";

/** Of Linux on every machine that it was seen on. */
const ticksPerSecond = 100;

/** Seconds of processor time of a process and its children so far (Linux; NaN elsewhere). */
export function processorSeconds(processId: number): number {
  try {
    // Its name may hold spaces and stands in brackets.
    const fields = readFileSync(`/proc/${processId}/stat`, "latin1").split(") ").at(-1)!.split(" ");
    const children = readFileSync(`/proc/${processId}/task/${processId}/children`, "latin1").trim().split(" ").filter(Boolean);
    return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond + children.reduce((sum, child) => sum + processorSeconds(Number(child)), 0);
  } catch {
    return NaN;
  }
}

/** Resident memory in MiB (Linux; NaN elsewhere). */
export function residentMiB(processId: number): number {
  try {
    return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${processId}/status`, "latin1"))?.[1]) / 1024;
  } catch {
    return NaN;
  }
}
