import { fieldsOf, listOf, textOf, type Fields } from "../wire-value.ts";

const free: ReadonlySet<string> = new Set(["type", "required", "description", "title", "default", "$schema", "enum", "const", "$ref"]);
const formats: ReadonlySet<string> = new Set(["date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"]);

/**
 * Whether Anthropic's structured output takes this JSON Schema as it is: closed objects, references within the document that do not come back to themselves, no limits of numbers, lengths and sizes. (What its SDK
 * leaves out or puts into descriptions.)
 */
export function fitsStructuredOutput(schema: Fields): boolean {
  const definitions = { ...fieldsOf(schema.definitions), ...fieldsOf(schema.$defs) };
  /** Names that lead to where the walk is. */
  const open: string[] = [];
  const done = new Set<string>();
  const fits = (value: unknown, depth: number): boolean => {
    if (typeof value !== "object" || value === null || Array.isArray(value) || depth > 64) return false;
    const part = value as Fields;
    for (const [key, item] of Object.entries(part)) {
      if (free.has(key)) continue;
      if (key === "properties") {
        if (!Object.values(fieldsOf(item)).every((property) => fits(property, depth + 1))) return false;
      } else if (key === "$defs" || key === "definitions") {
        if (!Object.values(fieldsOf(item)).every((definition) => fits(definition, depth + 1))) return false;
      } else if (key === "items") {
        if (!fits(item, depth + 1)) return false;
      } else if (key === "anyOf" || key === "allOf") {
        if (!listOf(item).every((choice) => fits(choice, depth + 1))) return false;
      } else if (key === "format") {
        if (!formats.has(textOf(item))) return false;
      } else if (key === "minItems") {
        if (item !== 0 && item !== 1) return false;
      } else if (!(key === "additionalProperties" && item === false)) return false;
    }
    const types = Array.isArray(part.type) ? part.type : [part.type];
    if (types.includes("object") && part.additionalProperties !== false) return false;
    return part.$ref === undefined || follows(textOf(part.$ref), depth);
  };
  const follows = (reference: string, depth: number): boolean => {
    const name = /^#\/(?:\$defs|definitions)\/([^/]+)$/.exec(reference)?.[1];
    if (name === undefined || !Object.hasOwn(definitions, name) || open.includes(name)) return false;
    if (done.has(name)) return true;
    open.push(name);
    const good = fits(definitions[name], depth + 1);
    open.pop();
    done.add(name);
    return good;
  };
  return fits(schema, 0);
}

/** The schema as that of an object, which the input of a tool must be; null where it is none. A reference at the top is followed. */
export function objectSchema(schema: Fields): Fields | null {
  const name = /^#\/(\$defs|definitions)\/([^/]+)$/.exec(textOf(schema.$ref));
  const resolved = name === null ? schema : { ...fieldsOf(fieldsOf(schema[name[1] ?? ""])[name[2] ?? ""]), ...(schema.$defs === undefined ? {} : { $defs: schema.$defs }), ...(schema.definitions === undefined ? {} : { definitions: schema.definitions }) };
  if (["anyOf", "oneOf", "allOf"].some((key) => key in resolved)) return null;
  if (resolved.type === "object") return resolved;
  return resolved.type === undefined && (resolved.properties !== undefined || Object.keys(resolved).length === 0) ? { ...resolved, type: "object" } : null;
}
