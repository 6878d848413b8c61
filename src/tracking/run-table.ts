import type { Run, SearchField } from "./schemas.ts";
import type { RunEntries } from "./tracking-store.ts";

/** A cell: numbers that JSON lacks as text. Null where the run has no such entry. */
export type Cell = string | number | null;

/** Reads `metrics.loss`, `params."a b"`, `tags.team`, `attributes.status`; null for what is no column. */
export function columnField(column: string): SearchField | null {
  const dot = column.indexOf(".");
  const kind = kinds.get(column.slice(0, dot));
  const key = column.slice(dot + 1);
  return dot < 0 || kind === undefined || key === "" || (kind === "attribute" && !attributes.has(key)) ? null : { kind, key };
}

const kinds: ReadonlyMap<string, SearchField["kind"]> = new Map([["metrics", "metric"], ["params", "param"], ["tags", "tag"], ["attributes", "attribute"]]);
const attributes: ReadonlySet<string> = new Set(["id", "name", "user", "status", "startTime", "endTime", "experiment", "lifecycle", "duration"]);

/** The entries that columns are read from. */
export function entriesOf(fields: readonly SearchField[]): RunEntries {
  const keysOf = (kind: SearchField["kind"]): string[] => [...new Set(fields.filter((field) => field.kind === kind).map(({ key }) => key))];
  return { metrics: keysOf("metric"), params: keysOf("param"), tags: keysOf("tag") };
}

/** What the run has in a column. Entries of a run are sorted by key, so each is found by halving. */
export function cellOf(run: Run, { kind, key }: SearchField): Cell {
  switch (kind) {
    case "metric": {
      const value = byKey(run.metrics, key)?.value;
      return value === undefined ? null : Number.isFinite(value) ? value : String(value);
    }
    case "param":
      return byKey(run.params, key)?.value ?? null;
    case "tag":
      return byKey(run.tags, key)?.value ?? null;
    case "attribute":
      if (key === "duration") return run.endTime === null ? null : run.endTime - run.startTime;
      return run[key as "id" | "startTime" | "endTime"];
    case "dataset":
      return run.datasets.find(({ dataset }) => dataset.name === key)?.dataset.digest ?? null;
    case "span":
    case "feedback":
    case "expectation":
      return null;
  }
}

function byKey<Entry extends { key: string }>(entries: readonly Entry[], key: string): Entry | undefined {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (entries[middle]!.key < key) low = middle + 1;
    else high = middle;
  }
  return entries[low]?.key === key ? entries[low] : undefined;
}
