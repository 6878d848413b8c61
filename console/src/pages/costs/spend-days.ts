import type { CostRow } from "../../../../src/ledger/schemas.ts";

const dayMs = 86_400_000;
const hourMs = 3_600_000;

export const costRanges = [
  { id: "1d", label: "24 h", words: "the last 24 hours", milliseconds: dayMs, by: "hour" },
  { id: "7d", label: "7 d", words: "the last 7 days", milliseconds: 7 * dayMs, by: "day" },
  { id: "30d", label: "30 d", words: "the last 30 days", milliseconds: 30 * dayMs, by: "day" },
  { id: "90d", label: "90 d", words: "the last 90 days", milliseconds: 90 * dayMs, by: "day" },
] as const;

export type CostRange = (typeof costRanges)[number];

export function costRangeOf(id: string | null): CostRange {
  return costRanges.find((range) => range.id === id) ?? costRanges[1];
}

/** Where the range begins at `at`: with a whole day or hour of UTC, so that no first bar is a part of one. */
export function beginOf({ milliseconds, by }: CostRange, at: number): number {
  const step = by === "day" ? dayMs : hourMs;
  return Math.floor((at - milliseconds) / step) * step + step;
}

export interface SpendSeries {
  /** Beginnings, in seconds. */
  times: number[];
  /** US dollars. */
  dollars: number[];
  calls: number[];
}

/** Every day or hour of the range, those without a call as zeros; `rows` are grouped by it. */
export function spendSeries(rows: readonly Pick<CostRow, "group" | "cost" | "calls">[], range: CostRange, at: number): SpendSeries {
  const step = range.by === "day" ? dayMs : hourMs;
  const found = new Map(rows.map((row) => [timeOfGroup(row.group[range.by] ?? ""), row]));
  const series: SpendSeries = { times: [], dollars: [], calls: [] };
  for (let time = beginOf(range, at); time <= at; time += step) {
    series.times.push(time / 1000);
    series.dollars.push((found.get(time)?.cost ?? 0) / 1e9);
    series.calls.push(found.get(time)?.calls ?? 0);
  }
  return series;
}

/** `2026-03-04`, `2026-03-04T12` or a whole timestamp, all of UTC. */
function timeOfGroup(text: string): number {
  const [, day, hour = "00"] = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}))?/.exec(text) ?? [];
  return day === undefined ? Number.NaN : Date.parse(`${day}T${hour}:00:00Z`);
}

/** The beginnings of the day and the month of UTC in which `at` is. */
export function windowStarts(at: number): { day: number; month: number } {
  const date = new Date(at);
  return { day: Math.floor(at / dayMs) * dayMs, month: Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), 1) };
}

/** How a budget stands at the marks at which it alerts: 50, 80 and 100 percent. One that refused calls (so many) has no room for them, however little is spent. */
export function budgetMark(percent: number, refused = 0): { tone: "good" | "warning" | "bad"; words: string } {
  if (percent >= 100) return { tone: "bad", words: "used up" };
  if (refused > 0) return { tone: "warning", words: "refuses calls" };
  if (percent >= 80) return { tone: "warning", words: "over 80%" };
  return percent >= 50 ? { tone: "good", words: "over half" } : { tone: "good", words: "under half" };
}
