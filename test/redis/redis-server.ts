import { spawn, type ChildProcess } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { freePort } from "../kit/free-port.ts";

export interface RedisServerOptions {
  /** For `redis-server`, such as `--requirepass`. */
  settings?: readonly string[];
  tls?: { key: string; certificate: string };
}

/** A real Redis in a temporary folder, on a free port of loopback, that keeps nothing on the disk. It can be killed, frozen and started again. Needs Debian's redis-server. */
export class RedisServer {
  readonly port: number;
  readonly #folder: string;
  readonly #arguments: readonly string[];
  readonly #scheme: string;
  #process: ChildProcess | undefined;
  #exited: Promise<unknown> = Promise.resolve();

  private constructor(port: number, folder: string, { settings = [], tls }: RedisServerOptions) {
    this.port = port;
    this.#folder = folder;
    this.#scheme = tls === undefined ? "redis" : "rediss";
    this.#arguments = [
      ...(tls === undefined ? ["--port", String(port)] : ["--port", "0", "--tls-port", String(port), "--tls-cert-file", tls.certificate, "--tls-key-file", tls.key, "--tls-auth-clients", "no"]),
      "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", folder, ...settings,
    ];
  }

  static async start(options: RedisServerOptions = {}): Promise<RedisServer> {
    const server = new RedisServer(await freePort(), await mkdtemp(join(tmpdir(), "slipway-redis-")), options);
    await server.restart();
    return server;
  }

  get processId(): number {
    return this.#process!.pid!;
  }

  url({ password }: { password?: string } = {}): string {
    return `${this.#scheme}://${password === undefined ? "" : `:${password}@`}127.0.0.1:${this.port}`;
  }

  /** Answers when it takes connections. It has forgotten everything. */
  async restart(): Promise<void> {
    await this.kill();
    const child = spawn("redis-server", this.#arguments, { stdio: ["ignore", "pipe", "inherit"] });
    this.#process = child;
    // A test that dies leaves no server behind.
    const end = (): void => void child.kill("SIGKILL");
    process.once("exit", end);
    this.#exited = new Promise((resolve) => child.once("exit", () => { process.off("exit", end); resolve(undefined); }));
    const lines: string[] = [];
    await new Promise<void>((resolve, reject) => {
      child.once("error", reject);
      child.once("exit", () => reject(new Error(`redis-server ended:\n${lines.join("\n")}`)));
      createInterface({ input: child.stdout! }).on("line", (line) => {
        lines.push(line);
        if (line.includes("Ready to accept connections")) resolve();
      });
    });
  }

  pause(): void {
    this.#process?.kill("SIGSTOP");
  }

  resume(): void {
    this.#process?.kill("SIGCONT");
  }

  async kill(): Promise<void> {
    this.#process?.kill("SIGKILL");
    await this.#exited;
    this.#process = undefined;
  }

  async remove(): Promise<void> {
    await this.kill();
    await rm(this.#folder, { recursive: true, force: true });
  }
}
