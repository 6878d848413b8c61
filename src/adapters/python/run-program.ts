import { spawn } from "node:child_process";

export interface ProgramEnd {
  /** Null where a signal ended it, or it could not be started. */
  code: number | null;
  /** Whole, up to 4 MiB. */
  stdout: string;
  /** The last lines of both streams. */
  lastLines: readonly string[];
  /** True when the program is not there. */
  missing: boolean;
}

export interface ProgramOptions {
  environment: Readonly<Record<string, string>>;
  timeoutMs: number;
  input?: string;
  directory?: string;
  onLine?: (line: string) => void;
  /** Ends it, and what it started, at once. */
  signal?: AbortSignal;
}

const keptLines = 40;
const longestLine = 1000;
const maxOutput = 4 * 1024 * 1024;

/** Runs an installer or an interpreter to its end, in a process group that is killed whole when it takes too long. Never rejects. */
export function runProgram(program: string, parameters: readonly string[], options: ProgramOptions): Promise<ProgramEnd> {
  return new Promise((resolve) => {
    if (options.signal?.aborted === true) return resolve({ code: null, stdout: "", lastLines: [], missing: false });
    const child = spawn(program, parameters, {
      env: { ...options.environment },
      stdio: ["pipe", "pipe", "pipe"],
      detached: process.platform !== "win32",
      windowsHide: true,
      ...(options.directory !== undefined && { cwd: options.directory }),
    });
    let stdout = "";
    const lastLines: string[] = [];
    const kill = (): void => {
      if (child.pid === undefined) return;
      try {
        process.kill(process.platform === "win32" ? child.pid : -child.pid, "SIGKILL");
      } catch {
        // It has ended.
      }
    };
    const timer = setTimeout(() => {
      lastLines.push(`It was stopped after ${Math.round(options.timeoutMs / 1000)} s.`);
      kill();
    }, options.timeoutMs);
    for (const stream of [child.stdout, child.stderr]) {
      let unfinished = "";
      const keep = (line: string): void => {
        const text = line.trimEnd().slice(0, longestLine);
        if (text === "") return;
        lastLines.push(text);
        if (lastLines.length > keptLines) lastLines.shift();
        options.onLine?.(text);
      };
      stream.setEncoding("utf8");
      stream.on("data", (text: string) => {
        if (stream === child.stdout && stdout.length < maxOutput) stdout += text;
        const lines = (unfinished + text).split(/\r?\n|\r/);
        unfinished = lines.pop()!.slice(0, longestLine);
        lines.forEach(keep);
      });
      stream.on("end", () => keep(unfinished));
    }
    options.signal?.addEventListener("abort", kill);
    const finish = (code: number | null, missing: boolean): void => {
      clearTimeout(timer);
      options.signal?.removeEventListener("abort", kill);
      resolve({ code, stdout, lastLines, missing });
    };
    child.on("error", () => {
      if (child.pid === undefined) finish(null, true);
    });
    child.on("close", (code) => finish(code, false));
    child.stdin.on("error", () => {});
    child.stdin.end(options.input ?? "");
  });
}
