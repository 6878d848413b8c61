import { now } from "../clock.ts";
import { useQuery } from "./query.ts";

export const presets = [
  // The server keeps intervals of ten seconds for a quarter of an hour; one moment more and it answers with minutes.
  { id: "15m", label: "15 m", words: "the last 15 minutes", milliseconds: 15 * 60_000 - 10_000 },
  { id: "1h", label: "1 h", words: "the last hour", milliseconds: 3_600_000 },
  { id: "6h", label: "6 h", words: "the last 6 hours", milliseconds: 6 * 3_600_000 },
  { id: "24h", label: "24 h", words: "the last 24 hours", milliseconds: 24 * 3_600_000 },
  { id: "7d", label: "7 d", words: "the last 7 days", milliseconds: 7 * 24 * 3_600_000 },
] as const;

export type Preset = (typeof presets)[number];

/** Either a span that ends now and moves, or a fixed one that somebody dragged out of a chart. */
export type TimeRange = { kind: "preset"; preset: Preset } | { kind: "fixed"; from: number; to: number };

/** `usual` is what stands when the address names no range. */
export function parseTimeRange(range: string | null, from: string | null, to: string | null, usual: Preset = presets[1]): TimeRange {
  const start = Number(from);
  const end = Number(to);
  if (from !== null && to !== null && Number.isSafeInteger(start) && Number.isSafeInteger(end) && end > start && start >= 0) {
    return { kind: "fixed", from: start, to: end };
  }
  return { kind: "preset", preset: presets.find((preset) => preset.id === range) ?? usual };
}

/** Bounds in milliseconds; those of a preset move with the clock. */
export function boundsOf(range: TimeRange): { from: number; to: number } {
  if (range.kind === "fixed") return { from: range.from, to: range.to };
  const to = now();
  return { from: to - range.preset.milliseconds, to };
}

export function rangeKey(range: TimeRange): string {
  return range.kind === "fixed" ? `${range.from}-${range.to}` : range.preset.id;
}

/** How often a moving range is worth fetching again: each time about one interval has passed, at least every two seconds. */
export function refreshMsOf(range: TimeRange, points: number): number | undefined {
  if (range.kind === "fixed") return undefined;
  return Math.max(2000, Math.min(60_000, range.preset.milliseconds / points));
}

/** The range in which a model that began at `since` has something to show: young models fill a quarter of an hour first. */
export function usualPreset(since: number, at: number): Preset {
  return at - since < 20 * 60_000 ? presets[0] : presets[1];
}

/** The time range in the address: `?range=6h`, or `?from=…&to=…` in milliseconds. An empty preset goes back to the usual one. */
export function useTimeRange(usual: Preset): { range: TimeRange; setPreset(id: string): void; setFixed(from: number, to: number): void } {
  const query = useQuery();
  const range = parseTimeRange(query.get("range"), query.get("from"), query.get("to"), usual);
  return {
    range,
    setPreset: (id) => query.set({ range: id === "" ? null : id, from: null, to: null }),
    setFixed: (from, to) => query.set({ range: null, from: String(Math.floor(from)), to: String(Math.ceil(to)) }),
  };
}
