import { absent, formatMs, formatNumber, formatTime } from "../../format.ts";
import type { Cell } from "../../data/tracking.ts";

/** A cell as it is read; undefined is not known yet. `today` is any moment of today. */
export function cellText(column: string, cell: Cell | undefined, today: number): string {
  if (cell === undefined) return "";
  if (cell === null) return absent;
  if (column === "attributes.startTime" || column === "attributes.endTime") return typeof cell === "number" && cell > 0 ? formatTime(cell, today) : absent;
  if (column === "attributes.duration") return typeof cell === "number" ? formatMs(cell) : absent;
  if (column === "attributes.status") return statusWord(String(cell));
  if (column.startsWith("metrics.")) return formatNumber(Number(cell));
  return String(cell);
}

export function statusWord(status: string): string {
  return status.toLowerCase();
}

/** Forms and colours of the marks that served versions have too. */
export function statusMark(status: string): { dot: string; tone: "good" | "accent" | "bad" | "neutral" } {
  switch (status) {
    case "FINISHED": return { dot: "ready", tone: "good" };
    case "RUNNING": return { dot: "loading", tone: "accent" };
    case "FAILED": return { dot: "failed", tone: "bad" };
    case "KILLED": return { dot: "draining", tone: "neutral" };
    default: return { dot: "unloaded", tone: "neutral" };
  }
}

/** Columns whose cells stand at the right. */
export function isNumericColumn(column: string): boolean {
  return column.startsWith("metrics.") || column === "attributes.duration";
}

export function columnWidth(column: string): number {
  if (column.startsWith("metrics.")) return 124;
  if (column === "attributes.startTime" || column === "attributes.endTime") return 128;
  if (column === "attributes.duration" || column === "attributes.status") return 96;
  if (column === "attributes.id") return 260;
  return 136;
}
