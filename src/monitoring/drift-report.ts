import type { EpochMs } from "../core/clock.ts";
import { counted } from "../core/counted.ts";
import type { Policy } from "../registry/index.ts";
import { psiNoise } from "./psi-noise.ts";
import { populationStabilityIndex, shares } from "./psi.ts";
import type { ColumnDrift, DriftLevel, DriftReport } from "./schemas.ts";
import { minuteMs, type VersionMonitor } from "./version-monitor.ts";

/** Fewer rows than this say nothing about a distribution. */
const fewestRows = 50;

/** PSI per column of the live window against the contract's reference. A level needs an effect past its threshold and beyond what chance shows at this many rows. */
export function driftReport(monitor: VersionMonitor, policy: Policy, now: EpochMs): DriftReport {
  const from = now - policy.monitoring.windowMinutes * minuteMs;
  const { model, version } = monitor.version;
  const windows = monitor.windowCounts(from);
  const columns = monitor.counters.map((counter, position): ColumnDrift => {
    const { profile, labels } = counter;
    const window = windows[position]!;
    const used = labels.map((_, bucket) => bucket).filter((bucket) => counter.reference[bucket]! > 0 || window[bucket]! > 0);
    const reference = used.map((bucket) => counter.reference[bucket]!);
    const live = used.map((bucket) => window[bucket]!);
    const rows = live.reduce((sum, count) => sum + count, 0);
    const psi = rows === 0 ? null : populationStabilityIndex(reference, live);
    const noise = psiNoise(counter.reference, rows, counter.expected);
    return {
      column: profile.name, input: profile.input, kind: profile.kind, psi, noise, level: levelOf(psi, noise, rows, policy), rows,
      missing: window[labels.length - 1]!, labels: used.map((bucket) => labels[bucket]!), reference: shares(reference), live: shares(live),
    };
  });
  const rows = Math.max(0, ...columns.map((column) => column.rows));
  const level = worst(columns.map((column) => column.level));
  return { model, version, from: Math.max(0, from), to: now, rows, level, reason: reasonOf(monitor, rows), columns };
}

function levelOf(psi: number | null, noise: number | null, rows: number, policy: Policy): DriftLevel {
  if (psi === null || rows < fewestRows) return "unknown";
  const { warning, critical } = policy.objectives.psi;
  if (psi <= (noise ?? 0)) return "none";
  return psi >= critical ? "major" : psi >= warning ? "moderate" : "none";
}

function worst(levels: readonly DriftLevel[]): DriftLevel {
  return (["major", "moderate", "none"] as const).find((level) => levels.includes(level)) ?? "unknown";
}

function reasonOf(monitor: VersionMonitor, rows: number): string | null {
  if (monitor.counters.length === 0) return "This version was deployed without reference data; deploy with --reference to compare live inputs with it.";
  if (rows === 0) return "No predictions in the window yet.";
  return rows < fewestRows ? `Only ${counted(rows, "row")} in the window; a figure needs ${fewestRows}.` : null;
}
