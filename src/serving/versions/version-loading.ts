import { assertRunnable, championAlias } from "../../registry/index.ts";
import { recordedInputs } from "../predictions/recorded-inputs.ts";
import type { ServedModel } from "../served-model.ts";
import { ServedVersion } from "./served-version.ts";
import { logFailure, type ServingParts } from "../serving-parts.ts";
import { candidatesOf, versionsOf } from "../traffic/active-route.ts";
import type { TrafficRoute } from "../traffic/traffic-route.ts";

/** Brings versions of a model into memory, gives them the traffic, and takes them out. One at a time for each model: callers go through `exclusively`. */
export class VersionLoading {
  readonly #parts: ServingParts;

  constructor(parts: ServingParts) {
    this.#parts = parts;
  }

  /** `activateBy` is whose doing it is that the version gets the traffic; false gives it none. */
  async loadAndActivate(model: ServedModel, version: string, activateBy: string | false, reason?: string): Promise<void> {
    let served = model.versions.get(version);
    if (served === undefined || isGone(served)) {
      served = await this.#makeVersion(model, version, model.route !== undefined && candidatesOf(model.route.route).has(version));
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
    if (model.keptWarm === version) model.endWarmth();
    if (former !== null && former !== version) this.retire(model, former);
  }

  /** Whether all that a route names can take requests, and runs where it should. */
  isPrepared(model: ServedModel, route: TrafficRoute): boolean {
    const candidates = candidatesOf(route);
    return versionsOf(route).every((version) => {
      const served = model.versions.get(version);
      return served?.state === "ready" && (served.isTriedOut || !candidates.has(version));
    });
  }

  /** Loads and warms all that a route names. Throws VERSION_FAILED, VERSION_NOT_FOUND, VERSION_NOT_RUNNABLE. */
  async prepare(model: ServedModel, route: TrafficRoute): Promise<void> {
    const candidates = candidatesOf(route);
    for (const version of versionsOf(route)) {
      const there = model.versions.get(version);
      if (there === undefined || isGone(there)) {
        const served = await this.#makeVersion(model, version, candidates.has(version), route.stable);
        model.versions.set(version, served);
        await served.load();
      } else if (candidates.has(version)) await there.setTriedOut(true);
    }
  }

  /** After a route was replaced: what nobody needs any more is unloaded, and the version that a rollout replaced stays for a while. */
  release(model: ServedModel, former: TrafficRoute): void {
    const candidates = model.route === undefined ? new Set<string>() : candidatesOf(model.route.route);
    for (const version of versionsOf(former)) {
      const served = model.versions.get(version);
      if (served === undefined) continue;
      if (version === model.active) {
        if (!candidates.has(version)) void model.exclusively(() => served.setTriedOut(false)).catch((error: unknown) => logFailure(this.#parts.logger, "version.not_placed", model.name, error));
      } else if (version === former.stable && former.kind === "rollout" && model.active !== null && !model.holds(version)) this.#keepWarm(model, version, former.keepWarmSeconds ?? model.policy.rollout.keepWarmSeconds);
      else this.retire(model, version);
    }
  }

  /**
   * Brings a version back that a rollout had replaced before the server ended, for the rest of its time. It changes nothing where there is something newer: another one
   * is kept, or it is needed anyway. Throws as `loadAndActivate`.
   */
  async keepWarmAgain(model: ServedModel, version: string, seconds: number): Promise<void> {
    if (model.keptWarm !== null || model.holds(version) || model.active === version || model.active === null || seconds <= 0) return;
    this.#keepWarm(model, version, seconds);
    try {
      await this.loadAndActivate(model, version, false);
    } catch (error) {
      if (model.keptWarm === version) model.endWarmth();
      throw error;
    }
    // Its time, or its place, may have gone while it was loaded.
    if (model.active !== version) this.retire(model, version);
  }

  #keepWarm(model: ServedModel, version: string, seconds: number): void {
    if (seconds <= 0) {
      const before = model.keptWarm;
      model.endWarmth();
      if (before !== null && before !== version) this.retire(model, before);
      return this.retire(model, version);
    }
    const before = model.keepWarm(version, seconds * 1000, () => {
      if (model.active !== version) this.retire(model, version);
    });
    if (before !== null) this.retire(model, before);
  }

  /** `recordedOf` is the version whose callers' inputs it is warmed up with. */
  async #makeVersion(model: ServedModel, version: string, isTriedOut: boolean, recordedOf?: string): Promise<ServedVersion> {
    const { registry, runtime, blobs, measurements, machine, clock, logger, observer, events, log } = this.#parts;
    const found = await registry.version(model.name, version);
    assertRunnable(found);
    model.knows(found.version);
    const made: ServedVersion = new ServedVersion(found, model.policy, {
      runtime, blobs, measurements, machine, clock, logger, isTriedOut,
      recordedInputs: async () => {
        if (recordedOf === undefined) return null;
        return recordedInputs(log, model.name, recordedOf, found.contract.signature).catch((error: unknown) => {
          logFailure(logger, "warmup.without_recorded_inputs", model.name, error);
          return null;
        });
      },
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

  /** Unloads it when it answered what it has accepted; not while a route needs it, or it is kept for the way back. */
  retire(model: ServedModel, version: string): void {
    if (!model.holds(version)) this.#unload(model, version);
  }

  #unload(model: ServedModel, version: string): void {
    const served = model.versions.get(version);
    if (served === undefined) return;
    void served.unload().then(() => {
      if (model.versions.get(version) === served) model.forget(version);
    });
  }

  /** False, and said in the log, for a champion that has nothing to run: an alias may point at anything. */
  async canRun(name: string, version: string): Promise<boolean> {
    const found = await this.#parts.registry.version(name, version);
    try {
      assertRunnable(found);
      return true;
    } catch (error) {
      logFailure(this.#parts.logger, "champion.not_runnable", name, error);
      return false;
    }
  }

  /** Unloads versions that the registry has no more. */
  async forgetRemoved(model: ServedModel): Promise<void> {
    if (model.versions.size === 0) return;
    const there = new Set((await this.#parts.registry.versions(model.name)).map(({ version }) => version));
    for (const version of [...model.versions.keys()]) if (!there.has(version)) this.#unload(model, version);
  }

  async applyPolicy(model: ServedModel): Promise<void> {
    const { policy } = await this.#parts.registry.policy(model.name);
    const reload = [...model.versions.values()].filter((served) => served.state === "ready" && served.needsReload(policy));
    model.policy = policy;
    for (const former of reload) {
      const number = former.version.version;
      const fresh = await this.#makeVersion(model, number, former.isTriedOut);
      await fresh.load();
      model.versions.set(number, fresh);
      void former.unload();
    }
  }
}

/** It takes no requests, and will not. */
function isGone({ state }: ServedVersion): boolean {
  return state === "failed" || state === "draining" || state === "unloaded";
}
