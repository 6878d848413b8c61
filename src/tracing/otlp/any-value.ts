import type { AttributeValue } from "../span.ts";
import { cleanText } from "./received-spans.ts";

/** What an AnyValue of OTLP holds, before it is an attribute. */
export type LooseValue = string | number | boolean | null | LooseValue[] | { [key: string]: LooseValue };

/** Lists of one simple type stay lists; maps, and lists of anything else, become JSON text, as the GenAI conventions have messages. Null has no attribute. */
export function attributeOf(value: LooseValue): AttributeValue | null {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) {
    const type = typeof value[0];
    if ((type === "string" || type === "number" || type === "boolean" || value.length === 0) && value.every((item) => typeof item === type)) return value as AttributeValue;
  }
  return cleanText(JSON.stringify(value));
}
