import type { RunView } from "../../data/types.ts";
import type { RunKeys } from "../../data/tracking.ts";

export type ViewSettings = RunView["view"];

/** A list in one parameter: commas part, `%2C` is one inside. */
export function listText(items: readonly string[]): string {
  return items.map((item) => item.replaceAll("%", "%25").replaceAll(",", "%2C")).join(",");
}

export function textList(text: string | null): string[] {
  if (text === null || text === "") return [];
  return text.split(",").map((item) => item.replaceAll("%2C", ",").replaceAll("%25", "%"));
}

export function viewOf(get: (name: string) => string | null): ViewSettings {
  return { filter: get("filter") ?? "", order: get("order") ?? "", columns: textList(get("columns")), group: get("group") ?? "", charts: textList(get("charts")) };
}

/** The changes of the address that show a view. */
export function queryOf(view: ViewSettings): Record<string, string> {
  return { filter: view.filter, order: view.order, columns: listText(view.columns), group: view.group, charts: listText(view.charts) };
}

export function sameView(left: ViewSettings, right: ViewSettings): boolean {
  return JSON.stringify(queryOf(left)) === JSON.stringify(queryOf(right));
}

export interface ColumnOrder {
  column: string;
  descending: boolean;
}

/** Reads `metrics.loss DESC`; null for none. */
export function orderOf(text: string): ColumnOrder | null {
  const match = /^(.+?)(?:\s+(ASC|DESC))?$/i.exec(text.trim());
  return match === null ? null : { column: match[1]!, descending: match[2]?.toUpperCase() === "DESC" };
}

const attributeNames: Record<string, string> = { id: "run_id", name: "run_name", user: "user_id", status: "status", startTime: "start_time", endTime: "end_time" };

/** A column in MLflow's grammar, or null where the server cannot order by it. */
export function columnInGrammar(column: string): string | null {
  const dot = column.indexOf(".");
  const [kind, key] = [column.slice(0, dot), column.slice(dot + 1)];
  if (kind === "attributes") return attributeNames[key] === undefined ? null : `attributes.${attributeNames[key]}`;
  if (key.includes("`") && key.includes('"')) return null;
  return `${kind}.${key.includes("`") ? `"${key}"` : `\`${key}\``}`;
}

/** What a click on the head of a column makes of the order: numbers start with the greatest, text with the first; the third click ends it. */
export function nextOrder(order: ColumnOrder | null, column: string): string {
  const descendingFirst = column.startsWith("metrics.") || column.endsWith("Time");
  const first = descendingFirst ? "DESC" : "ASC";
  if (order?.column !== column) return `${column} ${first}`;
  return order.descending === descendingFirst ? `${column} ${descendingFirst ? "ASC" : "DESC"}` : "";
}

const attributeLabels: Record<string, string> = { id: "Run id", name: "Run", user: "User", status: "Status", startTime: "Started", endTime: "Ended", duration: "Took" };
export const attributeColumns = ["attributes.startTime", "attributes.duration", "attributes.user", "attributes.status", "attributes.endTime", "attributes.id"] as const;

/** The key of a column alone; of attributes in words. */
export function columnLabel(column: string): string {
  const key = column.slice(column.indexOf(".") + 1);
  return column.startsWith("attributes.") ? (attributeLabels[key] ?? key) : key;
}

export type ColumnKind = "metrics" | "params" | "tags" | "attributes";

export function columnKind(column: string): ColumnKind {
  return column.slice(0, column.indexOf(".")) as ColumnKind;
}

/** Shown when nobody chose: when and how long, then the first metrics and params. Tags of the client itself say little. */
export function usualColumns(keys: RunKeys | undefined): string[] {
  const own = (keys?.metrics ?? []).filter((key) => !key.startsWith("system/"));
  return [
    "attributes.startTime", "attributes.duration",
    ...own.slice(0, 6).map((key) => `metrics.${key}`),
    ...(keys?.params ?? []).slice(0, 5).map((key) => `params.${key}`),
  ];
}

/** From so many keys on, all of a kind are written as one, `metrics.*`: a thousand names are no address. */
const packedFrom = 20;

export function packColumns(columns: readonly string[], keys: RunKeys): string[] {
  let packed = [...columns];
  for (const kind of ["metrics", "params", "tags"] as const) {
    const own = new Set(keys[kind].map((key) => `${kind}.${key}`));
    if (own.size < packedFrom || packed.filter((column) => own.has(column)).length < own.size) continue;
    const at = packed.findIndex((column) => own.has(column));
    packed = packed.flatMap((column, index) => (index === at ? [`${kind}.*`] : own.has(column) ? [] : [column]));
  }
  return packed;
}

export function expandColumns(columns: readonly string[], keys: RunKeys | undefined): string[] {
  return columns.flatMap((column) => {
    const kind = column.endsWith(".*") ? columnKind(column) : "attributes";
    return kind === "attributes" ? [column] : (keys?.[kind] ?? []).map((key) => `${kind}.${key}`);
  });
}
