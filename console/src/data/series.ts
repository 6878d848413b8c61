import { apiPath, call } from "./api.ts";
import { useResource, type Resource } from "./resource.ts";
import { boundsOf, rangeKey, refreshMsOf, type TimeRange } from "./time-range.ts";
import type { ServingInterval, ServingSeries } from "./types.ts";

/** A series and the bounds that were asked for, in milliseconds. */
export interface LoadedSeries extends ServingSeries {
  from: number;
  to: number;
}

/** Fetches again while the range moves. `points` is how many intervals are wanted. */
export function useSeries(model: string, range: TimeRange, points: number, refreshMs = refreshMsOf(range, points)): Resource<LoadedSeries> {
  const path = apiPath`/api/models/${model}/series`;
  return useResource<LoadedSeries>(`series:${path}:${rangeKey(range)}:${points}`, {
    load: async () => {
      const { from, to } = boundsOf(range);
      return { ...(await call<ServingSeries>(`${path}?from=${Math.floor(from)}&to=${Math.ceil(to)}&points=${points}`)), from, to };
    },
    ...(refreshMs === undefined ? {} : { refreshMs }),
  });
}

/** Versions that had any request. */
export function versionsWithTraffic(series: ServingSeries): ServingSeries["versions"] {
  return series.versions.filter((entry) => entry.total.requests > 0);
}

/** Requests per second. The interval under way counts for what has passed of it, and is null while that is too little. `to` in milliseconds. */
export function requestRate({ from, seconds, requests }: Pick<ServingInterval, "from" | "seconds" | "requests">, to: number): number | null {
  const passed = Math.min(seconds, (to - from) / 1000);
  return passed < Math.min(seconds, Math.max(2, seconds * 0.25)) ? null : requests / passed;
}

/**
 * One common time axis for the intervals of several versions. Seconds since 1970, ascending; where a version has no
 * interval its value is null, and a gap of more than one interval in all of them gets a null of its own, so that lines break.
 */
export function alignIntervals(lists: readonly (readonly ServingInterval[])[]): { times: number[]; at: (list: number, index: number) => ServingInterval | undefined } {
  const starts = new Set<number>();
  let step = Infinity;
  for (const list of lists) {
    for (const interval of list) {
      starts.add(interval.from);
      step = Math.min(step, interval.seconds * 1000);
    }
  }
  const times: number[] = [];
  let previous: number | undefined;
  for (const start of [...starts].sort((a, b) => a - b)) {
    if (previous !== undefined && start - previous > step * 1.5) times.push(previous + step);
    times.push(start);
    previous = start;
  }
  const maps = lists.map((list) => new Map(list.map((interval) => [interval.from, interval])));
  return { times: times.map((time) => time / 1000), at: (list, index) => maps[list]!.get(times[index]!) };
}
