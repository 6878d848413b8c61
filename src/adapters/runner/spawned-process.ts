import { spawn, type ChildProcess } from "node:child_process";
import type { Socket } from "node:net";
import type { Readable } from "node:stream";
import { AppError } from "../../core/errors.ts";
import { OutputCapture } from "./output-capture.ts";
import { frameDescriptor } from "./runner-messages.ts";

/** How to start a runner process; the runtime's own knowledge. */
export interface RunnerCommand {
  executable: string;
  arguments: readonly string[];
  /** The whole environment of the process: no secret belongs in it. */
  environment: Readonly<Record<string, string>>;
}

export interface ProcessEnd {
  /** `exit code 1`, `signal SIGSEGV`, or that it could not be started. */
  how: string;
  /** The end of its stdout and stderr. */
  lastWords: string;
  /** Why the operating system refused to start it. */
  startError?: unknown;
}

/** After the end of a process, its last words get this long to arrive; after the end of its socket, its exit does. */
const patienceMs = 200;

/**
 * A process with a socket for frames and a lifeline. It leads a process group of its own, so that a signal to the
 * terminal's group does not reach it before the parent has drained, and `kill` also ends whatever it started.
 */
export class SpawnedProcess {
  readonly socket: Socket;
  /** Settles once, when the process has ended and its output is read; never rejects. */
  readonly ended: Promise<ProcessEnd>;
  readonly #child: ChildProcess;
  #exited = false;

  constructor(command: RunnerCommand, onOutput: (line: string, dropping: boolean) => void) {
    this.#child = spawn(command.executable, command.arguments, {
      // stdin, stdout, stderr, the socket for frames, and the pipe whose end tells the child that we are gone
      stdio: ["ignore", "pipe", "pipe", "pipe", "pipe"],
      env: command.environment,
      detached: process.platform !== "win32",
      windowsHide: true,
    });
    // Node makes no streams when the machine is out of file descriptors; the process was not started then.
    if (!Array.isArray(this.#child.stdio)) {
      this.#child.on("error", () => {});
      throw new AppError("RUNNER_CRASHED", "The model's process could not be started.", { cause: new Error("No file descriptors left") });
    }
    const output = new OutputCapture(onOutput);
    output.listen(this.#child.stdout as Readable);
    output.listen(this.#child.stderr as Readable);
    for (const stream of this.#child.stdio) stream?.on("error", () => {});
    this.socket = this.#child.stdio[frameDescriptor] as Socket;
    this.ended = this.#watch(output);
    this.socket.on("close", () => this.#endAfterSocket());
  }

  get processId(): number | undefined {
    return this.#child.pid;
  }

  /** SIGKILL to the whole group; does nothing when the process has ended. */
  kill(): void {
    if (!this.#exited) this.#killGroup();
  }

  #killGroup(): void {
    const { pid } = this.#child;
    if (pid === undefined) return;
    try {
      process.kill(process.platform === "win32" ? pid : -pid, "SIGKILL");
    } catch {
      // Nobody of the group is left.
    }
  }

  /** Without its socket the process is of no use; most often it is about to exit, and its own exit code tells more than our signal. */
  #endAfterSocket(): void {
    if (this.#exited) return;
    const timer = setTimeout(() => this.kill(), patienceMs);
    void this.ended.then(() => clearTimeout(timer));
  }

  #watch(output: OutputCapture): Promise<ProcessEnd> {
    return new Promise((resolve) => {
      const settle = (how: string, startError?: unknown) => {
        for (const stream of this.#child.stdio) stream?.destroy();
        resolve({ how, lastWords: output.tail(), ...(startError !== undefined && { startError }) });
      };
      this.#child.on("error", (error) => {
        if (this.#child.pid === undefined) settle("it could not be started", error);
      });
      this.#child.on("exit", (code, signal) => {
        this.#killGroup();
        this.#exited = true;
        const how = signal === null ? `exit code ${code}` : `signal ${signal}`;
        // "close" comes when the output has ended too; a process that left the group may hold that open, so there is an end to waiting.
        const timer = setTimeout(() => settle(how), patienceMs);
        this.#child.on("close", () => {
          clearTimeout(timer);
          settle(how);
        });
      });
    });
  }
}
