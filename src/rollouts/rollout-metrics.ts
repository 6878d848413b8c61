import { epochMs, type Clock } from "../core/clock.ts";
import { toAppError } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import type { MetricSource } from "./metrics/metric-source.ts";
import { phaseKey } from "./phase-routes.ts";
import type { RolloutMetrics } from "./rollout-parts.ts";
import type { RolloutWakes } from "./rollout-wakes.ts";
import type { Rollout, Verdict } from "./schemas.ts";

type Value = Verdict["metrics"][number];

interface Asked {
  value: Value;
  /** By the monotonic clock. */
  askedAt: number;
  isUnderWay: boolean;
}

/** The SQL metrics of phases under way: asked beside the judging, which takes the values that are there. */
export class RolloutMetricReader implements RolloutMetrics {
  readonly #parts: { source: MetricSource; clock: Clock; logger: Logger; wakes: RolloutWakes };
  readonly #asked = new Map<string, Asked>();

  constructor(parts: { source: MetricSource; clock: Clock; logger: Logger; wakes: RolloutWakes }) {
    this.#parts = parts;
  }

  /** At once, with what is known; what is due is asked for, and wakes the watch when it comes. */
  read(rollout: Rollout): Promise<Value[]> {
    const { plan, phase, id, phaseSince } = rollout;
    const gates = plan.phases[phase]?.gates ?? [];
    const wanted = gates.flatMap((gate) => (gate.kind === "metric" ? [gate] : []));
    const prefix = `${id} ${phase} `;
    for (const key of this.#asked.keys()) if (key.startsWith(`${id} `) && !key.startsWith(prefix)) this.#asked.delete(key);
    const values = wanted.map(({ name, sql, everySeconds }) => {
      const key = `${prefix}${name}`;
      let asked = this.#asked.get(key);
      if (asked === undefined) this.#asked.set(key, (asked = { value: { name, candidate: null, stable: null }, askedAt: -Infinity, isUnderWay: false }));
      if (!asked.isUnderWay && phaseSince !== null && this.#parts.clock.monotonic() - asked.askedAt >= everySeconds * 1000) void this.#ask(rollout, asked, sql);
      return asked.value;
    });
    return Promise.resolve(values);
  }

  async #ask(rollout: Rollout, asked: Asked, sql: string): Promise<void> {
    const { source, clock, logger, wakes } = this.#parts;
    const { id, model, plan, phase, candidate, stable, phaseSince } = rollout;
    asked.isUnderWay = true;
    asked.askedAt = clock.monotonic();
    const question = { sql, model, rollout: id, phase: phaseKey(plan, phase), from: epochMs(phaseSince!), to: clock.now() };
    const numberOf = (version: string, withShadows: boolean): Promise<number | null> =>
      source.ask({ ...question, version, withShadows }).catch((error: unknown) => {
        // A metric that cannot be worked out has no value: its gate holds.
        logger.warn("rollout.metric_failed", { rollout: id, metric: asked.value.name, code: toAppError(error).code });
        return null;
      });
    const hasTraffic = plan.phases[phase]!.weight > 0;
    const value = { name: asked.value.name, candidate: await numberOf(candidate, !hasTraffic), stable: await numberOf(stable, false) };
    asked.value = value;
    asked.isUnderWay = false;
    wakes.wake(id);
  }
}
