import { AppError } from "../../core/errors.ts";
import type { Tensor } from "../../core/tensor.ts";
import type { ModelRunner, RunResult } from "../../serving/versions/model-runtime.ts";
import { OnnxSession } from "./onnx-session.ts";

/**
 * A model in the server's own process: no copy and no hop, but a run blocks everything and cannot be stopped. Only for
 * models that were measured tiny and whose graph allows it. It runs on the CPU with one thread: for a model of
 * microseconds anything else costs more than it brings.
 */
export class InlineRunner implements ModelRunner {
  readonly placement = "inline";
  readonly processId = undefined;
  readonly #session: OnnxSession;
  readonly #exitListeners: ((reason: string) => void)[] = [];
  /** Why it takes no more runs. */
  #gone: string | null = null;
  #killed = false;
  #running: Promise<RunResult> | null = null;
  #released: Promise<void> | null = null;

  /** Rejects with MODEL_FILE_INVALID, MODEL_OPERATOR_UNSUPPORTED or MODEL_EXTERNAL_DATA. */
  static async start(path: string): Promise<InlineRunner> {
    return new InlineRunner(await OnnxSession.load(path, { intraOpThreads: 1, executionProvider: "cpu" }));
  }

  private constructor(session: OnnxSession) {
    this.#session = session;
  }

  get executionProvider(): string {
    return this.#session.executionProvider;
  }

  async run(inputs: readonly Tensor[]): Promise<RunResult> {
    if (this.#gone !== null) throw new AppError("RUNNER_CRASHED", `The model is not loaded any more: ${this.#gone}.`);
    if (this.#running !== null) throw new AppError("INTERNAL", "A runner runs one batch at a time.");
    this.#running = this.#session.run(inputs);
    try {
      return await this.#running;
    } finally {
      this.#running = null;
    }
  }

  onExit(listener: (reason: string) => void): void {
    if (!this.#killed) this.#exitListeners.push(listener);
    else queueMicrotask(() => listener(this.#gone!));
  }

  /** Lets it take no more runs. The run under way, if there is one, still ends by itself. */
  kill(reason: string): void {
    if (this.#gone !== null) return;
    this.#gone = reason;
    this.#killed = true;
    void this.#release();
    queueMicrotask(() => {
      for (const listener of this.#exitListeners.splice(0)) listener(reason);
    });
  }

  async close(): Promise<void> {
    this.#gone ??= "it was closed";
    await this.#release();
  }

  #release(): Promise<void> {
    const run = this.#running ?? Promise.resolve();
    this.#released ??= run.then(
      () => this.#session.release(),
      () => this.#session.release(),
    );
    return this.#released;
  }
}
