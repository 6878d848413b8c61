import { AppError } from "../../core/errors.ts";
import type { SearchOrder } from "../../tracking/index.ts";
import { FilterReader } from "./parse-filter.ts";
import type { Searchable } from "./searchable.ts";

/** Each text is `field [ASC|DESC]`. Throws FILTER_INVALID, also for a field that is there twice. */
export function parseOrder(searchable: Searchable, texts: readonly string[]): SearchOrder[] {
  const orders = texts.filter((text) => text.trim() !== "").map((text) => parseOne(searchable, text));
  const seen = new Set<string>();
  for (const { kind, key } of orders) {
    const name = `${kind} ${key}`;
    if (seen.has(name)) throw new AppError("FILTER_INVALID", `\`order_by\` contains duplicate fields: ${JSON.stringify(texts)}.`);
    seen.add(name);
  }
  return orders;
}

function parseOne(searchable: Searchable, text: string): SearchOrder {
  const reader = new FilterReader("order_by clause", text);
  const start = reader.next;
  const { kind, key } = reader.field(searchable, "order");
  if (kind === "dataset") reader.refuse(start, "a metric, param, tag or attribute");
  const descending = reader.takeWord("DESC") || (reader.takeWord("ASC"), false);
  if (reader.next.kind !== "end") reader.refuse(reader.next, "ASC, DESC or the end");
  return { kind, key, descending };
}
