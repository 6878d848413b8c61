import { useMemo } from "react";
import { Chart, type ChartBand, type ChartLine } from "../../charts/chart.tsx";
import type { RolloutStatus, RolloutVerdict, StepGate } from "../../data/types.ts";
import { isOpen, versionMark } from "../../data/rollouts.ts";
import { absent } from "../../format.ts";
import { armColor } from "./arm-color.ts";
import type { Measure } from "./arm-values.ts";
import { boundsWords, formatMeasure } from "./measure-format.ts";
import { metricLines, verdictLines } from "./verdict-lines.ts";

/** How both versions did over the rollout, each with a band of how sure that is; it narrows as requests come, and begins anew with each phase. */
export function RolloutCharts({ status, verdicts, arm, now }: { status: RolloutStatus; verdicts: readonly RolloutVerdict[]; arm: string; now: number }) {
  const { rollout, figures } = status;
  const open = isOpen(rollout);
  const drawn = useMemo(() => {
    const look = open && rollout.phase >= 0 && figures.arms.length > 0 ? { time: now, phase: rollout.phase, figures } : null;
    const { times, lines } = verdictLines(verdicts, look, ["stable", arm], rollout.plan.alpha);
    const names = [versionMark(rollout.model, rollout.stable), arm === "candidate" ? versionMark(rollout.model, rollout.candidate) : arm];
    const colors = [armColor("stable", 0), armColor(arm, 1)];
    return {
      times,
      charts: lines.map(({ measure, arms }) => ({
        measure,
        lines: arms.map(({ values }, index): ChartLine => ({ label: names[index]!, values, color: colors[index]! })),
        bands: arms.map(({ low, high, latest }, index): ChartBand => ({ label: `${names[index]} bounds`, low, high, color: colors[index]!, text: boundsWords(measure.unit, latest) || absent })),
      })),
    };
    // `now` moves with the figures.
  }, [verdicts, figures, rollout, arm, open]);
  const metrics = useMemo(() => metricLines(verdicts).filter(({ times }) => times.length > 1), [verdicts]);
  if (drawn.times.length < 2) return null;
  const from = Math.min(rollout.startedAt, drawn.times[0]! * 1000);
  const to = Math.max(rollout.endedAt ?? 0, drawn.times.at(-1)! * 1000);
  const gates = rollout.plan.phases[Math.max(0, rollout.phase)]?.gates ?? [];
  return (
    <section className="charts" aria-label="Charts">
      {drawn.charts.filter(({ measure }) => measure.id !== "p50").map(({ measure, lines, bands }) => (
        <Chart
          key={measure.id} className="chart-half" title={measure.label} times={drawn.times} from={from} to={to} lines={lines} bands={bands} levels={levelsOf(measure, gates)}
          format={(value) => formatMeasure(measure.unit, value)} fitted={measure.unit === "number" || measure.id === "accuracy"}
        />
      ))}
      {metrics.map(({ name, times, stable, candidate }) => (
        <Chart
          key={name} className="chart-half" title={`Metric ${name}`} times={times} from={from} to={to} fitted format={(value) => formatMeasure("number", value)}
          lines={[{ label: versionMark(rollout.model, rollout.stable), values: stable, color: armColor("stable", 0) }, { label: versionMark(rollout.model, rollout.candidate), values: candidate, color: armColor(arm, 1) }]}
        />
      ))}
    </section>
  );
}

/** The absolute limits of the phase's gates, as levels. */
function levelsOf(measure: Measure, gates: readonly StepGate[]): { label: string; value: number; color: string }[] {
  for (const gate of gates) {
    if (gate.kind === "latency" && gate.quantile === measure.id && gate.maxMs !== null) return [{ label: "limit", value: gate.maxMs, color: "--bad-line" }];
    if (gate.kind === "errors" && measure.id === "errors" && gate.maxRate !== null) return [{ label: "limit", value: gate.maxRate, color: "--bad-line" }];
  }
  return [];
}
