import type { Tensor } from "../../core/tensor.ts";
import type { ModelRunner, RunResult } from "../../serving/versions/model-runtime.ts";
import type { ChildRunner } from "../runner/child-runner.ts";
import type { RunnerFolder } from "./runner-folder.ts";

/** A runner with files of its own, which go with it. */
export class PythonRunner implements ModelRunner {
  readonly placement = "runner";
  readonly executionProvider: string;
  readonly #child: ChildRunner;
  readonly #folder: RunnerFolder;
  readonly #onGone: () => void;
  #gone: Promise<void> | null = null;

  constructor(child: ChildRunner, folder: RunnerFolder, onGone: () => void) {
    this.#child = child;
    this.#folder = folder;
    this.#onGone = onGone;
    this.executionProvider = child.executionProvider;
    child.onExit(() => void this.#clear());
  }

  get processId(): number | undefined {
    return this.#child.processId;
  }

  get hasNoRoom(): boolean {
    return this.#child.hasNoRoom;
  }

  run(inputs: readonly Tensor[]): Promise<RunResult> {
    return this.#child.run(inputs);
  }

  onExit(listener: (reason: string) => void): void {
    this.#child.onExit(listener);
  }

  kill(reason: string): void {
    this.#child.kill(reason);
  }

  async close(): Promise<void> {
    await this.#child.close();
    await this.#clear();
  }

  #clear(): Promise<void> {
    this.#gone ??= this.#folder.remove().catch(() => undefined).finally(this.#onGone);
    return this.#gone;
  }
}
