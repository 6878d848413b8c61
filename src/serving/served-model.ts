import { AppError } from "../core/errors.ts";
import { VersionNumber } from "../core/names.ts";
import type { Policy } from "../registry/index.ts";
import { PredictionCache } from "./predictions/prediction-cache.ts";
import type { ServedVersion } from "./versions/served-version.ts";
import type { ActiveRoute } from "./traffic/active-route.ts";

/** What a timer can wait for. */
const longestTimerMs = 2 ** 31 - 1;

/** The versions of one model that are loaded, and which of them callers get who name none. */
export class ServedModel {
  readonly name: string;
  readonly versions = new Map<string, ServedVersion>();
  readonly #caches = new Map<string, PredictionCache>();
  #active: string | null = null;
  #route: ActiveRoute | undefined;
  #routeRevision = -1;
  #isGuarded = false;
  #keptWarm: string | null = null;
  #warmTimer: NodeJS.Timeout | undefined;
  /** Number of the newest version that is registered, as far as is known. */
  #newest = 0;
  #policy: Policy;
  #tail: Promise<unknown> = Promise.resolve();

  constructor(name: string, policy: Policy) {
    this.name = name;
    this.#policy = policy;
    this.#setGuarded();
  }

  get policy(): Policy {
    return this.#policy;
  }

  set policy(policy: Policy) {
    const { cache } = this.#policy;
    this.#policy = policy;
    this.#setGuarded();
    if (JSON.stringify(cache) !== JSON.stringify(policy.cache)) this.#caches.clear();
    for (const version of this.versions.values()) version.setPolicy(policy);
  }

  /** How requests that name no version are shared out; undefined where the active version gets them all. */
  get route(): ActiveRoute | undefined {
    return this.#route;
  }

  /** Of the last route, also of one that was taken away. */
  get routeRevision(): number {
    return this.#routeRevision;
  }

  /** One pointer, as `activate`. Older revisions than the present one change nothing; false says so. */
  setRoute(route: ActiveRoute | undefined, revision: number): boolean {
    if (revision <= this.#routeRevision) return false;
    this.#routeRevision = revision;
    this.#route = route;
    this.#setGuarded();
    return true;
  }

  /** One version may stand in for another: requests take the longer way. */
  get isGuarded(): boolean {
    return this.#isGuarded;
  }

  #setGuarded(): void {
    const { model, answer, breaker } = this.#policy.fallback;
    this.#isGuarded = this.#route !== undefined || model !== null || answer !== null || breaker !== null;
  }

  /** Whether the route needs it, or it is kept for the way back. */
  holds(version: string): boolean {
    return this.#keptWarm === version || this.#route?.versions.has(version) === true;
  }

  /** The version that a rollout replaced, while it stays in memory. */
  get keptWarm(): string | null {
    return this.#keptWarm;
  }

  /**
   * Holds a version for so many milliseconds, one for each model: memory must not grow with rollouts. `onOver` is called when its time is over, and not where
   * another takes its place or it is kept anew. Answers the one that is held no more.
   */
  keepWarm(version: string, milliseconds: number, onOver: () => void): string | null {
    const before = this.#keptWarm;
    this.endWarmth();
    this.#keptWarm = version;
    const wait = (left: number): void => {
      this.#warmTimer = setTimeout(() => {
        if (left > longestTimerMs) return wait(left - longestTimerMs);
        this.endWarmth();
        onOver();
      }, Math.min(left, longestTimerMs));
      this.#warmTimer.unref();
    };
    wait(milliseconds);
    return before === version ? null : before;
  }

  /** No version is kept any more but those that the route needs. */
  endWarmth(): void {
    this.#keptWarm = null;
    clearTimeout(this.#warmTimer);
  }

  /** Nothing is held any more: the model is gone, and whatever comes under its name is another. */
  releaseAll(): void {
    this.endWarmth();
    this.setRoute(undefined, Infinity);
  }

  get activeVersion(): ServedVersion | undefined {
    return this.#active === null ? undefined : this.versions.get(this.#active);
  }

  get active(): string | null {
    return this.#active;
  }

  /** One pointer: the next request goes to `version`, none in between goes nowhere. */
  activate(version: string): void {
    this.#active = version;
  }

  /** Tells of a registered version: those above the newest do not exist. */
  knows(version: string | null): void {
    this.#newest = Math.max(this.#newest, Number(version ?? 0));
  }

  /** The version to answer with. Throws VERSION_NOT_FOUND for what is none, VERSION_NOT_READY. */
  resolve(version: string | undefined): ServedVersion {
    const wanted = version ?? this.#active;
    const served = wanted === null ? undefined : this.versions.get(wanted);
    if (served !== undefined) return served;
    if (version !== undefined && (!VersionNumber.safeParse(version).success || Number(version) > this.#newest)) {
      throw new AppError("VERSION_NOT_FOUND", `${JSON.stringify(version.slice(0, 140))} is no version of ${this.name}.`);
    }
    const what = wanted === null ? `${this.name} has no active version` : `Version ${wanted} of ${this.name} is not loaded`;
    throw new AppError("VERSION_NOT_READY", `${what}; load it with POST /v2/repository/models/${this.name}/load, or deploy again.`, { retryAfterSeconds: 1 });
  }

  /** The cache of a version, when the policy asks for one. */
  cacheOf(version: string): PredictionCache | undefined {
    if (!this.#policy.cache.enabled) return undefined;
    let cache = this.#caches.get(version);
    if (cache === undefined) this.#caches.set(version, (cache = new PredictionCache(this.#policy.cache)));
    return cache;
  }

  forget(version: string): void {
    this.versions.delete(version);
    this.#caches.delete(version);
    if (this.#active === version) this.#active = null;
    if (this.#keptWarm === version) this.endWarmth();
  }

  /** Runs changes of this model one after the other. */
  exclusively<Result>(change: () => Promise<Result>): Promise<Result> {
    const result = this.#tail.then(change, change);
    this.#tail = result.catch(() => undefined);
    return result;
  }
}
