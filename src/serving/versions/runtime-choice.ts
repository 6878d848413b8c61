import { AppError } from "../../core/errors.ts";
import type { Contract } from "../../registry/index.ts";
import type { LightRunners, ModelRunner, ModelRuntime } from "./model-runtime.ts";

/** Several runtimes as one: a version's contract says which loads it. */
export class RuntimeChoice implements ModelRuntime {
  readonly kind: ModelRuntime["kind"];
  readonly #inline: ModelRuntime;
  readonly #runtimes: ReadonlyMap<string, ModelRuntime>;

  /** `inline` is the one that may run models in this process. */
  constructor(inline: ModelRuntime, others: readonly ModelRuntime[]) {
    this.kind = inline.kind;
    this.#inline = inline;
    this.#runtimes = new Map([inline, ...others].map((runtime) => [runtime.kind, runtime]));
  }

  async start(path: string, contract: Contract, placement: "inline" | "runner"): Promise<ModelRunner> {
    const runtime = this.#runtimes.get(contract.runtime.kind);
    if (runtime === undefined) throw new AppError("VERSION_FAILED", `Models of the kind ${contract.runtime.kind} do not run on this server.`);
    return runtime.start(path, contract, placement);
  }

  lightRunners(contract: Contract): LightRunners | null {
    return this.#runtimes.get(contract.runtime.kind)?.lightRunners?.(contract) ?? null;
  }

  /** A file that the inline runtime cannot read is not for this process. */
  inlineAllowed(path: string): Promise<boolean> {
    return this.#inline.inlineAllowed(path);
  }
}
