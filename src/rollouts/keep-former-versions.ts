import type { Clock } from "../core/clock.ts";
import { toAppError } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import type { RolloutStore } from "./rollout-store.ts";

export interface FormerVersionsParts {
  store: Pick<RolloutStore, "routes" | "list">;
  serving: { keepWarm(model: string, version: string, seconds: number): Promise<void> };
  clock: Clock;
  logger: Logger;
}

/**
 * After a start: versions that a rollout replaced, and whose time is not over, are loaded again, one after the other, so that the way back needs no loading on
 * this server either. Until when is what the rollout's own plan says, from its end. Never throws: what cannot be loaded is said in the log, and is loaded when somebody
 * goes back to it. Ends early when the signal aborts.
 */
export async function keepFormerVersions({ store, serving, clock, logger }: FormerVersionsParts, signal: AbortSignal): Promise<void> {
  let model = "";
  const failed = (cause: unknown): void => {
    const { code, message } = toAppError(cause);
    if (!signal.aborted) logger.warn("rollout.former_not_kept", { model, code, reason: message, cause });
  };
  // Every model that ever had a rollout has a route, or had one.
  for (const route of await store.routes().catch((error: unknown) => (failed(error), []))) {
    if (signal.aborted) return;
    ({ model } = route);
    try {
      const [latest] = await store.list({ models: [model], limit: 1 });
      // One that is under way holds both versions by its route; one that did not succeed replaced none.
      if (latest?.kind !== "rollout" || latest.state !== "succeeded" || latest.endedAt === null) continue;
      const seconds = latest.plan.keepWarmSeconds - Math.max(0, clock.now() - latest.endedAt) / 1000;
      if (seconds > 0) await serving.keepWarm(model, latest.stable, seconds);
    } catch (error) {
      failed(error);
    }
  }
}
