import type { Moments } from "../statistics/index.ts";
import type { UnitFigures } from "./schemas.ts";

/** Below so many keys and single requests the variance between them is not known well enough, however many requests there were. */
const fewestUnits = 100;

/**
 * Moments whose mean is that of all observations and whose standard error is that of the mean as a ratio of sums over independent units (delta method: A. Deng,
 * U. Knoblich and J. Lu, Applying the Delta Method in Metric Analytics, KDD 2018): with residuals e = Σy - mean n of each unit,
 *
 *     Var(mean) = m / (m - 1) Σ e² / N²
 *
 * `count` is the number of independent observations that would have that standard error, s² / Var(mean), never more than there were. That is also the clock
 * of the confidence sequence: what a key repeats adds no information. `slope` takes the covariate out, around `meanX`.
 */
export function unitMoments({ all, single, buckets }: UnitFigures, slope = 0, meanX = 0): Moments {
  const { count } = all;
  if (count < 2) return { count, mean: count === 0 ? 0 : all.meanY - slope * (all.meanX - meanX), m2: 0 };
  const center = all.meanY - slope * all.meanX;
  const variance = sumOfSquares(all, slope) / (count - 1);
  let squares = sumOfSquares(single, slope) + single.count * (single.meanY - slope * single.meanX - center) ** 2;
  for (const [, own, x, y] of buckets) squares += (y - slope * x - center * own) ** 2;
  const units = buckets.length + single.count;
  const error = units < 2 ? Infinity : ((units / (units - 1)) * squares) / count ** 2;
  const worth = error === 0 ? count : Math.min(count, variance / error);
  const own = units < fewestUnits ? Math.min(worth, units) : worth;
  return { count: own, mean: center + slope * meanX, m2: variance * Math.max(0, own - 1) };
}

function sumOfSquares({ m2X, m2Y, co }: UnitFigures["all"], slope: number): number {
  return Math.max(0, m2Y - 2 * slope * co + slope * slope * m2X);
}
