import type { Schema } from "./schema-limits.ts";

export type JsonType = "object" | "array" | "string" | "number" | "boolean" | "null";

export function allowsType(schema: Schema, type: JsonType): boolean {
  const { type: wanted, nullable } = schema;
  if (wanted !== undefined) {
    const names: unknown[] = Array.isArray(wanted) ? wanted : [wanted];
    if (!names.includes(type) && !(type === "number" && names.includes("integer")) && !(type === "null" && nullable === true)) return false;
  }
  const values = fixedValues(schema);
  return values === null || values.some((value) => typeOf(value) === type);
}

/** Whether a string that begins like this can be valid; `isWhole` where it ends here. */
export function allowsString(schema: Schema, text: string, length: number, isWhole: boolean): boolean {
  const values = fixedValues(schema);
  if (values !== null && !values.some((value) => typeof value === "string" && (isWhole ? value === text : value.startsWith(text)))) return false;
  if (typeof schema.maxLength === "number" && length > schema.maxLength) return false;
  return !isWhole || typeof schema.minLength !== "number" || length >= schema.minLength;
}

export function allowsNumber(schema: Schema, value: number): boolean {
  const values = fixedValues(schema);
  if (values !== null && !values.includes(value)) return false;
  const names: unknown[] = Array.isArray(schema.type) ? schema.type : [schema.type];
  if (names.includes("integer") && !names.includes("number") && !Number.isInteger(value)) return false;
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum } = schema;
  if (typeof minimum === "number" && (exclusiveMinimum === true ? value <= minimum : value < minimum)) return false;
  if (typeof maximum === "number" && (exclusiveMaximum === true ? value >= maximum : value > maximum)) return false;
  return !(typeof exclusiveMinimum === "number" && value <= exclusiveMinimum) && !(typeof exclusiveMaximum === "number" && value >= exclusiveMaximum);
}

/** Of true, false and null. */
export function allowsConstant(schema: Schema, value: boolean | null): boolean {
  const values = fixedValues(schema);
  return values === null || values.includes(value);
}

/** What a property's value must keep to, as far as this schema says; undefined where it says nothing. */
export function schemaOfProperty(schema: Schema, name: string): unknown {
  const { properties, patternProperties, additionalProperties } = schema;
  if (typeof properties === "object" && properties !== null && Object.hasOwn(properties, name)) return (properties as Record<string, unknown>)[name];
  // Which names a pattern takes is left to the check of the whole.
  return patternProperties === undefined ? additionalProperties : undefined;
}

/** The same of the item at a place in a list. */
export function schemaOfItem(schema: Schema, index: number): unknown {
  const { prefixItems, items, additionalItems } = schema;
  const first: unknown[] | null = Array.isArray(prefixItems) ? prefixItems : Array.isArray(items) ? items : null;
  if (first !== null && index < first.length) return first[index];
  return Array.isArray(items) ? additionalItems : items;
}

export function allowsCount(schema: Schema, kind: "Items" | "Properties", count: number, isWhole: boolean): boolean {
  const most = schema[`max${kind}`];
  const least = schema[`min${kind}`];
  return !(typeof most === "number" && count > most) && !(isWhole && typeof least === "number" && count < least);
}

export function missingProperties(schema: Schema, names: ReadonlySet<string>): string[] {
  const { required } = schema;
  return Array.isArray(required) ? required.filter((name): name is string => typeof name === "string" && !names.has(name)) : [];
}

function fixedValues(schema: Schema): readonly unknown[] | null {
  if (Object.hasOwn(schema, "const")) return [schema.const];
  return Array.isArray(schema.enum) ? schema.enum : null;
}

function typeOf(value: unknown): JsonType {
  if (value === null) return "null";
  return Array.isArray(value) ? "array" : (typeof value as JsonType);
}
