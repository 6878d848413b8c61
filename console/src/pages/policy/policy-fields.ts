import type { Schema } from "../../data/open-api.ts";

/** Policy as the form sees it: leaves by their dotted path. */
export type FlatPolicy = Record<string, unknown>;

/** One leaf of the policy's schema, read from the API's own description, so that a new one appears by itself. */
export interface PolicyField {
  /** Such as `serving.runners`. */
  path: string;
  group: string;
  kind: "number" | "integer" | "boolean" | "choice" | "list" | "text";
  /** May be left empty: null. */
  nullable?: true;
  choices?: readonly string[];
  default: unknown;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  description: string | undefined;
}

/** The leaves that one field of a form can hold. Parts that come and go as a whole, and lists of them, are none: they stay as they are. */
export function policyFields(schema: Schema, resolve: (reference: string) => Schema | undefined = () => undefined): PolicyField[] {
  const fields: PolicyField[] = [];
  const walk = (node: Schema, path: string[]): void => {
    const referred = (each: Schema): Schema => (each.$ref === undefined ? each : { ...resolve(each.$ref), ...each });
    const either = node.anyOf?.filter(({ type }) => type !== "null");
    const nullable = node.anyOf !== undefined && either?.length === 1 && node.anyOf.length === 2;
    const resolved = nullable ? { ...referred(either[0]!), ...node } : referred(node);
    if (nullable && resolved.properties !== undefined) return;
    if (resolved.properties !== undefined) {
      for (const [name, child] of Object.entries(resolved.properties)) walk(child, [...path, name]);
      return;
    }
    const items = resolved.items === undefined ? undefined : referred(resolved.items);
    if (resolved.type === "object" || items?.properties !== undefined || items?.oneOf !== undefined || items?.anyOf !== undefined) return;
    const kind = resolved.enum !== undefined ? "choice" : resolved.type === "array" ? "list" : resolved.type === "boolean" ? "boolean" : resolved.type === "integer" ? "integer" : resolved.type === "string" ? "text" : "number";
    const { minimum, maximum, exclusiveMinimum } = resolved;
    fields.push({
      path: path.join("."), group: path[0] ?? "", kind, default: resolved.default, description: resolved.description,
      ...(nullable ? { nullable } : {}), ...(resolved.enum === undefined ? {} : { choices: resolved.enum.map(String) }),
      ...(minimum === undefined ? {} : { minimum }), ...(maximum === undefined ? {} : { maximum }), ...(exclusiveMinimum === undefined ? {} : { exclusiveMinimum }),
    });
  };
  walk(schema, []);
  return fields;
}

export function flatten(value: unknown, prefix = ""): FlatPolicy {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return { [prefix]: value };
  return Object.assign({}, ...Object.entries(value).map(([name, child]) => flatten(child, prefix === "" ? name : `${prefix}.${name}`))) as FlatPolicy;
}

export function unflatten(flat: FlatPolicy): Record<string, unknown> {
  const root: Record<string, unknown> = {};
  for (const [path, value] of Object.entries(flat)) {
    const names = path.split(".");
    let node = root;
    for (const name of names.slice(0, -1)) node = (node[name] ??= {}) as Record<string, unknown>;
    node[names.at(-1)!] = value;
  }
  return root;
}

export function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** Leaves that differ between two policies. */
export function differences(before: FlatPolicy, after: FlatPolicy): { path: string; before: unknown; after: unknown }[] {
  const paths = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...paths].filter((path) => !same(before[path], after[path])).map((path) => ({ path, before: before[path], after: after[path] }));
}

/** A typed value as the policy holds it, or why it is none. */
export function parseField(field: PolicyField, text: string): { value: unknown } | { problem: string } {
  if (field.nullable === true && text.trim() === "") return { value: null };
  if (field.kind === "text") return { value: text.trim() };
  if (field.kind === "boolean") return { value: text === "true" };
  if (field.kind === "choice") return { value: text };
  if (field.kind === "list") return { value: text.split(",").map((item) => item.trim()).filter((item) => item !== "") };
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value)) return { problem: "Type a number." };
  if (field.kind === "integer" && !Number.isInteger(value)) return { problem: "Type a whole number." };
  if (field.minimum !== undefined && value < field.minimum) return { problem: `At least ${field.minimum}.` };
  if (field.exclusiveMinimum !== undefined && value <= field.exclusiveMinimum) return { problem: `More than ${field.exclusiveMinimum}.` };
  if (field.maximum !== undefined && value > field.maximum) return { problem: `At most ${field.maximum}.` };
  return { value };
}

export function fieldText(value: unknown): string {
  return Array.isArray(value) ? value.join(", ") : String(value ?? "");
}

/** Problems of an answer by the path of their field; `policy.serving.runners` and `serving.runners` both name one. */
export function problemsByField(problems: readonly { path: string; message: string }[], fields: readonly PolicyField[]): Record<string, string> {
  const found: Record<string, string> = {};
  for (const { path, message } of problems) {
    const field = fields.find((candidate) => path === candidate.path || path.endsWith(`.${candidate.path}`));
    if (field !== undefined) found[field.path] ??= message;
  }
  return found;
}
