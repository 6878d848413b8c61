import { fileURLToPath } from "node:url";
import type { RunnerCommand } from "../runner/child-runner.ts";

/** The processes that this adapter starts. */
export type RunnerScript = "runner-process" | "onnx-inspector-process";

/**
 * The command that starts a script of this folder with the Node that runs us: as TypeScript in the source tree, as
 * JavaScript in the built package.
 */
export function runnerCommand(script: RunnerScript, environment: Readonly<Record<string, string>>): RunnerCommand {
  const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
  const path = fileURLToPath(new URL(`./${script}.${extension}`, import.meta.url));
  return { executable: process.execPath, arguments: ["--disable-warning=ExperimentalWarning", path], environment };
}
