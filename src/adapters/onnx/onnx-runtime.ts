import { stat } from "node:fs/promises";
import type { AnswerMemory } from "../../core/answer-memory.ts";
import { AppError } from "../../core/errors.ts";
import type { Logger } from "../../core/logger.ts";
import type { Contract } from "../../registry/index.ts";
import type { ModelRunner, ModelRuntime } from "../../serving/versions/model-runtime.ts";
import { ChildRunner } from "../runner/child-runner.ts";
import type { ExecutionProviderChoice } from "./execution-provider.ts";
import { InlineRunner } from "./inline-runner.ts";
import { inspectFile } from "./onnx-inspector-file.ts";
import type { OnnxSessionSettings } from "./onnx-session.ts";
import { runnerCommand } from "./runner-process-command.ts";

export interface OnnxRuntimeOptions {
  logger: Logger;
  /** The whole environment of runner processes, such as PATH, LD_LIBRARY_PATH and CUDA_VISIBLE_DEVICES; no secrets. */
  environment: Readonly<Record<string, string>>;
  /** Threads for one operator in a runner process; 0 is one for each physical core. */
  intraOpThreads: number;
  /** `auto` by default: CUDA where it is there, else the CPU. Inline models always run on the CPU. */
  executionProvider?: ExecutionProviderChoice;
  /** From the start of a process until its model is loaded; 60,000 ms by default. */
  startTimeoutMs?: number;
  /** What a runner gets to close by itself; 2,000 ms by default. */
  closeGraceMs?: number;
  /** Where large answers of versions count; see `ChildRunnerOptions`. */
  answers?: AnswerMemory;
}

/** A larger file is not a tiny model, whatever was measured. */
const largestInlineBytes = 32 * 1024 * 1024;

/** Runs ONNX models, in processes of their own or in this one. */
export class OnnxRuntime implements ModelRuntime {
  readonly kind = "onnx";
  readonly #options: OnnxRuntimeOptions;
  readonly #executionProviders = new Set<string>(["cpu"]);

  constructor(options: OnnxRuntimeOptions) {
    this.#options = options;
  }

  /** The providers that have run a model since the start, `cpu` in any case. */
  get executionProviders(): string[] {
    return [...this.#executionProviders];
  }

  async start(path: string, contract: Contract, placement: "inline" | "runner"): Promise<ModelRunner> {
    const logFields = { model: contract.model, version: contract.version };
    const startedAt = performance.now();
    try {
      const runner = placement === "inline" ? await InlineRunner.start(path) : await this.#startProcess(path, logFields);
      const note = runner instanceof ChildRunner ? runner.executionProviderNote : undefined;
      this.#executionProviders.add(runner.executionProvider);
      this.#options.logger.info("runner.started", {
        ...logFields,
        placement,
        processId: runner.processId,
        executionProvider: runner.executionProvider,
        ...(note !== undefined && { executionProviderNote: note }),
        startMs: Math.round(performance.now() - startedAt),
      });
      return runner;
    } catch (error) {
      if (error instanceof AppError && error.code === "VERSION_FAILED") throw error;
      const reason = error instanceof AppError ? error.message : "its runner could not be started.";
      throw new AppError("VERSION_FAILED", `The version cannot be loaded: ${reason}`, { cause: error });
    }
  }

  async inlineAllowed(path: string): Promise<boolean> {
    try {
      if ((await stat(path)).size > largestInlineBytes) return false;
      return !(await inspectFile(path, this.#options)).valueDependentCost;
    } catch (error) {
      // Whatever cannot be read is nothing to let into this process; loading it says why.
      if (error instanceof AppError) return false;
      throw error;
    }
  }

  #startProcess(path: string, logFields: Readonly<Record<string, unknown>>): Promise<ChildRunner> {
    const { logger, environment, intraOpThreads, executionProvider = "auto", startTimeoutMs, closeGraceMs, answers } = this.#options;
    return ChildRunner.start({
      answers,
      command: runnerCommand("runner-process", environment),
      path,
      settings: { intraOpThreads, executionProvider } satisfies OnnxSessionSettings,
      logger,
      logFields,
      ...(startTimeoutMs !== undefined && { startTimeoutMs }),
      ...(closeGraceMs !== undefined && { closeGraceMs }),
    });
  }
}
