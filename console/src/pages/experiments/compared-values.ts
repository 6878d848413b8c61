import { nameOrder } from "../../../../src/core/name-order.ts";
import { wireNumber, type WireRun } from "../../data/tracking.ts";

/** What a column holds of one run: a number, a text, or nothing. */
export type ComparedValue = number | string | null;

export interface ParamRow {
  key: string;
  /** In the order of the runs; null where the run has no such param. */
  values: (string | null)[];
  differs: boolean;
}

/** Every param that any of the runs has, by key. */
export function paramRows(runs: readonly WireRun[]): ParamRow[] {
  const maps = runs.map((run) => new Map((run.data.params ?? []).map(({ key, value }) => [key, value])));
  const keys = [...new Set(maps.flatMap((map) => [...map.keys()]))].sort(nameOrder);
  return keys.map((key) => {
    const values = maps.map((map) => map.get(key) ?? null);
    return { key, values, differs: values.some((value) => value !== values[0]) };
  });
}

/** Keys of the metrics that any of the runs has. */
export function metricKeys(runs: readonly WireRun[]): string[] {
  return [...new Set(runs.flatMap((run) => (run.data.metrics ?? []).map(({ key }) => key)))].sort(nameOrder);
}

/** `params.depth` or `metrics.loss` of each run; params that are numbers in every run that has them are numbers. */
export function columnValues(runs: readonly WireRun[], column: string): ComparedValue[] {
  const key = column.slice(column.indexOf(".") + 1);
  if (column.startsWith("metrics.")) {
    return runs.map((run) => {
      const metric = run.data.metrics?.find((candidate) => candidate.key === key);
      const value = wireNumber(metric?.value);
      return Number.isFinite(value) ? value : null;
    });
  }
  const texts = runs.map((run) => run.data.params?.find((param) => param.key === key)?.value ?? null);
  const numeric = texts.every((text) => text === null || (text.trim() !== "" && Number.isFinite(Number(text))));
  return numeric ? texts.map((text) => (text === null ? null : Number(text))) : texts;
}

/** Where values stand on an axis, from 0 at its low end to 1; and the labels beside it. */
export interface AxisScale {
  position(value: ComparedValue): number | null;
  labels: { text: string; at: number }[];
}

export function axisScale(values: readonly ComparedValue[], format: (value: number) => string): AxisScale {
  const numbers = values.filter((value) => typeof value === "number");
  const texts = [...new Set(values.filter((value) => typeof value === "string"))].sort(nameOrder);
  if (texts.length > 0) {
    const place = (text: string): number => (texts.length === 1 ? 0.5 : texts.indexOf(text) / (texts.length - 1));
    const every = Math.ceil(texts.length / 12);
    return { position: (value) => (typeof value === "string" ? place(value) : null), labels: texts.filter((_, index) => index % every === 0).map((text) => ({ text, at: place(text) })) };
  }
  if (numbers.length === 0) return { position: () => null, labels: [] };
  const [low, high] = [Math.min(...numbers), Math.max(...numbers)];
  if (low === high) return { position: (value) => (typeof value === "number" ? 0.5 : null), labels: [{ text: format(low), at: 0.5 }] };
  return {
    position: (value) => (typeof value === "number" ? (value - low) / (high - low) : null),
    labels: [0, 0.25, 0.5, 0.75, 1].map((at) => ({ text: format(low + (high - low) * at), at })),
  };
}

/** Metrics, and params that differ, as the columns that say something about several runs. */
export function tellingColumns(runs: readonly WireRun[]): { params: string[]; metrics: string[] } {
  return {
    params: paramRows(runs).filter(({ differs }) => differs).map(({ key }) => `params.${key}`),
    metrics: metricKeys(runs).filter((key) => !key.startsWith("system/")).map((key) => `metrics.${key}`),
  };
}

export interface Brush {
  /** Ends on the axis, from 0 to 1. */
  low: number;
  high: number;
}

/** Whether a run passes each brush; a run without a value on a brushed axis does not. */
export function passes(positions: readonly (number | null)[], brushes: readonly (Brush | undefined)[]): boolean {
  return brushes.every((brush, index) => {
    if (brush === undefined) return true;
    const position = positions[index];
    return position !== null && position !== undefined && position >= brush.low - 1e-9 && position <= brush.high + 1e-9;
  });
}

/** `params.depth:0.2:0.5`, parted by commas, with names escaped. */
export function brushesOf(text: string | null): Map<string, Brush> {
  const brushes = new Map<string, Brush>();
  for (const part of (text ?? "").split(",")) {
    const match = /^(.*):([\d.]+):([\d.]+)$/.exec(part);
    if (match === null) continue;
    try {
      brushes.set(decodeURIComponent(match[1]!), { low: Number(match[2]), high: Number(match[3]) });
    } catch {
      // Somebody cut the address: the rest of it holds.
    }
  }
  return brushes;
}

export function brushText(brushes: ReadonlyMap<string, Brush>): string {
  return [...brushes].map(([column, { low, high }]) => `${encodeURIComponent(column)}:${low.toFixed(3)}:${high.toFixed(3)}`).join(",");
}
