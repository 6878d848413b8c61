import type { WorkflowStep } from "../../data/types.ts";

/** A step as it is drawn: `left` and `width` are shares of the whole, from 0 to 1. */
export interface TimelineBar {
  step: WorkflowStep;
  left: number;
  width: number;
  /** Until now or its end, in milliseconds. */
  duration: number;
  /** Steps that were under way at the same time as this one. */
  beside: number;
}

/** Where the axis is cut: a long wait in which nothing else happened, drawn narrow. */
export interface TimelineCut {
  left: number;
  width: number;
  duration: number;
}

interface Span {
  from: number;
  to: number;
}

/** A wait takes at most this share of the picture, when it is longer than everything else together. */
const cutShare = 0.14;

/**
 * Steps in the order of their starts, on an axis from the first start to `now` or the last end. Stretches in which there was
 * only waiting (sleeps, signals, nothing at all) are drawn narrower where they would press the rest to nothing.
 */
export function layOut(steps: readonly WorkflowStep[], now: number): { bars: TimelineBar[]; cuts: TimelineCut[]; from: number; to: number } {
  if (steps.length === 0) return { bars: [], cuts: [], from: now, to: now };
  const endOf = (step: WorkflowStep): number => Math.max(step.startedAt, step.endedAt ?? now);
  const ordered = [...steps].sort((a, b) => a.startedAt - b.startedAt || a.position - b.position);
  const from = ordered[0]!.startedAt;
  const busy = merge(ordered.filter(({ kind }) => kind !== "sleep" && kind !== "signal").map((step) => ({ from: step.startedAt, to: Math.max(endOf(step), step.startedAt + 1) })));
  // Work takes a millisecond at least, also at the very end: the axis must have room for it.
  const to = Math.max(from + 1, ...ordered.map(endOf), busy.at(-1)?.to ?? from);
  const idle = gaps(busy, from, to);
  const worked = busy.reduce((sum, span) => sum + span.to - span.from, 0);
  const scale = scaleOf(idle, worked, from, to);
  const bars = ordered.map((step) => {
    const end = endOf(step);
    const left = scale(step.startedAt);
    return {
      step, left, width: scale(end) - left, duration: end - step.startedAt,
      beside: ordered.filter((other) => other !== step && other.startedAt < end && endOf(other) > step.startedAt).length,
    };
  });
  const cuts = idle.filter((span) => isCut(span, idle, worked)).map((span) => ({ left: scale(span.from), width: scale(span.to) - scale(span.from), duration: span.to - span.from }));
  return { bars, cuts, from, to };
}

function merge(spans: readonly Span[]): Span[] {
  const merged: Span[] = [];
  for (const span of [...spans].sort((a, b) => a.from - b.from)) {
    const last = merged.at(-1);
    if (last !== undefined && span.from <= last.to) last.to = Math.max(last.to, span.to);
    else merged.push({ ...span });
  }
  return merged;
}

function gaps(busy: readonly Span[], from: number, to: number): Span[] {
  const found: Span[] = [];
  let at = from;
  for (const span of busy) {
    if (span.from > at) found.push({ from: at, to: span.from });
    at = Math.max(at, span.to);
  }
  if (to > at) found.push({ from: at, to });
  return found;
}

function isCut(span: Span, idle: readonly Span[], worked: number): boolean {
  const length = span.to - span.from;
  const rest = worked + idle.reduce((sum, other) => sum + (other === span ? 0 : other.to - other.from), 0);
  // Where there was nothing but waiting, the waiting is what there is to see.
  return worked > 0 && length > Math.max(worked, rest / 4);
}

function scaleOf(idle: readonly Span[], worked: number, from: number, to: number): (time: number) => number {
  const cut = idle.filter((span) => isCut(span, idle, worked));
  const cutTime = cut.reduce((sum, span) => sum + span.to - span.from, 0);
  const plain = to - from - cutTime;
  const each = cut.length === 0 ? 0 : Math.min(cutShare, 0.5 / cut.length);
  const open = 1 - each * cut.length;
  return (time) => {
    let share = 0;
    let at = from;
    for (const span of cut) {
      if (time <= span.from) break;
      share += ((span.from - at) / plain) * open;
      share += each * Math.min(1, (time - span.from) / (span.to - span.from));
      at = Math.min(time, span.to);
      if (time <= span.to) return share;
    }
    return share + (plain === 0 ? 0 : ((time - at) / plain) * open);
  };
}
