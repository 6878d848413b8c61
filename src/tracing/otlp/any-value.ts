import type { AttributeValue } from "../span.ts";
import { cleanText } from "./received-spans.ts";

/** What an AnyValue of OTLP holds, before it is an attribute. */
export type LooseValue = string | number | bigint | boolean | null | LooseValue[] | { [key: string]: LooseValue };

/** Lists of one simple type stay lists; maps, and lists of anything else, become JSON text, as the GenAI conventions have messages; whole numbers beyond 2^53 within are their digits. Null has no attribute. */
export function attributeOf(value: LooseValue): AttributeValue | null {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) {
    const items = value.map((item) => (typeof item === "bigint" ? String(item) : item));
    const type = typeof items[0];
    if ((type === "string" || type === "number" || type === "boolean" || items.length === 0) && items.every((item) => typeof item === type)) return items as AttributeValue;
  }
  return cleanText(JSON.stringify(value, (_key, item: unknown) => (typeof item === "bigint" ? String(item) : item)));
}
