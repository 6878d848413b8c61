/** A metric of one run as it is drawn: by ascending x; NaN breaks the line. */
export interface MetricLine {
  run: string;
  x: number[];
  /** As logged; with extremes kept where the server left points out. */
  raw: number[];
  /** What the line goes through: smoothed, or as logged. */
  shown: number[];
  /** Least and greatest value near each point; null where nothing was left out and nothing is smoothed. */
  band: { low: number[]; high: number[] } | null;
  steps: number[];
}

export type MetricAxis = "step" | "wall" | "relative";

interface Samples {
  run: string;
  steps: readonly number[];
  /** Milliseconds since 1970. */
  timestamps: readonly number[];
  values: readonly (number | string | null)[];
}

/**
 * Exponential moving average without the pull towards zero of its first points, as Kingma and Ba (2015) correct theirs. `weight` in [0, 1): 0 changes nothing. NaN stays NaN and
 * is left out of the average.
 */
export function smooth(values: readonly number[], weight: number): number[] {
  if (weight <= 0) return [...values];
  let average = 0;
  let share = 1;
  return values.map((value) => {
    if (!Number.isFinite(value)) return value;
    average = average * weight + value * (1 - weight);
    share *= weight;
    return average / (1 - share);
  });
}

/**
 * A line out of a sample. `buckets` even parts of the steps from `from` to `to` are what the sample kept the extremes of: the band goes
 * from the least to the greatest value of each. `startedAt` is where relative time begins.
 */
export function metricLine(samples: Samples, options: { axis: MetricAxis; smoothing: number; from: number; to: number; buckets: number; startedAt: number }): MetricLine {
  const { axis, smoothing, from, to, buckets, startedAt } = options;
  const x = axis === "step" ? [...samples.steps] : samples.timestamps.map((time) => (axis === "wall" ? time : time - startedAt) / 1000);
  const raw = samples.values.map((value) => (value === null ? NaN : Number(value)));
  const steps = [...samples.steps];
  if (axis !== "step") sortTogether(x, raw, steps);
  const width = Math.max(1, to - from + 1) / buckets;
  const extremes = new Map<number, { low: number; high: number; count: number }>();
  const bucketOf = (step: number): number => Math.floor((step - from) / width);
  raw.forEach((value, index) => {
    if (!Number.isFinite(value)) return;
    const bucket = extremes.get(bucketOf(steps[index]!));
    if (bucket === undefined) extremes.set(bucketOf(steps[index]!), { low: value, high: value, count: 1 });
    else Object.assign(bucket, { low: Math.min(bucket.low, value), high: Math.max(bucket.high, value), count: bucket.count + 1 });
  });
  const thinned = [...extremes.values()].some(({ count }) => count > 1);
  const band = thinned || smoothing > 0
    ? { low: steps.map((step) => extremes.get(bucketOf(step))?.low ?? NaN), high: steps.map((step) => extremes.get(bucketOf(step))?.high ?? NaN) }
    : null;
  return { run: samples.run, x, raw, shown: smooth(raw, smoothing), band, steps };
}

/** Clocks of machines may go back: what is drawn goes forward. */
function sortTogether(x: number[], raw: number[], steps: number[]): void {
  if (x.every((value, index) => index === 0 || x[index - 1]! <= value)) return;
  const order = x.map((_, index) => index).sort((left, right) => x[left]! - x[right]!);
  for (const list of [x, raw, steps]) {
    const before = [...list];
    order.forEach((from, to) => (list[to] = before[from]!));
  }
}

/** Least and greatest value of all lines, bands included; null where there is no number, or none above zero that a logarithm could show. */
export function valueBounds(lines: readonly MetricLine[], logarithmic: boolean): [number, number] | null {
  let [low, high] = [Infinity, -Infinity];
  for (const line of lines) {
    for (const values of [line.shown, line.band?.low ?? [], line.band?.high ?? []]) {
      for (const value of values) {
        if (!Number.isFinite(value) || (logarithmic && value <= 0)) continue;
        if (value < low) low = value;
        if (value > high) high = value;
      }
    }
  }
  return low > high ? null : [low, high];
}

/** Steps that lie in a part of the axis, widened to the points beside it; the whole where there are none. */
export function stepsBetween(lines: readonly MetricLine[], from: number, to: number): [number, number] | null {
  let [first, last] = [Infinity, -Infinity];
  for (const { x, steps } of lines) {
    x.forEach((value, index) => {
      if (value < from || value > to) return;
      first = Math.min(first, steps[index]!);
      last = Math.max(last, steps[index]!);
    });
  }
  return first > last ? null : [first, last];
}

/** Index of the point nearest to `at`; -1 for a line without points. */
export function nearestIndex(x: readonly number[], at: number): number {
  let low = 0;
  let high = x.length - 1;
  if (high < 0) return -1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (x[middle]! < at) low = middle + 1;
    else high = middle;
  }
  return low > 0 && at - x[low - 1]! < x[low]! - at ? low - 1 : low;
}
