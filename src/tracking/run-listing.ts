import { textTable } from "../core/text-table.ts";

/** Runs as `slipway runs` prints them for people. */
export interface ListedRuns {
  columns: string[];
  runs: string[];
  rows: (string | number | null)[][];
  next: string | null;
}

export interface WireMetricPoint {
  step: number;
  timestamp: number;
  /** Text where JSON has no such number. */
  value: number | string;
}

/** A run as MLflow's wire has it; what is empty is left out. */
export interface WireRunAnswer {
  info: { run_id: string; run_name: string; experiment_id: string; status: string; user_id: string; start_time: number; end_time?: number; lifecycle_stage: string; artifact_uri: string };
  data: { params?: { key: string; value: string }[]; tags?: { key: string; value: string }[]; metrics?: ({ key: string } & WireMetricPoint)[] };
}

const longest = 60;

export function runsTableText({ columns, runs, rows, next }: ListedRuns): string {
  if (runs.length === 0) return "No runs.";
  const titles = columns.map((column) => column.replace(/^attributes\./, ""));
  const table = textTable(["RUN", ...titles.map((title) => title.toUpperCase())], rows.map((row, index) => [runs[index]!, ...row.map((cell, column) => cellText(cell, titles[column]!))]));
  return next === null ? table : `${table}\nThere are more: --limit shows them.`;
}

export function runText({ info, data }: WireRunAnswer): string {
  const lines = [
    `${info.run_id}  ${info.run_name}`,
    `  experiment ${info.experiment_id}, ${info.status}${info.lifecycle_stage === "deleted" ? ", deleted" : ""}${info.user_id === "" ? "" : `, by ${info.user_id}`}`,
    `  started ${timeText(info.start_time)}${info.end_time === undefined ? "" : `, ended ${timeText(info.end_time)}`}`,
    `  artifacts ${info.artifact_uri}`,
  ];
  const sections: [string, { key: string; value: unknown }[] | undefined][] = [["PARAM", data.params], ["METRIC", data.metrics], ["TAG", data.tags]];
  for (const [title, entries] of sections) {
    if (entries !== undefined && entries.length > 0) lines.push("", textTable([title, "VALUE"], entries.map(({ key, value }) => [key, shortText(String(value))])));
  }
  return lines.join("\n");
}

export function metricsText(key: string, points: readonly WireMetricPoint[]): string {
  if (points.length === 0) return `The run has no metric ${key}.`;
  return textTable(["STEP", "TIME", "VALUE"], points.map(({ step, timestamp, value }) => [String(step), timeText(timestamp), String(value)]));
}

function cellText(cell: string | number | null, title: string): string {
  if (cell === null) return "-";
  if (typeof cell === "number" && (title === "startTime" || title === "endTime")) return timeText(cell);
  if (typeof cell === "number" && title === "duration") return `${(cell / 1000).toFixed(1)} s`;
  return shortText(String(cell));
}

/** A client may have given a time that is none. */
function timeText(time: number): string {
  return Math.abs(time) <= 8.64e15 ? new Date(time).toISOString() : String(time);
}

/** One line, for tables. */
export function shortText(text: string): string {
  const line = text.replaceAll(/\s+/g, " ");
  return line.length > longest ? `${line.slice(0, longest - 3)}...` : line;
}
