import { AppError } from "../core/errors.ts";
import { missingObject } from "../core/request-gate.ts";
import type { RegistryService } from "../registry/index.ts";
import { ServedModel } from "./served-model.ts";

/** The models that this process knows, loaded or not. */
export class ServedModels {
  readonly #registry: Pick<RegistryService, "model" | "policy">;
  readonly #models = new Map<string, ServedModel>();
  /** Goes up with every model that is removed: what was read before is then read again before it is kept. */
  #removals = 0;
  /** Whether the models that were there at the start are known. */
  areKnown = false;

  constructor(registry: Pick<RegistryService, "model" | "policy">) {
    this.#registry = registry;
  }

  get all(): ServedModel[] {
    return [...this.#models.values()];
  }

  get names(): string[] {
    return [...this.#models.keys()];
  }

  has(name: string): boolean {
    return this.#models.has(name);
  }

  get(name: string): ServedModel | undefined {
    return this.#models.get(name);
  }

  /** Throws MODEL_NOT_FOUND; VERSION_NOT_READY where that is not known yet. */
  find(name: string): ServedModel {
    const model = this.#models.get(name);
    if (model !== undefined) return model;
    // Callers may come before the registry was read: what is not known yet is not missing.
    if (!this.areKnown) throw new AppError("VERSION_NOT_READY", "The server is starting, and does not know its models yet.", { retryAfterSeconds: 1 });
    throw missingObject("model", name);
  }

  /** From the registry where it is not known yet. Throws MODEL_NOT_FOUND. */
  async open(name: string): Promise<ServedModel> {
    for (;;) {
      const known = this.#models.get(name);
      if (known !== undefined) return known;
      const removals = this.#removals;
      const { policy } = await this.#registry.policy(name);
      const { latestVersion } = await this.#registry.model(name);
      // It may be the one that was removed while it was read: nobody would remove it again.
      if (removals !== this.#removals) continue;
      const model = this.#models.get(name) ?? new ServedModel(name, policy);
      model.knows(latestVersion);
      this.#models.set(name, model);
      return model;
    }
  }

  /** Answers with what was known of it. */
  remove(name: string): ServedModel | undefined {
    this.#removals++;
    const model = this.#models.get(name);
    this.#models.delete(name);
    return model;
  }
}
