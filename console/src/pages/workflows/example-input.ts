import type { Schema } from "../../data/open-api.ts";

/**
 * An input that a JSON Schema takes, as far as it can be guessed: defaults, examples and first choices, and the emptiest value
 * of each type. Fields that may be left out are left out, unless they have a default to see.
 */
export function exampleInput(schema: Schema, depth = 0): unknown {
  if (schema.default !== undefined) return schema.default;
  if (schema.const !== undefined) return schema.const;
  if (schema.examples !== undefined && schema.examples.length > 0) return schema.examples[0];
  if (schema.example !== undefined) return schema.example;
  if (schema.enum !== undefined && schema.enum.length > 0) return schema.enum[0];
  const option = schema.anyOf?.[0] ?? schema.oneOf?.[0] ?? schema.allOf?.[0];
  if (option !== undefined) return exampleInput(option, depth);
  const type = Array.isArray(schema.type) ? schema.type[0] : schema.type;
  switch (type) {
    case "string":
      return "";
    case "number":
    case "integer":
      return smallest(schema);
    case "boolean":
      return false;
    case "array":
      return [];
    case "null":
      return null;
    default:
      return objectOf(schema, depth);
  }
}

function smallest({ minimum, exclusiveMinimum, maximum }: Schema): number {
  const least = minimum ?? (exclusiveMinimum === undefined ? undefined : exclusiveMinimum + 1);
  if (least !== undefined && least > -Number.MAX_SAFE_INTEGER && least > 0) return least;
  return maximum !== undefined && maximum < 0 ? maximum : 0;
}

function objectOf(schema: Schema, depth: number): Record<string, unknown> {
  const object: Record<string, unknown> = {};
  if (depth > 4) return object;
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    if (schema.required?.includes(name) === true || property.default !== undefined) object[name] = exampleInput(property, depth + 1);
  }
  return object;
}
