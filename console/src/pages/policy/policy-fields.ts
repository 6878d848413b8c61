import type { Schema } from "../../data/open-api.ts";
import { inlined, numberProblem, unwrapped, valueProblem, withDefaults } from "./schema-values.ts";

/** Policy as the form sees it: leaves by their dotted path. */
export type FlatPolicy = Record<string, unknown>;

/** One leaf of the policy's schema, read from the API's own description, so that a new one appears by itself. */
export interface PolicyField {
  /** Such as `serving.runners`. */
  path: string;
  group: string;
  kind: "number" | "integer" | "boolean" | "choice" | "list" | "text" | "whole";
  /** May be left empty: null. */
  nullable?: true;
  /** Of a choice, and of a list whose entries are some of these. */
  choices?: readonly string[];
  /** Of a part that comes as a whole, with all that it refers to in its place. */
  schema?: Schema;
  default: unknown;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  description: string | undefined;
}

/**
 * What a form can change of the policy, each by itself: leaves, and parts that come and go as a whole, such as the phases of a rollout.
 */
export function policyFields(schema: Schema, resolve: (reference: string) => Schema | undefined = () => undefined): PolicyField[] {
  const fields: PolicyField[] = [];
  const walk = (node: Schema, path: string[]): void => {
    const { schema: resolved, nullable } = unwrapped(node);
    const { properties, items, type, minimum, maximum, exclusiveMinimum, description } = resolved;
    const base = { path: path.join("."), group: path[0] ?? "", description, ...(nullable ? { nullable } : {}) };
    const isWhole = (nullable && properties !== undefined) || (type === "object" && properties === undefined) || items?.properties !== undefined || items?.oneOf !== undefined || items?.anyOf !== undefined;
    if (isWhole) {
      fields.push({ ...base, kind: "whole", default: withDefaults(node, node.default), schema: node });
      return;
    }
    if (properties !== undefined) {
      for (const [name, child] of Object.entries(properties)) walk(child, [...path, name]);
      return;
    }
    const kind = resolved.enum !== undefined ? "choice" : type === "array" ? "list" : type === "boolean" ? "boolean" : type === "integer" ? "integer" : type === "string" ? "text" : "number";
    const choices = resolved.enum ?? (kind === "list" ? items?.enum : undefined);
    fields.push({
      ...base, kind, default: resolved.default, ...(choices === undefined ? {} : { choices: choices.map(String) }),
      ...(minimum === undefined ? {} : { minimum }), ...(maximum === undefined ? {} : { maximum }), ...(exclusiveMinimum === undefined ? {} : { exclusiveMinimum }),
    });
  };
  walk(inlined(schema, resolve), []);
  return fields;
}

/** A policy by its fields: parts that come as a whole are not taken apart. */
export function flattenPolicy(policy: unknown, fields: readonly PolicyField[]): FlatPolicy {
  return flatten(policy, "", new Set(fields.filter(({ kind }) => kind === "whole").map(({ path }) => path)));
}

export function flatten(value: unknown, prefix = "", wholes: ReadonlySet<string> = new Set()): FlatPolicy {
  if (typeof value !== "object" || value === null || Array.isArray(value) || wholes.has(prefix)) return { [prefix]: value };
  return Object.assign({}, ...Object.entries(value).map(([name, child]) => flatten(child, prefix === "" ? name : `${prefix}.${name}`, wholes))) as FlatPolicy;
}

/** Down to the last leaf, also in lists of objects, for saying what changed: `rollout.phases.2.weight`, counted from 1. */
export function flattenDeep(value: unknown, prefix = ""): FlatPolicy {
  const isList = Array.isArray(value) && value.some((item) => typeof item === "object" && item !== null);
  if (typeof value !== "object" || value === null || (Array.isArray(value) && !isList)) return { [prefix]: value };
  const entries = isList ? value.map((item, index): [string, unknown] => [String(index + 1), item]) : Object.entries(value);
  return Object.assign({}, ...entries.map(([name, child]) => flattenDeep(child, prefix === "" ? name : `${prefix}.${name}`))) as FlatPolicy;
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
  if (field.kind === "whole") {
    const value: unknown = JSON.parse(text);
    const problem = valueProblem(field.schema!, value);
    return problem === null ? { value } : { problem };
  }
  if (field.kind === "text") return { value: text.trim() };
  if (field.kind === "boolean") return { value: text === "true" };
  if (field.kind === "choice") return { value: text };
  if (field.kind === "list") return { value: text.split(",").map((item) => item.trim()).filter((item) => item !== "") };
  const value = text.trim() === "" ? NaN : Number(text);
  const problem = numberProblem({ ...field, type: field.kind }, value);
  return problem === null ? { value } : { problem };
}

/** A value as the form holds it; of a part that comes as a whole, as JSON. */
export function fieldText(value: unknown, kind?: PolicyField["kind"]): string {
  if (kind === "whole") return JSON.stringify(value ?? null);
  return Array.isArray(value) ? value.join(", ") : String(value ?? "");
}

/** Problems of an answer by the path of their field; `policy.serving.runners` and `serving.runners` both name one. */
export function problemsByField(problems: readonly { path: string; message: string }[], fields: readonly PolicyField[]): Record<string, string> {
  const found: Record<string, string> = {};
  for (const { path, message } of problems) {
    const field = fields.find((candidate) => path === candidate.path || path.endsWith(`.${candidate.path}`) || (candidate.kind === "whole" && `.${path}`.includes(`.${candidate.path}.`)));
    if (field === undefined) continue;
    const [, inside] = `.${path}`.split(`.${field.path}.`);
    found[field.path] ??= inside === undefined ? message : `${inside}: ${message}`;
  }
  return found;
}
