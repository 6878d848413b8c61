import type { Schema } from "../../data/open-api.ts";

type Resolve = (reference: string) => Schema | undefined;

/** The schema with all that it refers to in its place. Schemas of policies do not refer to themselves. */
export function inlined(schema: Schema, resolve: Resolve): Schema {
  const whole = schema.$ref === undefined ? schema : { ...resolve(schema.$ref), ...schema };
  const each = (parts: Schema[] | undefined): Schema[] | undefined => parts?.map((part) => inlined(part, resolve));
  const { $ref: _, ...rest } = whole;
  return {
    ...rest,
    ...(rest.properties === undefined ? {} : { properties: Object.fromEntries(Object.entries(rest.properties).map(([name, part]) => [name, inlined(part, resolve)])) }),
    ...(rest.items === undefined ? {} : { items: inlined(rest.items, resolve) }),
    ...(rest.anyOf === undefined ? {} : { anyOf: each(rest.anyOf)! }),
    ...(rest.oneOf === undefined ? {} : { oneOf: each(rest.oneOf)! }),
  };
}

/** What remains of `T | null`, and whether null is allowed. */
export function unwrapped(schema: Schema): { schema: Schema; nullable: boolean } {
  const either = schema.anyOf?.filter(({ type }) => type !== "null");
  if (either?.length !== 1 || schema.anyOf!.length !== 2) return { schema, nullable: false };
  const { anyOf: _, ...outer } = schema;
  return { schema: { ...either[0]!, ...outer }, nullable: true };
}

/** The one of several kinds of objects that a value is of: by its `kind`. */
export function alternativeOf(schema: Schema, value: unknown): Schema | undefined {
  if (schema.oneOf === undefined) return schema;
  return schema.oneOf.find((option) => option.properties?.kind?.const === (value as { kind?: unknown } | null)?.kind);
}

/** A value as the server would complete it. */
export function withDefaults(schema: Schema, value: unknown): unknown {
  if (value === undefined) return schema.default === undefined ? undefined : withDefaults(schema, schema.default);
  if (value === null) return null;
  const { schema: inner } = unwrapped(schema);
  const own = alternativeOf(inner, value) ?? inner;
  if (Array.isArray(value)) return own.items === undefined ? value : value.map((item) => withDefaults(own.items!, item));
  if (typeof value !== "object" || own.properties === undefined) return value;
  const given = value as Record<string, unknown>;
  return Object.fromEntries(Object.entries(own.properties).map(([name, part]) => [name, withDefaults(part, given[name])]).filter(([, part]) => part !== undefined));
}

/** What a new entry begins with. */
export function blankOf(schema: Schema): unknown {
  if (schema.default !== undefined) return withDefaults(schema, schema.default);
  const { schema: inner, nullable } = unwrapped(schema);
  if (nullable) return null;
  if (inner.const !== undefined) return inner.const;
  if (inner.enum !== undefined) return inner.enum[0];
  if (inner.oneOf !== undefined) return blankOf(inner.oneOf[0]!);
  if (inner.properties !== undefined) return Object.fromEntries(Object.entries(inner.properties).map(([name, part]) => [name, blankOf(part)]));
  if (inner.type === "array") return [];
  if (inner.type === "boolean") return false;
  return inner.type === "number" || inner.type === "integer" ? Math.max(0, inner.minimum ?? 0) : "";
}

/** What a part begins with that may be none, and was. */
export function presentBlankOf(schema: Schema): unknown {
  const { default: _, ...present } = unwrapped(schema).schema;
  return blankOf(present);
}

/** The first thing that is wrong, with its place in words; null where nothing is. The server looks closer. */
export function valueProblem(schema: Schema, value: unknown): string | null {
  const { schema: inner, nullable } = unwrapped(schema);
  if (value === null) return nullable ? null : "is not there";
  const own = alternativeOf(inner, value);
  if (own === undefined) return "is of no known kind";
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) {
      const problem = own.items === undefined ? null : valueProblem(own.items, item);
      if (problem !== null) return `${index + 1}, ${problem}`;
    }
    return null;
  }
  if (typeof value === "object") {
    for (const [name, part] of Object.entries(own.properties ?? {})) {
      const given = (value as Record<string, unknown>)[name];
      if (given === undefined) continue;
      const problem = valueProblem(part, given);
      if (problem !== null) return `${name}: ${problem}`;
    }
    return null;
  }
  if (own.type === "number" || own.type === "integer") return numberProblem(own, value);
  return null;
}

export function numberProblem({ type, minimum, maximum, exclusiveMinimum }: Pick<Schema, "type" | "minimum" | "maximum" | "exclusiveMinimum">, value: unknown): string | null {
  if (typeof value !== "number" || !Number.isFinite(value)) return "Type a number.";
  if (type === "integer" && !Number.isInteger(value)) return "Type a whole number.";
  if (minimum !== undefined && value < minimum) return `At least ${minimum}.`;
  if (exclusiveMinimum !== undefined && value <= exclusiveMinimum) return `More than ${exclusiveMinimum}.`;
  if (maximum !== undefined && value > maximum) return `At most ${maximum}.`;
  return null;
}

/** What was typed, as the value that it stands for; text that is no number stays text, and is then a problem. */
export function typedValue(schema: Schema, text: string): unknown {
  const { schema: inner, nullable } = unwrapped(schema);
  if (text.trim() === "" && nullable) return null;
  if (inner.type !== "number" && inner.type !== "integer") return text;
  return text.trim() === "" || !Number.isFinite(Number(text)) ? text : Number(text);
}
