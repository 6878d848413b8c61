import type { EpochMs } from "../../core/clock.ts";
import type { AppError } from "../../core/errors.ts";
import type { MetricFamily } from "../../core/metric-family.ts";
import type { CallEnding } from "./call-ending.ts";
import type { CallObserver, CallRecord } from "./call-record.ts";
import type { RefusedOnRoute } from "../refused-schemas.ts";

const hourMs = 3_600_000;
const hoursKept = 24;
/** What is beyond is counted on the route `other`. */
const mostSeries = 500;
const other = "other";

interface RefusedSeries {
  team: string;
  route: string;
  reason: string;
  total: number;
  /** By the number of the hour since 1970; at most as many as are kept. */
  hours: Map<number, number>;
}

/**
 * Counts calls that ended with an error before any provider was asked, since this process started: budgets, limits and guardrails that let them not pass, routes none of whose targets could be asked, and names that stand for nothing which the caller may call. They cost nothing, and are no
 * entries of the ledger: its calls and these are all that came to a route, but for those whose callers left while they waited.
 */
export class RefusedCalls implements CallObserver {
  readonly #series = new Map<string, RefusedSeries>();

  ended({ attribution: { team, route }, attempts, target, startedAt }: CallRecord, { outcome, error }: Pick<CallEnding, "outcome" | "error">): void {
    if (outcome !== "failed" || error === null || target !== null || attempts.length > 0) return;
    this.#count(this.#of(team, route === null || route.includes("/") ? other : route, error.code), startedAt);
  }

  /** Whatever its caller named: a name that is no route's is nobody's label. */
  missed(team: string, { code }: AppError, now: EpochMs): void {
    this.#count(this.#of(team, other, code), now);
  }

  #count(series: RefusedSeries, at: EpochMs): void {
    const hour = Math.floor(at / hourMs);
    series.total++;
    series.hours.set(hour, (series.hours.get(hour) ?? 0) + 1);
    if (series.hours.size > hoursKept) for (const kept of series.hours.keys()) if (kept <= hour - hoursKept) series.hours.delete(kept);
  }

  /** Of the calls of teams that are to be seen, of the last hours; the most first. */
  lately(sees: (team: string) => boolean, now: EpochMs): RefusedOnRoute[] {
    const first = Math.floor(now / hourMs) - hoursKept + 1;
    return this.#seen(sees)
      .map(({ team, route, reason, hours }) => ({ team, route, reason, calls: [...hours].reduce((sum, [hour, calls]) => sum + (hour < first ? 0 : calls), 0) }))
      .filter(({ calls }) => calls > 0)
      .toSorted((one, another) => another.calls - one.calls);
  }

  /** All since the start, for `/metrics`. */
  family(sees: (team: string) => boolean): MetricFamily {
    return {
      name: "slipway_gateway_refused_total", help: "Calls of language models that ended with an error before any provider was asked, by its code.", type: "counter",
      samples: this.#seen(sees).map(({ team, route, reason, total }) => ({ labels: { team, route, reason }, value: total })),
    };
  }

  #seen(sees: (team: string) => boolean): RefusedSeries[] {
    return [...this.#series.values()].filter(({ team }) => sees(team));
  }

  #of(team: string, route: string, reason: string): RefusedSeries {
    const key = `${team}\n${route}\n${reason}`;
    const known = this.#series.get(key);
    if (known !== undefined) return known;
    // Codes are few, and so are teams: the series of `other` end by themselves.
    if (route !== other && this.#series.size >= mostSeries) return this.#of(team, other, reason);
    const made: RefusedSeries = { team, route, reason, total: 0, hours: new Map() };
    this.#series.set(key, made);
    return made;
  }
}
