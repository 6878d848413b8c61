import type { PhaseFigures, RolloutVerdict } from "../../data/types.ts";
import { armOf, measuresOf, type BoundedValue, type Measure } from "./arm-values.ts";

export interface MeasureLines {
  measure: Measure;
  /** For each arm asked for, in that order: values and bounds at each time. */
  arms: { values: (number | null)[]; low: (number | null)[]; high: (number | null)[]; latest: BoundedValue }[];
}

/** What a chart shows at a time: figures of a phase up to then. */
interface Look {
  time: number;
  phase: number;
  figures: PhaseFigures;
}

/** Bounds of few requests are wide, and would press the lines together: they are cut off at so many times the range of the lines. */
const widest = 1.5;

/**
 * Lines out of the looks that verdicts were made of, oldest first, and of what is seen now. Figures begin anew with each phase, so the lines
 * break there. Times are in seconds since 1970.
 */
export function verdictLines(verdicts: readonly RolloutVerdict[], now: Look | null, arms: readonly string[], alpha: number): { times: number[]; lines: MeasureLines[] } {
  const looks: (Look | null)[] = [];
  const times: number[] = [];
  const ordered: Look[] = [...verdicts].sort((a, b) => a.time - b.time);
  const last = ordered.at(-1);
  if (now !== null && (last === undefined || now.time > last.time)) ordered.push(now);
  for (const look of ordered) {
    const time = look.time / 1000;
    const previous = looks.at(-1);
    if (previous !== undefined && previous !== null && previous.phase !== look.phase) {
      looks.push(null);
      times.push((times.at(-1)! + time) / 2);
    }
    // Two looks of one moment are one point.
    if (times.at(-1) === time) looks[looks.length - 1] = look;
    else {
      looks.push(look);
      times.push(time);
    }
  }
  const all = looks.flatMap((look) => (look === null ? [] : arms.map((arm) => armOf(look.figures, arm)).filter((figures) => figures !== undefined)));
  const lines = measuresOf(all.slice(-40)).map((measure): MeasureLines => {
    const points = arms.map((arm) => looks.map((look): BoundedValue => {
      const figures = look === null ? undefined : armOf(look.figures, arm);
      return figures === undefined ? { value: null, low: null, high: null } : measure.of(figures, alpha);
    }));
    const [floor, ceiling] = limits(points.flat().flatMap(({ value }) => (value === null ? [] : [value])), Math.max(0, ...points.map((line) => line.at(-1)?.high ?? 0)));
    return {
      measure,
      arms: points.map((line) => ({
        values: line.map(({ value }) => value),
        low: line.map(({ value, low, high }) => (value === null || high === null || low === null ? null : Math.max(floor, low))),
        latest: line.at(-1)!,
        high: line.map(({ value, low, high }) => (value === null || high === null || low === null ? null : Math.min(ceiling, high))),
      })),
    };
  });
  return { times, lines };
}

/** Where the lines do not move, such as errors that never came, the newest bounds say how much room there is. */
function limits(values: readonly number[], newestBound: number): [number, number] {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const range = Math.max(high - low, Math.abs(high) * 0.25) || newestBound;
  return [low >= 0 ? Math.max(0, low - range * widest) : low - range * widest, high + range * widest];
}

/** Values of metrics that were asked of elsewhere, at the times of the verdicts, oldest first; seconds since 1970. */
export function metricLines(verdicts: readonly RolloutVerdict[]): { name: string; times: number[]; stable: (number | null)[]; candidate: (number | null)[] }[] {
  const ordered = [...verdicts].sort((a, b) => a.time - b.time);
  const names = new Set(ordered.flatMap(({ metrics }) => metrics.map(({ name }) => name)));
  return [...names].map((name) => {
    const found = ordered.flatMap(({ time, metrics }) => metrics.filter((metric) => metric.name === name).map((metric) => ({ ...metric, time: time / 1000 })));
    return { name, times: found.map(({ time }) => time), stable: found.map(({ stable }) => stable), candidate: found.map(({ candidate }) => candidate) };
  });
}

/** When each phase ended and how: the last verdict of it that decided. */
export function phaseEnds(verdicts: readonly RolloutVerdict[]): Map<number, RolloutVerdict> {
  const ends = new Map<number, RolloutVerdict>();
  for (const verdict of [...verdicts].sort((a, b) => a.time - b.time)) if (verdict.decision !== "hold") ends.set(verdict.phase, verdict);
  return ends;
}
