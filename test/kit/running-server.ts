import { spawn, type ChildProcess } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { SlipwayClient } from "../../src/index.ts";
import { compileCache } from "./compile-cache.ts";
import { seedDataDirectory } from "./empty-database.ts";
import { program } from "./program.ts";

/** A real server in a process of its own, with a temporary data directory. */
export interface RunningServer {
  url: string;
  httpPort: number;
  grpcPort: number;
  client: SlipwayClient;
  directory: string;
  process: ChildProcess;
  /** Lines of the structured log so far. */
  logLines: string[];
  /** SIGTERM; answers with the exit code. Removes the data directory unless it is to be kept. */
  stop(options?: { keep?: boolean }): Promise<number | null>;
  /** SIGKILL. Keeps the data directory. */
  kill(): Promise<void>;
  /** Writes bytes to a file beside the data and answers with its path. */
  file(name: string, content: Uint8Array | string): Promise<string>;
}

export interface StartOptions {
  directory?: string;
  flags?: readonly string[];
  environment?: Record<string, string>;
  /** Models are tried and loaded in the server's own process: for tests about something else than its runners, of which each deployment starts two. */
  modelsInProcess?: boolean;
  /** Given the process at once, for a test that ends it before it has started. */
  onSpawn?: (process: ChildProcess) => void;
}

const inProcess = `--import=${fileURLToPath(new URL("models-in-process.ts", import.meta.url))}`;

export async function startServer(options: StartOptions = {}): Promise<RunningServer> {
  const directory = options.directory ?? (await mkdtemp(join(tmpdir(), "slipway-test-")));
  const data = join(directory, "data");
  seedDataDirectory(data);
  const environment: NodeJS.ProcessEnv = { ...compileCache, ...process.env, ...options.environment };
  const child = spawn(process.execPath, [program, "up", "--port", "0", "--data", data, "--log-level", "info", ...(options.flags ?? [])], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...environment, ...(options.modelsInProcess === true && { NODE_OPTIONS: `${environment.NODE_OPTIONS ?? ""} ${inProcess}` }) },
  });
  options.onSpawn?.(child);
  const logLines: string[] = [];
  createInterface({ input: child.stderr }).on("line", (line) => logLines.push(line));
  const exited = new Promise<number | null>((resolve) => child.once("exit", (code) => resolve(code)));
  const first = await Promise.race([
    new Promise<string>((resolve) => createInterface({ input: child.stdout }).once("line", resolve)),
    exited.then((code) => Promise.reject(new Error(`The server ended with code ${code}:\n${logLines.join("\n")}`))),
  ]);
  const { url, httpPort, grpcPort } = JSON.parse(first) as { url: string; httpPort: number; grpcPort: number };
  return {
    url, httpPort, grpcPort, directory, process: child, logLines,
    client: new SlipwayClient({ url }),
    async stop({ keep = false } = {}) {
      child.kill("SIGTERM");
      const code = await exited;
      if (!keep) await rm(directory, { recursive: true, force: true });
      if (options.modelsInProcess === true && !logLines.includes("models are in the server's process")) throw new Error("The server starts processes for its models: models-in-process.ts replaces nothing.");
      return code;
    },
    async kill() {
      child.kill("SIGKILL");
      await exited;
    },
    async file(name, content) {
      const path = join(directory, name);
      await writeFile(path, content);
      return path;
    },
  };
}
