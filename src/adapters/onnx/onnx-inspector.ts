import { AppError } from "../../core/errors.ts";
import type { ModelInspection, ModelInspector, ModelProbe } from "../../registry/model-inspector.ts";
import { ChildRunner } from "../runner/child-runner.ts";
import { inspectFile, type InspectionOptions } from "./onnx-inspector-file.ts";
import { probeModel } from "./onnx-probe.ts";
import type { OnnxSessionSettings } from "./onnx-session.ts";
import { runnerCommand } from "./runner-process-command.ts";

export interface OnnxInspectorOptions extends InspectionOptions {
  /** Threads for one operator while the model is tried; 0 is one for each physical core. */
  intraOpThreads: number;
  /** For loading the model and reading large files; 60,000 ms by default. */
  timeLimitMs?: number;
  /** For all runs of the probe together; 10,000 ms by default. */
  probeTimeLimitMs?: number;
}

/** Reads ONNX files and tries them, each in a process of its own that is gone afterwards. */
export class OnnxInspector implements ModelInspector {
  readonly kind = "onnx";
  readonly #options: OnnxInspectorOptions;

  constructor(options: OnnxInspectorOptions) {
    this.#options = options;
  }

  inspect(path: string): Promise<ModelInspection> {
    return inspectFile(path, this.#options);
  }

  async probe(path: string, inspection: ModelInspection): Promise<ModelProbe> {
    const runner = await this.#start(path);
    try {
      return await probeModel(runner, inspection, this.#options.probeTimeLimitMs ?? 10_000);
    } finally {
      await runner.close();
    }
  }

  async #start(path: string): Promise<ChildRunner> {
    const { environment, logger, intraOpThreads, timeLimitMs } = this.#options;
    try {
      return await ChildRunner.start({
        command: runnerCommand("runner-process", environment),
        path,
        // On the CPU, whose results are the same everywhere; a GPU may round more than the comparison allows.
        settings: { intraOpThreads, executionProvider: "cpu" } satisfies OnnxSessionSettings,
        logger,
        ...(timeLimitMs !== undefined && { startTimeoutMs: timeLimitMs }),
      });
    } catch (error) {
      if (!(error instanceof AppError) || (error.code !== "RUNNER_CRASHED" && error.code !== "VERSION_FAILED")) throw error;
      throw new AppError("MODEL_PROBE_FAILED", `The model cannot be loaded. ${error.message}`, { cause: error });
    }
  }
}
