import type { ColumnProfile, NumericColumnProfile } from "../data/types.ts";

export interface ColumnShape {
  /** Left end and width as shares of the drawing's width, height as a share of the highest bar. */
  bars: { x: number; width: number; height: number }[];
  /** Where a value stands, as a share of the width; values outside stand at the ends. Null for categories that are not drawn. */
  positionOf(value: string): number | null;
}

/** So many categories are drawn. */
const drawnCategories = 24;

/**
 * The shape of a column. Numeric buckets are as wide as they are and as high as they are dense: profiles cut at quantiles,
 * where equal bars would say nothing. The open ends are cut off at three times the width of their neighbour, so that one outlier does
 * not flatten the rest.
 */
export function columnShape(profile: ColumnProfile): ColumnShape {
  if (profile.kind === "numeric") return numericShape(profile);
  const shown = profile.categories.slice(0, drawnCategories);
  const largest = Math.max(1, ...shown.map(({ count }) => count));
  const step = 1 / Math.max(1, shown.length);
  return {
    bars: shown.map(({ count }, index) => ({ x: index * step, width: step * 0.8, height: count / largest })),
    positionOf: (value) => {
      const index = shown.findIndex((category) => category.value === value);
      return index < 0 ? null : (index + 0.4) * step;
    },
  };
}

function numericShape({ min, max, edges, counts }: NumericColumnProfile): ColumnShape {
  const first = edges[0];
  const last = edges.at(-1);
  if (min === null || max === null || first === undefined || last === undefined || min >= max) return { bars: [{ x: 0.45, width: 0.1, height: 1 }], positionOf: () => 0.5 };
  const inner = edges.length > 1 ? last - first : 0;
  const reach = inner > 0 ? (inner / (edges.length - 1)) * 3 : (max - min) / 2;
  // The smallest value may itself be an edge; the bucket below it is then empty and has no width.
  const bounds = [Math.min(min, first), ...edges, Math.max(max, last)];
  const low = Math.max(bounds[0]!, first - reach);
  const high = Math.min(bounds.at(-1)!, last + reach);
  const whole = Math.max(high - low, Number.MIN_VALUE);
  const share = (value: number): number => (Math.min(high, Math.max(low, value)) - low) / whole;
  const span = bounds.at(-1)! - bounds[0]!;
  const densities = counts.map((count, index) => {
    const width = (bounds[index + 1]! - bounds[index]!) / span;
    return width > 1e-9 ? count / width : 0; // thinner than a pixel by far
  });
  const highest = Math.max(Number.MIN_VALUE, ...densities);
  const bars = densities.flatMap((density, index) => {
    const x = share(bounds[index]!);
    const width = share(bounds[index + 1]!) - x;
    return width > 0 ? [{ x, width, height: density / highest }] : [];
  });
  return { bars, positionOf: (value) => (value.trim() === "" || !Number.isFinite(Number(value)) ? null : share(Number(value))) };
}
