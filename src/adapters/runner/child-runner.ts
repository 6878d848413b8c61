import { AnswerHold, uncountedBytes, type AnswerMemory } from "../../core/answer-memory.ts";
import { errorCatalogue } from "../../core/error-catalogue.ts";
import { AppError } from "../../core/errors.ts";
import type { Logger } from "../../core/logger.ts";
import type { Tensor } from "../../core/tensor.ts";
import type { ModelRunner, RunResult } from "../../serving/versions/model-runtime.ts";
import { defaultMaxFrameBytes, FrameDecoder, FrameError, writeFrame, type Frame } from "./frame-protocol.ts";
import { protocolVersion, type LoadedFacts, type ParentMessage, type RunnerMessage, type WireError } from "./runner-messages.ts";
import { SpawnedProcess, type ProcessEnd, type RunnerCommand } from "./spawned-process.ts";

export type { RunnerCommand } from "./spawned-process.ts";

export interface ChildRunnerOptions {
  command: RunnerCommand;
  /** File to load, and what the runtime wants to know beside it. */
  path: string;
  settings: Readonly<Record<string, unknown>>;
  logger: Logger;
  /** Added to every log event, such as model and version. */
  logFields?: Readonly<Record<string, unknown>>;
  /** From the spawn until the model is loaded; 60,000 ms by default. */
  startTimeoutMs?: number;
  /** From the wish to close, or the end of the run under way, until SIGKILL; 2,000 ms by default. */
  closeGraceMs?: number;
  maxFrameBytes?: number;
  /** Where large answers count until they are released; without it they have no bound together. */
  answers?: AnswerMemory | undefined;
}

interface PendingRun {
  id: number;
  resolve(result: RunResult): void;
  reject(error: AppError): void;
}

function appErrorOf({ code, message, problems, detail }: WireError): AppError {
  const known = Object.hasOwn(errorCatalogue, code) ? code : "INTERNAL";
  return new AppError(known, String(message), { problems: problems ?? [], cause: detail === undefined ? undefined : new Error(detail) });
}

/** A model in a process of its own, spoken to in frames (see README.md), that can be killed at any time and ends when this process does. */
export class ChildRunner implements ModelRunner {
  readonly placement = "runner";
  readonly #process: SpawnedProcess;
  readonly #options: ChildRunnerOptions;
  readonly #maxFrameBytes: number;
  readonly #loaded = Promise.withResolvers<void>();
  readonly #finished: Promise<void>;
  readonly #exitListeners: ((reason: string) => void)[] = [];
  #facts: LoadedFacts = { executionProvider: "cpu" };
  #pending: PendingRun | null = null;
  #lastRunId = 0;
  #lastAnswerBytes = 0;
  #closing = false;
  /** Why we ended it, where we did. */
  #killReason: string | null = null;
  /** What the runner said of its own end. */
  #fatal: WireError | null = null;
  /** Set when the process has ended. */
  #exitReason: string | null = null;

  /**
   * Starts the process and loads the model. Rejects with the runner's own error (such as MODEL_FILE_INVALID), with
   * RUNNER_CRASHED when the process ends before it has loaded, and with VERSION_FAILED when that takes too long. The
   * process is gone when this rejects.
   */
  static async start(options: ChildRunnerOptions): Promise<ChildRunner> {
    const runner = new ChildRunner(options);
    const timeoutMs = options.startTimeoutMs ?? 60_000;
    const timer = setTimeout(() => {
      runner.#loaded.reject(new AppError("VERSION_FAILED", `The model did not load within ${timeoutMs} ms.`));
    }, timeoutMs);
    try {
      await runner.#loaded.promise;
      return runner;
    } catch (error) {
      runner.kill("it did not start");
      await runner.#finished;
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  private constructor(options: ChildRunnerOptions) {
    const { command, logger, logFields } = options;
    this.#options = options;
    this.#maxFrameBytes = options.maxFrameBytes ?? defaultMaxFrameBytes;
    this.#process = new SpawnedProcess(command, (line, dropping) => {
      logger.warn("runner.output", { ...logFields, processId: this.processId, line, ...(dropping && { dropping }) });
    });
    const decoder = new FrameDecoder<RunnerMessage>((frame, bytes) => this.#receive(frame, bytes), this.#maxFrameBytes);
    this.#process.socket.on("data", (chunk: Buffer) => {
      try {
        decoder.push(chunk);
      } catch (error) {
        // Whatever it sent that we could not read, it must not harm this process.
        this.#fatal = { code: "RUNNER_CRASHED", message: "it broke the protocol", detail: String(error) };
        this.kill("it broke the protocol");
      }
    });
    this.#finished = this.#process.ended.then((end) => this.#finish(end));
    this.#send({ type: "load", path: options.path, settings: options.settings });
  }

  get executionProvider(): string {
    return this.#facts.executionProvider;
  }

  /** Why a better execution provider is not used; for the log and the console. */
  get executionProviderNote(): string | undefined {
    return this.#facts.executionProviderNote;
  }

  get processId(): number | undefined {
    return this.#process.processId;
  }

  get hasNoRoom(): boolean {
    return this.#lastAnswerBytes > uncountedBytes && this.#options.answers?.isFull === true;
  }

  async run(inputs: readonly Tensor[]): Promise<RunResult> {
    const gone = this.#exitReason ?? this.#killReason ?? (this.#closing ? "it was closed" : null);
    if (gone !== null) throw new AppError("RUNNER_CRASHED", `The model's process is not there any more: ${gone}.`);
    if (this.#pending !== null) throw new AppError("INTERNAL", "A runner runs one batch at a time.");
    const id = ++this.#lastRunId;
    return new Promise<RunResult>((resolve, reject) => {
      this.#pending = { id, resolve, reject };
      try {
        writeFrame(this.#process.socket, { type: "run", id } satisfies ParentMessage, inputs, this.#maxFrameBytes);
      } catch (error) {
        this.#pending = null;
        reject(new AppError("MODEL_RUN_FAILED", "The inputs are larger than a runner can take at once.", { cause: error }));
      }
    });
  }

  onExit(listener: (reason: string) => void): void {
    const reason = this.#exitReason;
    if (reason === null) this.#exitListeners.push(listener);
    else if (!this.#closing) queueMicrotask(() => listener(reason));
  }

  kill(reason: string): void {
    if (this.#exitReason !== null) return;
    this.#killReason ??= reason;
    this.#process.kill();
  }

  async close(): Promise<void> {
    // A killed runner is waited for; its end stays the news that `onExit` promises.
    if (!this.#closing && this.#killReason === null && this.#exitReason === null) {
      this.#closing = true;
      this.#send({ type: "close" });
      if (this.#pending === null) this.#startGrace();
    }
    await this.#finished;
  }

  #startGrace(): void {
    const timer = setTimeout(() => this.kill("it did not close in time"), this.#options.closeGraceMs ?? 2000);
    void this.#finished.then(() => clearTimeout(timer));
  }

  #send(message: ParentMessage): void {
    if (!this.#process.socket.destroyed) writeFrame(this.#process.socket, message);
  }

  #receive({ header, tensors }: Frame<RunnerMessage>, bytes: number): void {
    switch (header.type) {
      case "hello":
        if (header.protocol === protocolVersion) return;
        this.#loaded.reject(new AppError("VERSION_FAILED", `The runner speaks protocol ${String(header.protocol)}, this server ${protocolVersion}.`));
        return;
      case "loaded":
        this.#facts = { ...header, executionProvider: String(header.executionProvider) };
        this.#loaded.resolve();
        return;
      case "result":
        this.#settle(header.id, { outputs: tensors, runUs: Number(header.runUs) || 0 }, bytes);
        return;
      case "error":
        if (header.id === undefined) this.#loaded.reject(appErrorOf(header.error));
        else this.#takePending(header.id)?.reject(appErrorOf(header.error));
        return;
      case "fatal":
        this.#fatal = header.error;
        return;
      default:
        throw new FrameError("The runner sent a message of an unknown type");
    }
  }

  /** Whoever gets the result may give up the memory of the inputs: not before the last byte of them is written, whatever a model's process says. */
  #settle(id: number, answer: RunResult, bytes: number): void {
    const pending = this.#takePending(id);
    if (pending === null) return;
    this.#lastAnswerBytes = bytes;
    const { answers } = this.#options;
    const held = answers === undefined || bytes <= uncountedBytes ? null : new AnswerHold(answers);
    held?.add(bytes);
    const result = held === null ? answer : { ...answer, held };
    const { socket } = this.#process;
    if (socket.writableLength === 0) pending.resolve(result);
    else socket.write("", () => pending.resolve(result));
  }

  #takePending(id: number): PendingRun | null {
    const pending = this.#pending;
    if (pending?.id !== id) return null;
    this.#pending = null;
    if (this.#closing) this.#startGrace();
    return pending;
  }

  #finish({ how, lastWords, startError }: ProcessEnd): void {
    const reason = this.#killReason ?? this.#fatal?.message ?? how;
    this.#exitReason = reason;
    const { logger, logFields } = this.#options;
    if (!this.#closing) logger.warn("runner.ended", { ...logFields, processId: this.processId, reason, how, lastWords });

    const message = this.#killReason === null ? `The model's process died (${how}).` : `The model's process was ended: ${this.#killReason}.`;
    const words = [how, this.#fatal?.detail, lastWords].filter(Boolean).join("\n");
    const error = new AppError("RUNNER_CRASHED", message, { cause: new Error(words, { cause: startError }) });
    this.#loaded.reject(error);
    this.#pending?.reject(error);
    this.#pending = null;
    const listeners = this.#exitListeners.splice(0);
    if (!this.#closing) for (const listener of listeners) listener(reason);
  }
}
