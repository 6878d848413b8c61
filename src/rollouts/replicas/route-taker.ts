import type { Clock } from "../../core/clock.ts";
import { AppError } from "../../core/errors.ts";
import type { ServingService, TrafficRoute } from "../../serving/index.ts";
import type { RolloutStore } from "../rollout-store.ts";

export interface RouteTakerParts {
  store: Pick<RolloutStore, "route" | "routes">;
  serving: Pick<ServingService, "applyRoute">;
  clock: Clock;
  /** The route is in effect here from now on. */
  onTaken(model: string, route: TrafficRoute | null): void;
  /** It could not be taken, and is tried again. */
  onTrouble(model: string, error: unknown): void;
}

const firstRetryMs = 1000;
const longestRetryMs = 10_000;

/** Takes the stored routes of models in this process, and remembers which revision of each is in effect. */
export class RouteTaker {
  readonly #parts: RouteTakerParts;
  /** Model to the newest revision that is in effect here. */
  readonly #taken = new Map<string, number>();
  readonly #applying = new Map<string, Promise<void>>();
  /** Models whose route could not be taken, and when it is tried again. */
  readonly #retries = new Map<string, { at: number; pauseMs: number }>();

  constructor(parts: RouteTakerParts) {
    this.#parts = parts;
  }

  /** Model to revision. */
  get taken(): Record<string, number> {
    return Object.fromEntries(this.#taken);
  }

  /** -1 where none was. */
  revisionOf(model: string): number {
    return this.#taken.get(model) ?? -1;
  }

  /** See `RouteReplica.apply`. */
  async apply(model: string): Promise<void> {
    const stored = await this.#parts.store.route(model);
    if (stored === null || stored.revision <= this.revisionOf(model)) return;
    // A route that loads for long must not keep the next one waiting, which may take it back.
    const key = `${stored.revision} ${model}`;
    const running = this.#applying.get(key) ?? this.#applyOnce(model, stored).finally(() => this.#applying.delete(key));
    this.#applying.set(key, running);
    await running;
  }

  /** Like `apply`, and tried again later where it fails; never throws. */
  async take(model: string): Promise<void> {
    try {
      await this.apply(model);
      this.#retries.delete(model);
    } catch (error) {
      const before = this.#retries.get(model)?.pauseMs;
      const pauseMs = before === undefined ? firstRetryMs : Math.min(longestRetryMs, 2 * before);
      this.#retries.set(model, { at: this.#parts.clock.monotonic() + pauseMs, pauseMs });
      this.#parts.onTrouble(model, error);
    }
  }

  /** Models whose stored route is newer than what is here, but for those that are tried again anyhow. */
  async behind(): Promise<string[]> {
    const routes = await this.#parts.store.routes();
    return routes.filter(({ model, revision }) => revision > this.revisionOf(model) && !this.#retries.has(model)).map(({ model }) => model);
  }

  /** Tries again what is due. */
  retry(now: number): void {
    for (const [model, retry] of this.#retries) {
      if (retry.at > now) continue;
      // Until it is known how this went.
      retry.at = Infinity;
      void this.take(model);
    }
  }

  async #applyOnce(model: string, { revision, route }: { revision: number; route: TrafficRoute | null }): Promise<void> {
    try {
      await this.#parts.serving.applyRoute(route ?? { model, revision, route: null });
    } catch (error) {
      // Something newer is in effect meanwhile: nobody wants this one any more.
      if (this.revisionOf(model) >= revision) return;
      const isGone = route === null && error instanceof AppError && error.code === "MODEL_NOT_FOUND";
      if (!isGone) throw error;
    }
    if (this.revisionOf(model) >= revision) return;
    this.#taken.set(model, revision);
    this.#parts.onTaken(model, route);
  }
}
