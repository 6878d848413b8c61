import { readFileSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { setImmediate as turn } from "node:timers/promises";

/** What the kernel tells of one process. */
export interface ListedProcess {
  id: number;
  group: number;
  /** Its threads, itself included. */
  threads: number;
  residentBytes: number;
}

const pageBytes = 4096;
const readAtOnce = 32;

/** Whether this system lists its processes under /proc, as Linux does. */
export async function listsProcesses(): Promise<boolean> {
  return readFile("/proc/self/stat").then(() => true, () => false);
}

/** Processes and threads of the whole machine; null where the kernel does not say. Costs one small read. */
export async function countTasks(): Promise<number | null> {
  const text = await readFile("/proc/loadavg", "latin1").catch(() => "");
  const count = Number(/\d+\/(\d+)/.exec(text)?.[1]);
  return Number.isInteger(count) ? count : null;
}

/** Resident memory of one process; 0 when it is gone. */
export async function readResidentBytes(id: number): Promise<number> {
  const text = await readFile(`/proc/${id}/statm`, "latin1").catch(() => "");
  return Number(text.split(" ")[1] ?? 0) * pageBytes;
}

/**
 * What changes while a process gets anything done: the processor time of its threads together, or the time at which one was met that waits for a disk. Null when it is gone, or where the system does not say: nobody can tell then.
 */
export async function readProgress(id: number): Promise<string | null> {
  const threads = await readdir(`/proc/${id}/task`).catch(() => []);
  const stats = await Promise.all(threads.map((thread) => readFile(`/proc/${id}/task/${thread}/stat`, "latin1").catch(() => "")));
  const fields = stats.flatMap((text) => (text === "" ? [] : [text.slice(text.lastIndexOf(")") + 2).split(" ")]));
  if (fields.length === 0) return null;
  const ticks = fields.reduce((sum, each) => sum + Number(each[11]) + Number(each[12]), 0);
  return fields.some(([state]) => state === "D") ? `disk ${performance.now()}` : `${fields.length} ${ticks}`;
}

/**
 * Live processes (zombies are not) that are in the group or, where `mark` is given, were started with it in their
 * environment: a process leaves its group with one call and its environment never.
 */
export async function findProcesses(group: number, mark?: string): Promise<ListedProcess[]> {
  const ids = (await readdir("/proc").catch(() => [])).filter((name) => /^\d+$/.test(name));
  const found: ListedProcess[] = [];
  for (const [index, id] of ids.entries()) {
    // The kernel answers from memory, in microseconds; but a machine may have tens of thousands of processes.
    if (index % readAtOnce === readAtOnce - 1) await turn();
    const process = parseStat(readText(`/proc/${id}/stat`));
    if (process === null) continue;
    if (process.group === group || (mark !== undefined && readText(`/proc/${id}/environ`).includes(mark))) found.push(process);
  }
  return found;
}

/** Empty when the process is gone, or another user's. */
function readText(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
}

/** The name of a process may hold spaces and parentheses; the fields are counted behind its last one. */
function parseStat(text: string): ListedProcess | null {
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const state = fields[0];
  if (fields.length < 22 || state === "Z" || state === "X") return null;
  return { id: Number.parseInt(text, 10), group: Number(fields[2]), threads: Number(fields[17]), residentBytes: Number(fields[21]) * pageBytes };
}
