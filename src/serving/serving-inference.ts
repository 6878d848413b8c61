import type { InferenceCall, InferenceResult, InferenceService, ModelDescription, RepositoryEntry, VersionStatistics } from "./open-inference/inference-service.ts";
import type { ErrorCode } from "../core/error-catalogue.ts";
import type { Signature } from "../registry/index.ts";
import type { ServingService } from "./serving-service.ts";

/** What the inference wires ask of serving, answered by the serving service. */
export class ServingInference implements InferenceService {
  readonly #serving: ServingService;
  readonly #teamOf: InferenceService["teamOf"];

  constructor(serving: ServingService, teamOf: InferenceService["teamOf"]) {
    this.#serving = serving;
    this.#teamOf = teamOf;
  }

  teamOf(model: string): string | null | Promise<string | null> {
    return this.#teamOf(model);
  }

  infer(call: InferenceCall): Promise<InferenceResult> {
    return this.#serving.infer(call);
  }

  signature(model: string, version?: string): Signature {
    return this.#serving.signature(model, version);
  }

  describe(model: string, version?: string): ModelDescription {
    const served = this.#serving.find(model, version);
    const { signature, runtime } = served.version.contract;
    const { serving, cache } = this.#serving.policy(model);
    const { runners, executionProvider } = served.view(false);
    return {
      model,
      version: served.version.version,
      versions: this.#serving.views(model).map((view) => view.version).sort((a, b) => Number(a) - Number(b)),
      signature,
      kind: runtime.kind,
      maxBatchRows: signature.batchable ? serving.maxBatchRows : 1,
      maxBatchDelayMs: serving.maxBatchDelayMs,
      maxQueueRows: serving.maxQueueRows,
      deadlineMs: serving.deadlineMs,
      runners: runners.wanted,
      executionProvider,
      cacheEnabled: cache.enabled,
    };
  }

  ready(model?: string, version?: string): boolean {
    if (model === undefined) return this.#serving.isReady;
    try {
      return this.#serving.find(model, version).isReady;
    } catch {
      return false; // an unknown model is not ready, and that is the whole answer
    }
  }

  index(): readonly RepositoryEntry[] {
    const views = this.#serving.views();
    const loaded = new Set(views.map((view) => view.model));
    const unloaded = this.#serving.modelNames.filter((model) => !loaded.has(model));
    return [
      // The wires have no word for what is loaded and cannot be asked.
      ...views.map(({ model, version, state, reason, active }) => ({ model, version, state: state === "away" ? ("failed" as const) : state, reason, active })),
      ...unloaded.map((model) => ({ model, version: "", state: "unloaded" as const, reason: null, active: false })),
    ];
  }

  load(model: string, version?: string): Promise<void> {
    return this.#serving.load(model, version);
  }

  unload(model: string, version?: string): Promise<void> {
    return this.#serving.unload(model, version);
  }

  refused(model: string, code: ErrorCode): void {
    this.#serving.refused(model, code);
  }

  statistics(model?: string, version?: string): readonly VersionStatistics[] {
    return this.#serving.loaded(model, version).map(({ version: { model: name, version: number }, totals }) => ({
      model: name,
      version: number,
      lastInferenceAt: totals.lastInferenceAt,
      rows: totals.rows,
      runs: totals.runs,
      success: totals.success,
      fail: totals.fail,
      queue: totals.queue,
      run: totals.run,
      cacheHit: totals.cacheHit,
      cacheMiss: totals.cacheMiss,
      batches: totals.batches,
    }));
  }
}
