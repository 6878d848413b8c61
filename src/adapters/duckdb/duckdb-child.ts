import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { getPriority, setPriority } from "node:os";
import { fileURLToPath } from "node:url";
import { AppError } from "../../core/errors.ts";
import { type Logger, silentLogger } from "../../core/logger.ts";
import { readProgress, readResidentBytes } from "../commands/process-table.ts";
import type { DuckdbCall, DuckdbReply, DuckdbTaskName, DuckdbTasks } from "./duckdb-tasks.ts";

/** Why a task has no answer though nothing was wrong with how it was asked: never shown to a caller. */
export class DuckdbChildError extends Error {
  readonly reason: "crashed" | "timeout" | "still" | "memory" | "closed" | "failed";

  constructor(reason: DuckdbChildError["reason"], message: string) {
    super(message);
    this.name = "DuckdbChildError";
    this.reason = reason;
  }
}

export interface DuckdbChildOptions {
  /** The whole environment of the process: no secret belongs in it. Empty when absent. */
  environment?: Readonly<Record<string, string>>;
  logger?: Logger;
  /** Operating-system priority, 0 as this process to 19 lowest. */
  niceness?: number;
  /** The process ends when nobody has asked for anything for this long. */
  idleMs?: number;
  /**
   * The process is killed when it has more than this in memory while a task runs, on systems that tell (Linux): DuckDB's own limit does not count everything that SQL of users
   * can make it hold. Infinity when absent.
   */
  maxResidentBytes?: number;
  /**
   * The process is killed when it was looked at so many times while a task runs and got nothing done meanwhile, on systems that tell (Linux): one that is frozen or waits for itself. Looks are counted, and
   * not time, so that a machine that slept accuses nobody. Six in 30 s by default.
   */
  stillness?: { lookEveryMs: number; looks: number; progressOf?: (processId: number) => Promise<string | null> };
}

interface Waiting {
  call: DuckdbCall;
  timeoutMs: number;
  resolve(answer: unknown): void;
  reject(error: unknown): void;
}

const lastWordsBytes = 4000;
const residentEveryMs = 50;
const source = import.meta.url.endsWith(".ts") ? "./duckdb-process.ts" : "./duckdb-process.js";

/**
 * A process of its own that runs DuckDB, one task at a time. DuckDB shares its process's memory and cannot be stopped from
 * outside, and what it reads comes from users: so the process is started for the first task, killed when one takes too
 * long or this process ends, and started again for the next one.
 */
export class DuckdbChild {
  readonly #options: Required<DuckdbChildOptions>;
  readonly #queue: Waiting[] = [];
  #current: Waiting | null = null;
  #process: ChildProcess | null = null;
  #timer: NodeJS.Timeout | undefined;
  #looking: NodeJS.Timeout | undefined;
  #lastWords = "";
  #killedFor: DuckdbChildError | null = null;
  #numbers = 0;
  #closed = false;

  constructor(options: DuckdbChildOptions = {}) {
    this.#options = { environment: {}, logger: silentLogger, niceness: 0, idleMs: 30_000, maxResidentBytes: Infinity, stillness: { lookEveryMs: 5000, looks: 6 }, ...options };
  }

  /** Undefined while no process runs; for tests and people. */
  get processId(): number | undefined {
    return this.#process?.pid;
  }

  /** Rejects with the AppError that the task threw, else with DuckdbChildError. The time limit counts from the task's start. */
  run<Name extends DuckdbTaskName>(task: Name, request: DuckdbTasks[Name]["request"], timeoutMs: number): Promise<DuckdbTasks[Name]["answer"]> {
    if (this.#closed) return Promise.reject(new DuckdbChildError("closed", "DuckDB's process was closed."));
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.#queue.push({ call: { number: ++this.#numbers, task, request }, timeoutMs, resolve, reject });
    this.#next();
    return promise as Promise<DuckdbTasks[Name]["answer"]>;
  }

  /** From now on tasks run at the priority of this process. One that is under way stays as it is: only root may raise what was lowered. */
  hasten(): void {
    this.#options.niceness = 0;
    if (this.#current === null) this.#letGo();
  }

  /** Ends the process at once; tasks that are waiting or under way are rejected. */
  async close(): Promise<void> {
    this.#closed = true;
    const closed = new DuckdbChildError("closed", "DuckDB's process was closed.");
    for (const waiting of this.#queue.splice(0)) waiting.reject(closed);
    const child = this.#process;
    if (child === null) return;
    clearTimeout(this.#timer);
    child.ref();
    const exit = once(child, "exit");
    this.#kill(closed);
    await exit;
  }

  #next(): void {
    if (this.#current !== null) return;
    const waiting = this.#queue.shift();
    if (waiting === undefined) {
      this.#rest();
      return;
    }
    clearTimeout(this.#timer);
    this.#current = waiting;
    const child = (this.#process ??= this.#start());
    child.ref();
    child.channel?.ref();
    this.#timer = setTimeout(() => this.#kill(new DuckdbChildError("timeout", `${waiting.call.task} took longer than ${waiting.timeoutMs} ms`)), waiting.timeoutMs);
    child.send(waiting.call, () => undefined);
    if (this.#options.maxResidentBytes < Infinity) void this.#watchMemory(waiting, child);
    this.#watchProgress(waiting, child, null, 0);
  }

  #watchProgress(waiting: Waiting, child: ChildProcess, before: string | null, still: number): void {
    const { lookEveryMs, looks, progressOf = readProgress } = this.#options.stillness;
    clearTimeout(this.#looking);
    this.#looking = setTimeout(() => {
      void progressOf(child.pid ?? 0).then((progress) => {
        if (this.#current !== waiting || this.#process !== child || this.#killedFor !== null) return;
        const count = progress !== null && progress === before ? still + 1 : 0;
        if (count < looks) this.#watchProgress(waiting, child, progress, count);
        else this.#kill(new DuckdbChildError("still", `${waiting.call.task} got nothing done for ${looks * lookEveryMs} ms`));
      });
    }, lookEveryMs);
    this.#looking.unref();
  }

  async #watchMemory(waiting: Waiting, child: ChildProcess): Promise<void> {
    const { maxResidentBytes } = this.#options;
    while (this.#current === waiting && child.pid !== undefined) {
      if ((await readResidentBytes(child.pid)) > maxResidentBytes && this.#current === waiting) {
        this.#kill(new DuckdbChildError("memory", `${waiting.call.task} needed more than ${Math.round(maxResidentBytes / 2 ** 20)} MiB of memory`));
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, residentEveryMs).unref());
    }
  }

  #start(): ChildProcess {
    const child = fork(fileURLToPath(new URL(source, import.meta.url)), [], {
      serialization: "advanced",
      stdio: ["ignore", "ignore", "pipe", "ipc"],
      execArgv: ["--max-old-space-size=1024"],
      env: this.#options.environment,
    });
    if (this.#options.niceness > 0 && child.pid !== undefined) this.#lower(child.pid);
    this.#lastWords = "";
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#lastWords = (this.#lastWords + text).slice(-lastWordsBytes);
    });
    child.on("message", (reply) => this.#settle(reply as DuckdbReply));
    child.on("error", (error) => this.#gone(child, error.message));
    child.on("exit", (code, signal) => this.#gone(child, `ended with ${signal ?? `code ${code}`}`));
    return child;
  }

  /** Refused on some systems, and gone when the process died at once; neither is a reason not to work. */
  #lower(processId: number): void {
    try {
      setPriority(processId, Math.min(19, getPriority() + this.#options.niceness));
    } catch {
      return;
    }
  }

  #settle(reply: DuckdbReply): void {
    const waiting = this.#current;
    // One that is being killed has no answer any more: the next task would be sent to a process that is about to die.
    if (waiting === null || reply.number !== waiting.call.number || this.#killedFor !== null) return;
    clearTimeout(this.#timer);
    clearTimeout(this.#looking);
    this.#current = null;
    if ("answer" in reply) waiting.resolve(reply.answer);
    else if (reply.failure.code === null) waiting.reject(new DuckdbChildError("failed", reply.failure.message));
    else {
      const { code, message, problems, cause } = reply.failure;
      waiting.reject(new AppError(code, message, { problems, cause }));
    }
    this.#next();
  }

  /** Nothing to do: the process may go, and does not keep this one alive. */
  #rest(): void {
    const child = this.#process;
    if (child === null) return;
    child.unref();
    child.channel?.unref();
    this.#timer = setTimeout(() => this.#letGo(), this.#options.idleMs);
    this.#timer.unref();
  }

  /** A task that comes while the process ends gets another one. One that has died beside is not told once more. */
  #letGo(): void {
    clearTimeout(this.#timer);
    if (this.#process?.connected === true) this.#process.disconnect();
    this.#process = null;
  }

  #kill(reason: DuckdbChildError): void {
    this.#killedFor = reason;
    this.#process?.kill("SIGKILL");
  }

  #gone(child: ChildProcess, how: string): void {
    if (child !== this.#process) return;
    clearTimeout(this.#timer);
    clearTimeout(this.#looking);
    this.#process = null;
    const reason = this.#killedFor ?? new DuckdbChildError("crashed", `DuckDB's process ${how}: ${this.#lastWords}`);
    this.#killedFor = null;
    const waiting = this.#current;
    this.#current = null;
    if (waiting !== null) this.#options.logger.warn("duckdb.lost", { task: waiting.call.task, reason: reason.reason, cause: reason.message });
    waiting?.reject(reason);
    this.#next();
  }
}
