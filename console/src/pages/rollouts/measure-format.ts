import { absent, formatMs, formatNumber, formatShare } from "../../format.ts";
import { formatDollars } from "../costs/money.ts";
import type { BoundedValue } from "./arm-values.ts";

export type MeasureUnit = "ms" | "share" | "number" | "dollars";

export function formatMeasure(unit: MeasureUnit, value: number | null | undefined): string {
  if (value === null || value === undefined) return absent;
  return unit === "ms" ? formatMs(value) : unit === "share" ? formatShare(value) : unit === "dollars" ? formatDollars(value) : formatNumber(value, 4);
}

/** `3.1 ms to 3.9 ms`; what has no bound on one side says so. */
export function boundsWords(unit: MeasureUnit, { low, high }: BoundedValue): string {
  if (low === null && high === null) return "";
  if (high === null) return `at least ${formatMeasure(unit, low)}`;
  return low === null ? `at most ${formatMeasure(unit, high)}` : `${formatMeasure(unit, low)} to ${formatMeasure(unit, high)}`;
}
