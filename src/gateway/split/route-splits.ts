import { AppError } from "../../core/errors.ts";
import { routeOfSubject } from "../../core/traffic-subject.ts";
import { ActiveRoute, LatencyEstimate, type TrafficRoute } from "../../serving/index.ts";
import type { OpenedFloor } from "../calls/call-floor.ts";
import type { RouteSettings } from "../schemas.ts";
import { heldGuardrails } from "./held-settings.ts";
import type { SplitObserver } from "./split-observer.ts";

export interface RouteSplitsParts {
  /** The settings of one revision of a route, drafts too; null where there is none. */
  settingsOf(route: string, revision: number): Promise<RouteSettings | null>;
}

/** How the calls of one route are shared out now. */
export interface RouteSplit {
  readonly active: ActiveRoute;
  /** The call with the settings of one of the split's revisions. */
  with(entered: OpenedFloor, revision: string): OpenedFloor;
  /** The same without what belongs to callers: limits and the cache. */
  asShadow(entered: OpenedFloor, revision: string): OpenedFloor;
  /** Of all targets of its revisions. */
  readonly providers: ReadonlySet<string>;
  /** How long stable takes of late: for a whole answer, and until a stream begins. */
  readonly usual: { whole: LatencyEstimate; begin: LatencyEstimate };
}

type TakenAway = { model: string; revision: number; route: null };

/** Keys of callers are in headers: a call has no inputs. */
const noInputs = { contract: { signature: { inputs: [] } } };

/** Routes whose calls are shared out among revisions of their settings. Who asks for one without a split pays for a look into a map. */
export class RouteSplits {
  readonly #parts: RouteSplitsParts;
  readonly #splits = new Map<string, RouteSplit>();
  /** The newest change of each split that holds: an older one that took longer to read must not undo it. */
  readonly #applied = new Map<string, number>();
  #observer: SplitObserver | null = null;

  constructor(parts: RouteSplitsParts) {
    this.#parts = parts;
  }

  of(route: string): RouteSplit | undefined {
    return this.#splits.get(route);
  }

  /** Routes some of whose calls go, or may go, to the provider for as long as they are shared out. */
  routesWith(provider: string): string[] {
    return [...this.#splits].filter(([, { providers }]) => providers.has(provider)).map(([name]) => name);
  }

  /** Who is told from now on. */
  watch(observer: SplitObserver): void {
    this.#observer = observer;
  }

  get observer(): SplitObserver | null {
    return this.#observer;
  }

  /**
   * The split of a route from now on; null takes it away. A change that is older than one that was applied does nothing. Throws VERSION_NOT_FOUND where it names a revision that is not stored;
   * then the split before stays.
   */
  async apply(change: TrafficRoute | TakenAway): Promise<void> {
    const name = routeOfSubject(change.model);
    if (name === null) throw new AppError("INVALID_REQUEST", `${change.model} is no route.`);
    const isOld = (): boolean => change.revision < (this.#applied.get(name) ?? -1);
    if (isOld()) return;
    // One without arms is held too: while a crowned candidate is taken back, stable is not what the route's settings say.
    const split = "route" in change ? null : await this.#read(name, change);
    if (isOld()) return;
    this.#applied.set(name, change.revision);
    if (split === null) this.#splits.delete(name);
    else this.#splits.set(name, split);
  }

  /** No call and no shadow goes to the arm from now on: its keys are stable's. */
  cutArm(model: string, rollout: string, arm: string): void {
    const active = this.#splits.get(routeOfSubject(model) ?? "")?.active;
    if (active?.route.rollout === rollout) active.cut(arm);
  }

  async #read(name: string, route: TrafficRoute): Promise<RouteSplit> {
    const active = new ActiveRoute(route, noInputs);
    const settings = new Map<string, RouteSettings>();
    for (const revision of active.versions) {
      const stored = await this.#parts.settingsOf(name, Number(revision));
      if (stored === null) throw new AppError("VERSION_NOT_FOUND", `The route ${name} has no revision ${revision}.`);
      settings.set(revision, stored);
    }
    const stable = settings.get(route.stable)!;
    // Made once for all calls: what is worked out of settings is remembered by the object.
    const ways = new Map([...settings].map(([revision, own]) => [revision, revision === route.stable ? stable : beside(stable, own)]));
    const shadows = new Map([...ways].map(([revision, own]) => [revision, withoutCallers(own)]));
    const providers = new Set([...settings.values()].flatMap(({ targets }) => targets.map(({ provider }) => provider)));
    const former = this.#splits.get(name);
    const usual = former?.active.route.stable === route.stable ? former.usual : { whole: new LatencyEstimate(), begin: new LatencyEstimate() };
    return { active, usual, providers, with: (entered, revision) => withSettings(entered, revision, ways.get(revision)!), asShadow: (entered, revision) => withSettings(entered, revision, shadows.get(revision)!) };
  }
}

function withSettings(entered: OpenedFloor, revision: string, settings: RouteSettings): OpenedFloor {
  return { ...entered, route: { ...entered.route, settings, revision: Number(revision) } };
}

/**
 * What belongs to the route and not to one revision of it holds for all arms: limits, budget, deadline, whether sessions stay, and that nothing gets past its guardrails. Further guardrails of a
 * revision are its own.
 */
function beside(stable: RouteSettings, settings: RouteSettings): RouteSettings {
  const { limits: _limits, budget: _budget, ...own } = settings;
  const guardrails = [...stable.guardrails, ...heldGuardrails(settings, stable)];
  const { deadlineMs, sticky, limits, budget } = stable;
  return { ...own, guardrails, deadlineMs, sticky, ...(limits === undefined ? {} : { limits }), ...(budget === undefined ? {} : { budget }) };
}

function withoutCallers(settings: RouteSettings): RouteSettings {
  const { limits: _limits, cache: _cache, ...rest } = settings;
  return rest;
}
