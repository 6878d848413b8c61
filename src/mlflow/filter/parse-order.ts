import { AppError } from "../../core/errors.ts";
import type { SearchOrder } from "../../tracking/index.ts";
import { FilterReader } from "./parse-filter.ts";
import type { Searchable } from "./searchable.ts";

/** Each text is `field [ASC|DESC]`. Throws FILTER_INVALID, also for a field that is there twice, where that is an error. */
export function parseOrder(searchable: Searchable, texts: readonly string[]): SearchOrder[] {
  const orders = new Map<string, SearchOrder>();
  for (const text of texts) {
    const order = parseOne(searchable, text);
    const name = `${order.kind} ${order.key}`;
    if (!orders.has(name)) orders.set(name, order);
    else if (searchable.mayRepeat !== true) throw new AppError("FILTER_INVALID", `\`order_by\` contains duplicate fields: ${JSON.stringify(texts)}.`);
  }
  return [...orders.values()];
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
