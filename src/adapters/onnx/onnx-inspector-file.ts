import { open } from "node:fs/promises";
import { AppError } from "../../core/errors.ts";
import type { Logger } from "../../core/logger.ts";
import type { ModelInspection } from "../../registry/model-inspector.ts";
import { ChildRunner } from "../runner/child-runner.ts";
import { inspectOnnx } from "./onnx-inspection.ts";
import { runnerCommand } from "./runner-process-command.ts";

/** The format's own limit, and that of the library which parses it. */
const largestFileBytes = 2 ** 31 - 1;
/** Reading this much takes some milliseconds; more would keep other callers waiting, and is read in a process of its own. */
const largestReadHere = 1024 * 1024;
/** A rewritten file comes back in one frame. */
const largestFrameBytes = 2 ** 32 - 8;

export interface InspectionOptions {
  environment: Readonly<Record<string, string>>;
  logger: Logger;
  /** For reading in a process of its own; 60,000 ms by default. */
  timeLimitMs?: number;
}

/**
 * What the file says of itself, without keeping this process busy and without its bytes ever being here when they are
 * many. Throws MODEL_FILE_INVALID, MODEL_OPERATOR_UNSUPPORTED, MODEL_EXTERNAL_DATA.
 */
export async function inspectFile(path: string, options: InspectionOptions): Promise<ModelInspection> {
  const file = await open(path, "r");
  try {
    const { size } = await file.stat();
    if (size > largestFileBytes) throw new AppError("MODEL_FILE_INVALID", "The file is larger than 2 GiB, the most that the ONNX format allows in one file.");
    if (size <= largestReadHere) return inspectOnnx(await file.readFile());
  } finally {
    await file.close();
  }
  return inspectInProcess(path, options);
}

async function inspectInProcess(path: string, { environment, logger, timeLimitMs }: InspectionOptions): Promise<ModelInspection> {
  const runner = await ChildRunner.start({
    command: runnerCommand("onnx-inspector-process", environment),
    path,
    settings: {},
    logger,
    startTimeoutMs: timeLimitMs ?? 60_000,
    maxFrameBytes: largestFrameBytes,
  }).catch((error: AppError) => {
    if (error.code !== "RUNNER_CRASHED" && error.code !== "VERSION_FAILED") throw error;
    throw new AppError("MODEL_FILE_INVALID", "The file could not be read to its end within the time and memory that it may take.", { cause: error });
  });
  try {
    const { outputs } = await runner.run([]);
    const inspection = JSON.parse((outputs[0]!.data as string[])[0]!) as ModelInspection;
    const rewritten = outputs[1]?.data as Uint8Array | undefined;
    return { ...inspection, producer: inspection.producer, ...(rewritten && { rewritten }) };
  } finally {
    await runner.close();
  }
}
