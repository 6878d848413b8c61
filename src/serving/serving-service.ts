import type { Caller } from "../core/caller.ts";
import type { Clock, EpochMs } from "../core/clock.ts";
import { AppError, toAppError } from "../core/errors.ts";
import type { EventBus } from "../core/events.ts";
import { fractionOfId, type IdGenerator } from "../core/ids.ts";
import type { Logger } from "../core/logger.ts";
import { missingObject } from "../core/request-gate.ts";
import type { Tensor } from "../core/tensor.ts";
import {
  assertRunnable, championAlias, type BlobStore, type DeployRequest, type DeployResult, type ModelVersion, type Policy, type PolicyRevision, type RegistryService,
} from "../registry/index.ts";
import { rowsOf } from "./batch.ts";
import { logTensors, unknownRedactions } from "./log-entry.ts";
import type { InferenceCall, InferenceResult } from "./open-inference/inference-service.ts";
import type { MeasurementStore } from "./measurement-store.ts";
import type { ModelRuntime } from "./model-runtime.ts";
import { cacheKey } from "./prediction-cache.ts";
import type { PredictionLog } from "./prediction-log.ts";
import type { PredictionTiming, ServedVersion as ServedVersionView } from "./schemas.ts";
import { ServedModel } from "./served-model.ts";
import { ServedVersion } from "./served-version.ts";
import type { ServingObserver } from "./serving-observer.ts";

export interface ServingParts {
  registry: RegistryService;
  blobs: BlobStore;
  measurements: MeasurementStore;
  machine: string;
  runtime: ModelRuntime;
  log: PredictionLog;
  observer: ServingObserver;
  events: EventBus;
  clock: Clock;
  ids: IdGenerator;
  logger: Logger;
}

/** Models that load at once while the server starts. */
const loadsAtOnce = 2;
/** Whose doing it is what the server does by itself. */
const ownActor = "system";

/** Loads versions, answers predictions, swaps versions under load. */
export class ServingService {
  readonly #parts: ServingParts;
  readonly #models = new Map<string, ServedModel>();
  #stopping = false;
  /** Whether every champion was loaded, or failed, since the start. */
  #loaded = false;
  #loading: Promise<void> = Promise.resolve();

  constructor(parts: ServingParts) {
    this.#parts = parts;
  }

  /** Knows every model, then loads the champions in the background; `whenLoaded` tells when that is done. */
  async start(): Promise<void> {
    const models = await this.#parts.registry.listModels();
    for (const model of models) await this.#servedModel(model.name);
    const queue = models.flatMap(({ name, aliases }) => (aliases[championAlias] === undefined ? [] : [{ name, version: aliases[championAlias] }]));
    const worker = async (): Promise<void> => {
      for (let next = queue.shift(); next !== undefined && !this.#stopping; next = queue.shift()) {
        const { name, version } = next;
        await this.#servedModel(name)
          .then((model) => model.exclusively(() => this.#loadAndActivate(model, version, false)))
          .catch((error: unknown) => this.#logFailure("model.load_failed", name, error));
      }
    };
    this.#loading = Promise.all(Array.from({ length: loadsAtOnce }, worker)).then(() => {
      this.#loaded = true;
    });
  }

  whenLoaded(): Promise<void> {
    return this.#loading;
  }

  /** True when the champions were loaded that were there at the start, and no active version waits for its runners. */
  get isReady(): boolean {
    if (this.#stopping || !this.#loaded) return false;
    for (const model of this.#models.values()) {
      const active = model.active === null ? undefined : model.versions.get(model.active);
      if (active !== undefined && active.state === "loading") return false;
    }
    return true;
  }

  /** Throws MODEL_NOT_FOUND, VERSION_NOT_READY. */
  find(model: string, version?: string): ServedVersion {
    return this.#model(model).resolve(version);
  }

  get modelNames(): string[] {
    return [...this.#models.keys()];
  }

  /** Throws MODEL_NOT_FOUND. */
  policy(model: string): Policy {
    return this.#model(model).policy;
  }

  /** What is loaded: of everything, of one model, or one version. Throws MODEL_NOT_FOUND, VERSION_NOT_READY. */
  loaded(model?: string, version?: string): ServedVersion[] {
    if (model !== undefined && version !== undefined) return [this.find(model, version)];
    const models = model === undefined ? [...this.#models.values()] : [this.#model(model)];
    return models.flatMap((served) => [...served.versions.values()]);
  }

  async infer(call: InferenceCall): Promise<InferenceResult> {
    if (this.#stopping) throw new AppError("SHUTTING_DOWN", "The server is going down.", { retryAfterSeconds: 1 });
    const { clock, ids } = this.#parts;
    const startedAt = clock.monotonic();
    const model = this.#model(call.model);
    const served = model.resolve(call.version);
    const { version } = served;
    const rows = rowsOf(call.inputs, version.contract.signature.batchable);
    assertOutputs(call.outputs, version);
    const predictionId = ids.next("prediction");
    const timing: PredictionTiming = { queueUs: 0, runUs: 0, totalUs: 0, batchRows: 0 };
    let outputs: Tensor[] = [];
    let outcome = "ok";
    let failure: AppError | undefined;
    try {
      const cache = model.cacheOf(version.version);
      const key = cache === undefined ? "" : cacheKey(call.inputs);
      const cached = cache?.get(key, startedAt);
      if (cached !== undefined) {
        outcome = "cached";
        outputs = cached;
      } else {
        const deadlineMs = Math.min(call.deadlineMs ?? Infinity, model.policy.serving.deadlineMs);
        const result = await served.submit(call.inputs, deadlineMs, call.connection);
        timing.queueUs = Math.round(result.queueUs);
        timing.runUs = Math.round(result.runUs);
        timing.batchRows = result.batchRows;
        outputs = result.outputs;
        cache?.set(key, outputs, startedAt);
      }
    } catch (thrown) {
      failure = toAppError(thrown);
      outcome = failure.code;
    }
    timing.totalUs = Math.round((clock.monotonic() - startedAt) * 1000);
    served.totals.answered(outcome, timing, model.policy.cache.enabled, call.now);
    this.#parts.observer.answered({ version, time: call.now, rows, outcome, timing, inputs: call.inputs });
    await this.#log(predictionId, call, model, version, rows, outcome, timing, outputs);
    if (failure !== undefined) throw failure;
    return { predictionId, model: version.model, version: version.version, outputs };
  }

  /** Counts a request that never reached a model. */
  refused(model: string, code: string): void {
    if (this.#models.has(model)) this.#parts.observer.refused(model, code);
  }

  /** Registers a version, loads and warms it, and only then gives it the traffic. */
  async deploy(name: string, request: DeployRequest, caller: Caller, now: EpochMs): Promise<DeployResult> {
    const { version, created } = await this.#parts.registry.register(name, request, caller, now);
    const model = await this.#servedModel(name);
    await model.exclusively(() => this.#loadAndActivate(model, version.version, request.activate && caller.actor));
    return { version, created, active: model.active === version.version, notes: version.contract.runtime.notes };
  }

  /** Gives the traffic to a version: loads it first, swaps, then drains and unloads the former. */
  async activate(name: string, version: string, actor: string, reason?: string): Promise<void> {
    assertRunnable(await this.#parts.registry.version(name, version));
    const model = await this.#servedModel(name);
    await model.exclusively(() => this.#loadAndActivate(model, version, actor, reason));
  }

  /**
   * Takes over what was changed past this service: versions, policy, and the champion, which is loaded first; one that cannot be loaded leaves the
   * former serving. What is no longer there, or has no champion any more, is unloaded. Writes nothing.
   */
  async follow(name: string): Promise<void> {
    const known = await this.#parts.registry.model(name).catch((error: unknown) => this.#unlessMissing(error));
    if (known === null) return this.#removeModel(name);
    const model = await this.#servedModel(name);
    await model.exclusively(async () => {
      const { aliases, latestVersion } = await this.#parts.registry.model(name);
      model.knows(latestVersion);
      await this.#applyPolicy(model);
      await this.#forgetRemoved(model);
      const champion = aliases[championAlias];
      if (champion === undefined && model.active !== null) this.#retire(model, model.active);
      if (champion === undefined || champion === model.active || this.#stopping) return;
      // To try it again would not help.
      if (!(await this.#canRun(name, champion))) return;
      await this.#loadAndActivate(model, champion, false);
      const former = model.active;
      model.activate(champion);
      if (former !== null && former !== champion) this.#retire(model, former);
    });
  }

  /** Loads a version without giving it traffic; the champion, or the latest, when none is named. */
  async load(name: string, version?: string): Promise<void> {
    const known = await this.#parts.registry.model(name);
    const wanted = version ?? known.aliases[championAlias] ?? known.latestVersion;
    if (wanted === null) throw new AppError("VERSION_NOT_FOUND", `${name} has no versions.`);
    assertRunnable(await this.#parts.registry.version(name, wanted));
    const model = await this.#servedModel(name);
    await model.exclusively(() => this.#loadAndActivate(model, wanted, model.active === null && wanted === known.aliases[championAlias] && ownActor));
  }

  /** Writes the change and answers when it is in effect. Throws MODEL_NOT_FOUND, POLICY_CONFLICT, POLICY_INVALID. */
  async changePolicy(revision: PolicyRevision): Promise<PolicyRevision> {
    await this.#assertRedactions(revision);
    const written = await this.#parts.registry.changePolicy(revision);
    const model = await this.#servedModel(revision.model);
    await model.exclusively(() => this.#applyPolicy(model));
    return written;
  }

  /** Finishes what was accepted and returns the memory. Throws MODEL_NOT_FOUND. */
  async unload(name: string, version?: string): Promise<void> {
    const model = this.#model(name);
    await model.exclusively(async () => {
      for (const [number, served] of [...model.versions]) {
        if (version !== undefined && version !== number) continue;
        await served.unload();
        model.forget(number);
      }
    });
  }

  views(model?: string): ServedVersionView[] {
    const models = model === undefined ? [...this.#models.values()] : [this.#model(model)];
    return models.flatMap((served) => [...served.versions.values()].map((version) => version.view(version.version.version === served.active)));
  }

  activeVersion(model: string): string | null {
    return this.#model(model).active;
  }

  /** Answers what was accepted, then ends every runner. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.allSettled([...this.#models.values()].flatMap((model) => [...model.versions.values()].map((version) => version.unload())));
  }

  async #log(
    id: string, call: InferenceCall, model: ServedModel, version: ModelVersion, rows: number, outcome: string, timing: PredictionTiming, outputs: readonly Tensor[],
  ): Promise<void> {
    const policy = model.policy.log;
    if (policy.sampleRate < 1 && fractionOfId(id) >= policy.sampleRate) return;
    const { signature } = version.contract;
    try {
      await this.#parts.log.append({
        id, time: call.now, model: version.model, version: version.version, requestId: call.id, rows, outcome, timing,
        inputs: logTensors(call.inputs, signature.inputs, policy),
        outputs: logTensors(outputs, signature.outputs, policy),
      });
    } catch (error) {
      // A full disk must not stop predictions; the metric and the log say that the record has a gap.
      this.#parts.observer.unlogged(version);
      this.#logFailure("prediction.not_logged", version.model, error);
    }
  }

  #model(name: string): ServedModel {
    const model = this.#models.get(name);
    if (model === undefined) throw missingObject("model", name);
    return model;
  }

  async #servedModel(name: string): Promise<ServedModel> {
    const known = this.#models.get(name);
    if (known !== undefined) return known;
    const { policy } = await this.#parts.registry.policy(name);
    const { latestVersion } = await this.#parts.registry.model(name);
    const model = this.#models.get(name) ?? new ServedModel(name, policy);
    model.knows(latestVersion);
    this.#models.set(name, model);
    return model;
  }

  /** `activateBy` is whose doing it is that the version gets the traffic; false gives it none. */
  async #loadAndActivate(model: ServedModel, version: string, activateBy: string | false, reason?: string): Promise<void> {
    let served = model.versions.get(version);
    if (served === undefined || served.state === "failed") {
      served = await this.#makeVersion(model, version);
      model.versions.set(version, served);
      if (model.active === null) {
        const { aliases } = await this.#parts.registry.model(model.name);
        if (aliases[championAlias] === version) model.activate(version);
      }
      await served.load();
    }
    if (activateBy === false) return;
    const { aliases } = await this.#parts.registry.model(model.name);
    if (aliases[championAlias] !== version) await this.#parts.registry.setAlias(model.name, championAlias, version, { actor: activateBy, now: this.#parts.clock.now(), ...(reason === undefined ? {} : { reason }) });
    const former = model.active;
    model.activate(version);
    if (former !== null && former !== version) this.#retire(model, former);
  }

  async #makeVersion(model: ServedModel, version: string): Promise<ServedVersion> {
    const { registry, runtime, blobs, measurements, machine, clock, logger, observer, events } = this.#parts;
    const found = await registry.version(model.name, version);
    assertRunnable(found);
    model.knows(found.version);
    const made: ServedVersion = new ServedVersion(found, model.policy, {
      runtime, blobs, measurements, machine, clock, logger,
      onState: (state) => {
        logger.info("version.state", { model: model.name, version, state });
        events.emit("version.state", { model: model.name, version, state });
      },
      onBatch: (rows, runUs) => {
        made.totals.ran(rows, runUs);
        observer.ran(found, rows, runUs);
      },
    });
    return made;
  }

  #retire(model: ServedModel, version: string): void {
    const served = model.versions.get(version);
    if (served === undefined) return;
    void served.unload().then(() => {
      if (model.versions.get(version) === served) model.forget(version);
    });
  }

  /** False, and said in the log, for a champion that has nothing to run: an alias may point at anything. */
  async #canRun(name: string, version: string): Promise<boolean> {
    const found = await this.#parts.registry.version(name, version);
    try {
      assertRunnable(found);
      return true;
    } catch (error) {
      this.#logFailure("champion.not_runnable", name, error);
      return false;
    }
  }

  #unlessMissing(error: unknown): null {
    if (toAppError(error).code === "MODEL_NOT_FOUND") return null;
    throw error;
  }

  /** What was accepted is answered. */
  async #removeModel(name: string): Promise<void> {
    const model = this.#models.get(name);
    if (model === undefined) return;
    this.#models.delete(name);
    await model.exclusively(async () => {
      for (const version of [...model.versions.keys()]) this.#retire(model, version);
    });
  }

  /** Unloads versions that the registry has no more. */
  async #forgetRemoved(model: ServedModel): Promise<void> {
    if (model.versions.size === 0) return;
    const there = new Set((await this.#parts.registry.versions(model.name)).map(({ version }) => version));
    for (const version of [...model.versions.keys()]) if (!there.has(version)) this.#retire(model, version);
  }

  async #applyPolicy(model: ServedModel): Promise<void> {
    const { policy } = await this.#parts.registry.policy(model.name);
    const reload = [...model.versions.values()].filter((served) => served.state === "ready" && served.needsReload(policy));
    model.policy = policy;
    for (const former of reload) {
      const number = former.version.version;
      const fresh = await this.#makeVersion(model, number);
      await fresh.load();
      model.versions.set(number, fresh);
      void former.unload();
    }
  }

  /** A typing error in a redaction would log what it meant to hide. */
  async #assertRedactions({ model, policy }: PolicyRevision): Promise<void> {
    const versions = await this.#parts.registry.versions(model);
    if (versions.length === 0) return;
    const unknown = versions.map(({ contract }) => unknownRedactions(contract.signature, policy.log)).reduce((left, right) => left.filter((name) => right.includes(name)));
    if (unknown.length === 0) return;
    const problems = unknown.map((name) => ({ path: "policy.log.redact", message: `no version of ${model} has an input, output or column named ${JSON.stringify(name)}` }));
    throw new AppError("POLICY_INVALID", problems.map(({ message }) => message).join("; "), { problems });
  }

  #logFailure(event: string, model: string, error: unknown): void {
    const failure = toAppError(error);
    this.#parts.logger.error(event, { model, code: failure.code, reason: failure.message, cause: failure.cause });
  }
}

function assertOutputs(names: readonly string[] | undefined, version: ModelVersion): void {
  const unknown = names?.filter((name) => !version.contract.signature.outputs.some((output) => output.name === name)) ?? [];
  if (unknown.length === 0) return;
  const known = version.contract.signature.outputs.map((output) => output.name).join(", ");
  throw new AppError("INVALID_INPUT", `The model has no output named ${unknown.map((name) => JSON.stringify(name)).join(", ")}; it has ${known}.`);
}
