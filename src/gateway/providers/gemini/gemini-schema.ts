import { fieldsOf, listOf, type Fields } from "../wire-value.ts";

/** Deeper than any schema that people write, and than a model keeps to. */
const mostDepth = 40;
/** References that lead into themselves are followed so often, then cut: the old form of schemas has none. */
const mostUnrolled = 2;
/** References of references multiply; a schema that becomes larger than this is cut. */
const mostNodes = 5000;

/**
 * A JSON Schema as `parametersJsonSchema` and `responseJsonSchema` take it. They know `$ref`, `$defs` and recursion but allow nothing beside a `$ref`, and neither `definitions` nor `const`:
 * the first is taken apart into `anyOf`, the others are said in words that they know. What they ignore stays.
 */
export function geminiJsonSchema(schema: Fields): Fields {
  const { $schema: _dialect, ...rest } = schema;
  return rewrite(rest, 0) as Fields;
}

function rewrite(value: unknown, depth: number): unknown {
  const schema = fieldsOf(value);
  if (schema !== value || depth > mostDepth) return value;
  if (typeof schema.$ref === "string") {
    const reference = { $ref: schema.$ref.replace(/^#\/definitions\//, "#/$defs/") };
    const { $ref: _reference, $defs, definitions, description, title: _title, default: _default, ...siblings } = schema;
    const named = definitionsOf($defs, definitions, depth);
    // Of what may stand beside a reference, words explain and the rest narrows: the words go around it.
    if (Object.keys(siblings).length === 0 && description === undefined) return { ...reference, ...named };
    return { ...(rewrite(siblings, depth + 1) as Fields), ...(description === undefined ? {} : { description }), anyOf: [reference], ...named };
  }
  const result: Record<string, unknown> = {};
  for (const [keyword, child] of Object.entries(schema)) {
    if (keyword === "$defs" || keyword === "definitions") continue;
    if (keyword === "properties" || keyword === "patternProperties") result[keyword] = eachOf(child, depth);
    else if (keyword === "anyOf" || keyword === "oneOf" || keyword === "allOf" || keyword === "prefixItems") result[keyword] = listOf(child).map((one) => rewrite(one, depth + 1));
    else if (keyword === "items" || keyword === "additionalProperties" || keyword === "not") result[keyword] = rewrite(child, depth + 1);
    else if (keyword === "const" && (typeof child === "string" || typeof child === "number")) result.enum ??= [child];
    else result[keyword] = child;
  }
  return Object.assign(result, definitionsOf(schema.$defs, schema.definitions, depth));
}

function definitionsOf(first: unknown, second: unknown, depth: number): Fields {
  return first === undefined && second === undefined ? {} : { $defs: { ...eachOf(second, depth), ...eachOf(first, depth) } };
}

function eachOf(value: unknown, depth: number): Fields {
  return Object.fromEntries(Object.entries(fieldsOf(value)).map(([name, child]) => [name, rewrite(child, depth + 1)]));
}

/** Keywords that the OpenAPI form has in the same words. */
const sameWords = new Set(["description", "title", "format", "pattern", "minimum", "maximum", "minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties", "required", "default", "propertyOrdering"]);

/**
 * The same in the older form, the subset of OpenAPI 3.0 that `parameters` and `responseSchema` take: references are put in where they stand, a null among types becomes `nullable`,
 * `oneOf` becomes `anyOf`, `allOf` is merged. `simplified` is whether something that narrows had to be left out.
 */
export function geminiOpenApiSchema(schema: Fields): { schema: Fields; simplified: boolean } {
  const state = { root: schema, simplified: false, nodes: 0, open: new Map<string, number>() };
  return { schema: openApi(schema, state, 0), simplified: state.simplified };
}

interface OpenApiState {
  root: Fields;
  simplified: boolean;
  nodes: number;
  /** How often each reference stands around the place at hand. */
  open: Map<string, number>;
}

function openApi(value: unknown, state: OpenApiState, depth: number): Record<string, unknown> {
  const schema = fieldsOf(value);
  if (depth > mostDepth || ++state.nodes > mostNodes) return cut(state);
  if (typeof schema.$ref === "string") return followed(schema, schema.$ref, state, depth);
  const result: Record<string, unknown> = {};
  for (const [keyword, child] of Object.entries(schema)) {
    if (sameWords.has(keyword)) result[keyword] = child;
    else if (keyword === "type") putType(result, child);
    else if (keyword === "properties") result.properties = Object.fromEntries(Object.entries(fieldsOf(child)).map(([name, one]) => [name, openApi(one, state, depth + 1)]));
    else if (keyword === "items") result.items = openApi(child, state, depth + 1);
    else if (keyword === "anyOf" || keyword === "oneOf") putAlternatives(result, listOf(child), state, depth);
    else if (keyword === "allOf") for (const part of listOf(child)) mergeInto(result, openApi(part, state, depth + 1));
    else if (!keyword.startsWith("$") && keyword !== "enum" && keyword !== "const" && keyword !== "definitions" && keyword !== "examples") state.simplified = true;
  }
  // Behind the description, to which they may add words, wherever that stands.
  if (schema.enum !== undefined) putEnum(result, listOf(schema.enum), state);
  if (schema.const !== undefined) putEnum(result, [schema.const], state);
  if (result.properties !== undefined) result.type ??= "OBJECT";
  return result;
}

function followed(schema: Fields, reference: string, state: OpenApiState, depth: number): Record<string, unknown> {
  const open = state.open.get(reference) ?? 0;
  const target = reference === "#" ? state.root : reference.startsWith("#/") ? reference.slice(2).split("/").reduce<unknown>((at, step) => fieldsOf(at)[step.replaceAll("~1", "/").replaceAll("~0", "~")], state.root) : undefined;
  if (target === undefined || open >= mostUnrolled) return cut(state);
  state.open.set(reference, open + 1);
  const { $ref: _reference, ...siblings } = schema;
  const result = openApi(target, state, depth + 1);
  state.open.set(reference, open);
  return Object.assign(result, Object.keys(siblings).length === 0 ? {} : openApi(siblings, state, depth + 1));
}

function cut(state: OpenApiState): Record<string, unknown> {
  state.simplified = true;
  return { type: "OBJECT" };
}

function putType(result: Record<string, unknown>, type: unknown): void {
  const types = (Array.isArray(type) ? type : [type]).filter((one) => typeof one === "string").map((one) => one.toUpperCase());
  const others = types.filter((one) => one !== "NULL");
  if (others.length < types.length) result.nullable = true;
  if (others.length === 1) result.type = others[0];
  else if (others.length > 1) result.anyOf = others.map((one) => ({ type: one }));
}

/** Only texts can be enumerated; other values are told in words. */
function putEnum(result: Record<string, unknown>, values: readonly unknown[], state: OpenApiState): void {
  const others = values.filter((value) => value !== null);
  if (others.length < values.length) result.nullable = true;
  if (others.every((value) => typeof value === "string")) {
    result.enum = others;
    result.type ??= "STRING";
    return;
  }
  state.simplified = true;
  const type = typeof others[0];
  result.type ??= type === "number" ? "NUMBER" : type === "boolean" ? "BOOLEAN" : "STRING";
  result.description = `${typeof result.description === "string" ? `${result.description} ` : ""}One of: ${others.map(String).join(", ")}.`;
}

function putAlternatives(result: Record<string, unknown>, alternatives: readonly unknown[], state: OpenApiState, depth: number): void {
  const others = alternatives.filter((one) => fieldsOf(one).type !== "null");
  if (others.length < alternatives.length) result.nullable = true;
  const schemas = others.map((one) => openApi(one, state, depth + 1));
  if (schemas.length === 1) mergeInto(result, schemas[0]!);
  else if (schemas.length > 1) result.anyOf = schemas;
}

function mergeInto(result: Record<string, unknown>, part: Fields): void {
  const properties = { ...fieldsOf(result.properties), ...fieldsOf(part.properties) };
  const required = [...new Set([...listOf(result.required), ...listOf(part.required)])];
  for (const [keyword, value] of Object.entries(part)) result[keyword] ??= value;
  if (Object.keys(properties).length > 0) result.properties = properties;
  if (required.length > 0) result.required = required;
}
