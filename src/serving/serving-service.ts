import type { Caller } from "../core/caller.ts";
import type { EpochMs } from "../core/clock.ts";
import { AppError, toAppError } from "../core/errors.ts";
import { assertRunnable, championAlias, type DeployRequest, type DeployResult, type Policy, type PolicyRevision, type Signature } from "../registry/index.ts";
import type { InferenceCall, InferenceResult } from "./open-inference/inference-service.ts";
import { assertPolicyFits } from "./policy-fit.ts";
import { PredictionAnswers } from "./predictions/prediction-answers.ts";
import type { ServedVersion as ServedVersionView } from "./schemas.ts";
import type { ServedModel } from "./served-model.ts";
import { ServedModels } from "./served-models.ts";
import type { ServedVersion } from "./versions/served-version.ts";
import { logFailure, type ServingParts } from "./serving-parts.ts";
import { ActiveRoute } from "./traffic/active-route.ts";
import type { TrafficRoute } from "./traffic/traffic-route.ts";
import { VersionLoading } from "./versions/version-loading.ts";

/** Models that load at once while the server starts. */
const loadsAtOnce = 2;
/** Whose doing it is what the server does by itself. */
const ownActor = "system";

/** The models that are served: which of their versions are in memory, which has the traffic, and who changes that. */
export class ServingService {
  readonly #parts: ServingParts;
  readonly #loading: VersionLoading;
  readonly #answers: PredictionAnswers;
  readonly #models: ServedModels;
  #stopping = false;
  /** Whether every champion was loaded, or failed, since the start. */
  #loaded = false;
  #championsLoaded: Promise<void> = Promise.resolve();

  constructor(parts: ServingParts) {
    this.#parts = parts;
    this.#models = new ServedModels(parts.registry);
    this.#loading = new VersionLoading(parts);
    this.#answers = new PredictionAnswers(parts, (name) => this.#models.get(name));
  }

  /** Knows every model, then loads the champions in the background; `whenLoaded` tells when that is done. */
  async start(): Promise<void> {
    const models = await this.#parts.registry.listModels();
    // One that another server removes meanwhile is none of ours.
    for (const model of models) await this.#models.open(model.name).catch((error: unknown) => this.#unlessMissing(error));
    this.#models.areKnown = true;
    const queue = models.flatMap(({ name, aliases }) => (aliases[championAlias] === undefined ? [] : [{ name, version: aliases[championAlias] }]));
    const worker = async (): Promise<void> => {
      for (let next = queue.shift(); next !== undefined && !this.#stopping; next = queue.shift()) {
        const { name, version } = next;
        await this.#models.open(name)
          .then((model) => this.#change(model, () => this.#loading.loadAndActivate(model, version, false)))
          .catch((error: unknown) => logFailure(this.#parts.logger, "model.load_failed", name, error));
      }
    };
    this.#championsLoaded = Promise.all(Array.from({ length: loadsAtOnce }, worker)).then(() => {
      this.#loaded = true;
    });
  }

  whenLoaded(): Promise<void> {
    return this.#championsLoaded;
  }

  /** True when the champions were loaded that were there at the start, and no active version waits for its runners. */
  get isReady(): boolean {
    if (this.#stopping || !this.#loaded) return false;
    for (const model of this.#models.all) {
      const active = model.active === null ? undefined : model.versions.get(model.active);
      if (active !== undefined && active.state === "loading") return false;
    }
    return true;
  }

  /** Throws MODEL_NOT_FOUND, VERSION_NOT_READY. */
  find(model: string, version?: string): ServedVersion {
    return this.#models.find(model).resolve(version);
  }

  get modelNames(): string[] {
    return this.#models.names;
  }

  /** Throws MODEL_NOT_FOUND. */
  policy(model: string): Policy {
    return this.#models.find(model).policy;
  }

  /** What is loaded: of everything, of one model, or one version. Throws MODEL_NOT_FOUND, VERSION_NOT_READY. */
  loaded(model?: string, version?: string): ServedVersion[] {
    if (model !== undefined && version !== undefined) return [this.find(model, version)];
    const models = model === undefined ? this.#models.all : [this.#models.find(model)];
    return models.flatMap((served) => [...served.versions.values()]);
  }

  /** By which a request's inputs are read: that of the version that answers, or of the fallback model where there is none to answer. Throws as `find`. */
  signature(name: string, version?: string): Signature {
    const model = this.#models.find(name);
    const { model: fallback } = model.policy.fallback;
    const standIn = version !== undefined || fallback === null || model.activeVersion !== undefined ? undefined : this.#models.get(fallback)?.activeVersion;
    return (standIn ?? model.resolve(version)).version.contract.signature;
  }

  async infer(call: InferenceCall): Promise<InferenceResult> {
    if (this.#stopping) throw new AppError("SHUTTING_DOWN", "The server is going down.", { retryAfterSeconds: 1 });
    return this.#answers.infer(this.#models.find(call.model), call);
  }

  /** Counts a request that never reached a model. */
  refused(model: string, code: string): void {
    if (this.#models.has(model)) this.#parts.observer.refused(model, code);
  }

  /**
   * Registers a version, loads and warms it, and only then gives it the traffic, unless the request or the policy leaves that to a rollout. Throws
   * ROLLOUT_UNDER_WAY where it would take the traffic from a rollout.
   */
  async deploy(name: string, request: DeployRequest, caller: Caller, now: EpochMs): Promise<DeployResult> {
    const rollsOut = request.activate === undefined && (await this.#rollsOutNewVersions(name));
    const activates = !rollsOut && (request.activate ?? true);
    if (activates && (await this.#parts.isRolledOut?.(name)) === true) {
      // To somebody who may not deploy it, there is no such model.
      await this.#parts.registry.teamForDeploy(name, request.team, caller);
      throw new AppError("ROLLOUT_UNDER_WAY", `A rollout of ${name} is under way: deploy without giving the version traffic (--no-activate), or end the rollout first.`);
    }
    const { version, created } = await this.#parts.registry.register(name, request, caller, now);
    const model = await this.#models.open(name);
    await this.#change(model, () => this.#loading.loadAndActivate(model, version.version, activates && caller.actor));
    const active = model.active === version.version;
    const notes = [...version.contract.runtime.notes, ...(rollsOut && created && !active ? ["The policy's plan rolls it out: see slipway rollout status."] : [])];
    return { version, created, active, notes };
  }

  /** Gives the traffic to a version: loads it first, swaps, then drains and unloads the former. */
  async activate(name: string, version: string, actor: string, reason?: string): Promise<void> {
    assertRunnable(await this.#parts.registry.version(name, version));
    const model = await this.#models.open(name);
    await this.#change(model, () => this.#loading.loadAndActivate(model, version, actor, reason));
  }

  /**
   * Takes over what was changed past this service: versions, policy, and the champion, which is loaded first; one that cannot be loaded leaves the
   * former serving. What is no longer there, or has no champion any more, is unloaded. Writes nothing.
   */
  async follow(name: string): Promise<void> {
    const known = await this.#parts.registry.model(name).catch((error: unknown) => this.#unlessMissing(error));
    if (known === null) return this.#removeModel(name);
    const model = await this.#models.open(name);
    await model.exclusively(async () => {
      const { aliases, latestVersion } = await this.#parts.registry.model(name);
      model.knows(latestVersion);
      await this.#loading.applyPolicy(model);
      await this.#loading.forgetRemoved(model);
      const champion = aliases[championAlias];
      if (champion === undefined && model.active !== null) this.#loading.retire(model, model.active);
      if (champion === undefined || champion === model.active || this.#stopping) return;
      // To try it again would not help.
      if (!(await this.#loading.canRun(name, champion))) return;
      await this.#loading.loadAndActivate(model, champion, false);
      const former = model.active;
      model.activate(champion);
      if (former !== null && former !== champion) this.#loading.retire(model, former);
    });
  }

  /** Loads a version without giving it traffic; the champion, or the latest, when none is named. */
  async load(name: string, version?: string): Promise<void> {
    const known = await this.#parts.registry.model(name);
    const wanted = version ?? known.aliases[championAlias] ?? known.latestVersion;
    if (wanted === null) throw new AppError("VERSION_NOT_FOUND", `${name} has no versions.`);
    assertRunnable(await this.#parts.registry.version(name, wanted));
    const model = await this.#models.open(name);
    await model.exclusively(() => this.#loading.loadAndActivate(model, wanted, model.active === null && wanted === known.aliases[championAlias] && ownActor));
  }

  /** Loads what a rollout had replaced before this server started, and keeps it for so long, unless something newer is kept or needed. Throws as `load`. */
  keepWarm(name: string, version: string, seconds: number): Promise<void> {
    return this.#models.open(name).then((model) => model.exclusively(async () => (this.#stopping ? undefined : this.#loading.keepWarmAgain(model, version, seconds))));
  }

  /** Writes the change and answers when it is in effect. Throws MODEL_NOT_FOUND, POLICY_CONFLICT, POLICY_INVALID. */
  async changePolicy(revision: PolicyRevision): Promise<PolicyRevision> {
    await assertPolicyFits(revision, this.#parts.registry);
    const written = await this.#parts.registry.changePolicy(revision);
    const model = await this.#models.open(revision.model);
    await this.#change(model, () => this.#loading.applyPolicy(model));
    return written;
  }

  /** Finishes what was accepted and returns the memory. Throws MODEL_NOT_FOUND. */
  async unload(name: string, version?: string): Promise<void> {
    const model = this.#models.find(name);
    await model.exclusively(async () => {
      for (const [number, served] of [...model.versions]) {
        if (version !== undefined && version !== number) continue;
        await served.unload();
        model.forget(number);
      }
    });
  }

  /**
   * From the next request on, requests of the model that name no version go by this route, or all to the active version where there is none.
   * What it names is loaded and warmed before. Older revisions than the present one, and itself, change nothing. Throws MODEL_NOT_FOUND; and
   * VERSION_FAILED, VERSION_NOT_FOUND or VERSION_NOT_RUNNABLE where something cannot be loaded: the former route stays.
   */
  async applyRoute(route: TrafficRoute | { model: string; revision: number; route: null }): Promise<void> {
    if (this.#stopping) throw new AppError("SHUTTING_DOWN", "The server is going down.");
    const model = await this.#models.open(route.model);
    if (route.revision <= model.routeRevision) return;
    if ("route" in route) return this.#setRoute(model, undefined, route.revision);
    // A way back must not wait for something else that loads.
    if (!this.#loading.isPrepared(model, route)) await model.exclusively(() => this.#loading.prepare(model, route));
    this.#setRoute(model, route, route.revision);
  }

  /** Throws MODEL_NOT_FOUND. */
  routeOf(model: string): TrafficRoute | null {
    return this.#models.find(model).route?.route ?? null;
  }

  /** From this moment on nothing goes to the arm, until a route of a higher revision is applied; its keys are answered by stable. */
  cutArm(model: string, rollout: string, arm: string): void {
    const route = this.#models.get(model)?.route;
    if (route?.route.rollout === rollout) route.cut(arm);
  }

  /** 99th percentile of the stable version's answers, in milliseconds; null while too few were given. Throws MODEL_NOT_FOUND. */
  stableP99Ms(model: string): number | null {
    const served = this.#models.find(model);
    const stable = served.route === undefined ? undefined : served.versions.get(served.route.route.stable);
    return (stable ?? served.activeVersion)?.latency.p99Ms ?? null;
  }

  views(model?: string): ServedVersionView[] {
    const models = model === undefined ? this.#models.all : [this.#models.find(model)];
    return models.flatMap((served) => [...served.versions.values()].map((version) => version.view(version.version.version === served.active)));
  }

  activeVersion(model: string): string | null {
    return this.#models.find(model).active;
  }

  /** Answers what was accepted, then ends every runner. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#answers.stop();
    await Promise.allSettled(this.#models.all.flatMap((model) => [...model.versions.values()].map((version) => version.unload())));
  }

  /** A first version has nothing to be compared with: it gets the traffic at once. */
  async #rollsOutNewVersions(name: string): Promise<boolean> {
    const { registry } = this.#parts;
    if ((await registry.teamOf(name)) === null || (await registry.model(name)).aliases[championAlias] === undefined) return false;
    return (await registry.policy(name)).policy.rollout.startOn.includes("registered");
  }

  #setRoute(model: ServedModel, route: TrafficRoute | undefined, revision: number): void {
    const former = model.route?.route;
    const stable = route === undefined ? undefined : model.versions.get(route.stable);
    // It may have been unloaded by somebody while the others were loaded.
    if (route !== undefined && stable === undefined) throw new AppError("VERSION_NOT_READY", `Version ${route.stable} of ${model.name} is not loaded.`, { retryAfterSeconds: 1 });
    if (!model.setRoute(route && stable && new ActiveRoute(route, stable.version), revision)) return;
    if (former !== undefined) this.#loading.release(model, former);
  }

  /** A change that this server itself made is told by no event: where the database went away in its middle, the model is followed later. */
  async #change(model: ServedModel, change: () => Promise<void>): Promise<void> {
    try {
      await model.exclusively(change);
    } catch (error) {
      if (toAppError(error).code === "DATABASE_UNAVAILABLE") this.#parts.events.emit("model.changed", { model: model.name });
      throw error;
    }
  }

  #unlessMissing(error: unknown): null {
    if (toAppError(error).code === "MODEL_NOT_FOUND") return null;
    throw error;
  }

  /** What was accepted is answered. */
  async #removeModel(name: string): Promise<void> {
    const model = this.#models.remove(name);
    if (model === undefined) return;
    await model.exclusively(async () => {
      model.releaseAll();
      for (const version of [...model.versions.keys()]) this.#loading.retire(model, version);
    });
  }
}
