import { assertRunnable, championAlias } from "../registry/index.ts";
import type { ServedModel } from "./served-model.ts";
import { ServedVersion } from "./served-version.ts";
import { logFailure, type ServingParts } from "./serving-parts.ts";

/** Brings versions of a model into memory, gives them the traffic, and takes them out. One at a time for each model: callers go through `exclusively`. */
export class VersionLoading {
  readonly #parts: ServingParts;

  constructor(parts: ServingParts) {
    this.#parts = parts;
  }

  /** `activateBy` is whose doing it is that the version gets the traffic; false gives it none. */
  async loadAndActivate(model: ServedModel, version: string, activateBy: string | false, reason?: string): Promise<void> {
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
    if (former !== null && former !== version) this.retire(model, former);
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

  retire(model: ServedModel, version: string): void {
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
    for (const version of [...model.versions.keys()]) if (!there.has(version)) this.retire(model, version);
  }

  async applyPolicy(model: ServedModel): Promise<void> {
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
}
