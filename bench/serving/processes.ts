import { spawn, type ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { join } from "node:path";

const root = join(import.meta.dirname, "../..");

export interface BenchProcess {
  child: ChildProcess;
  /** What the process said on its first line. */
  facts: Record<string, number>;
  stop(): Promise<void>;
}

/** Starts a program and waits for its first line of JSON. */
async function startProcess(command: string, parameters: readonly string[]): Promise<BenchProcess> {
  const child = spawn(command, parameters, { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
  let errors = "";
  child.stderr.on("data", (chunk: Buffer) => (errors = (errors + chunk.toString()).slice(-4000)));
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const line = await Promise.race([
    new Promise<string>((resolve) => createInterface({ input: child.stdout }).once("line", resolve)),
    exited.then(() => Promise.reject(new Error(`${command} ended: ${errors}`))),
  ]);
  return {
    child,
    facts: JSON.parse(line) as Record<string, number>,
    async stop() {
      child.kill("SIGTERM");
      await exited;
    },
  };
}

export function startSlipway(data: string, ...flags: string[]): Promise<BenchProcess> {
  return startProcess(process.execPath, [join(root, "bin/slipway.js"), "up", "--port", "0", "--data", data, "--log-level", "warn", ...flags]);
}

export function startFloor(script: string, ...parameters: string[]): Promise<BenchProcess> {
  return startProcess(process.execPath, [join(import.meta.dirname, script), ...parameters]);
}

/** Resident memory of a process and its children in MiB, shared pages counted by share (Linux; NaN elsewhere). */
export function memoryMiB(processId: number): number {
  const own = (pid: number): number => Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"))?.[1] ?? NaN) / 1024;
  try {
    const children = readFileSync(`/proc/${processId}/task/${processId}/children`, "utf8").trim();
    return own(processId) + children.split(" ").filter(Boolean).reduce((sum, pid) => sum + own(Number(pid)), 0);
  } catch {
    return NaN;
  }
}
