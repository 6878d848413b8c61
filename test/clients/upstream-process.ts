import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { freePort } from "../kit/free-port.ts";

export interface UpstreamProgram {
  /** Given the ports that it shall listen at, the first of them for predictions. */
  command: (ports: readonly number[]) => Promise<{ file: string; words: readonly string[]; environment?: Readonly<Record<string, string>> }>;
  portCount?: number;
  /** Where it works and leaves files of its own. */
  directory: string;
  /** Answers 2xx as soon as predictions can be had. */
  readyPath: string;
}

/** A real server of models, with all its processes, that can be killed and started again at the same address. */
export class UpstreamProcess {
  readonly ports: readonly number[];
  readonly #program: UpstreamProgram;
  #child: ChildProcess | null = null;
  #output = "";
  readonly #onExit = (): void => this.#kill();

  private constructor(program: UpstreamProgram, ports: readonly number[]) {
    this.#program = program;
    this.ports = ports;
  }

  /** Answers when it is ready. */
  static async start(program: UpstreamProgram): Promise<UpstreamProcess> {
    const ports = await Promise.all(Array.from({ length: program.portCount ?? 1 }, freePort));
    const server = new UpstreamProcess(program, ports);
    process.once("exit", server.#onExit);
    await server.start();
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${this.ports[0]}`;
  }

  /** Rejects with what it printed when it ends before it is ready. */
  async start(): Promise<void> {
    const { file, words, environment } = await this.#program.command(this.ports);
    this.#output = "";
    // A group of its own, so that its workers end with it.
    const child = spawn(file, words, { cwd: this.#program.directory, detached: true, stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, ...environment } });
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (part: Buffer) => (this.#output = `${this.#output}${part.toString()}`.slice(-20_000)));
    let failure: Error | null = null;
    child.once("error", (error) => (failure = error));
    child.once("exit", (code) => (failure ??= new Error(`The server ended with ${code}.`)));
    while (!(await this.#isReady())) {
      if (failure !== null) throw new Error(`${file} does not serve:\n${this.#output}`, { cause: failure });
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  /** SIGKILL to all of it, as when the machine dies. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (child === null) return;
    const ended = child.exitCode === null && child.signalCode === null && child.pid !== undefined ? once(child, "exit") : undefined;
    this.#kill();
    await ended;
    this.#child = null;
  }

  /** The same, for good. */
  async close(): Promise<void> {
    process.removeListener("exit", this.#onExit);
    await this.kill();
  }

  #kill(): void {
    if (this.#child?.pid === undefined) return;
    try {
      process.kill(-this.#child.pid, "SIGKILL");
    } catch {
      // It has ended by itself.
    }
  }

  async #isReady(): Promise<boolean> {
    return fetch(`${this.url}${this.#program.readyPath}`).then(({ ok, body }) => body?.cancel().then(() => ok) ?? ok, () => false);
  }
}
