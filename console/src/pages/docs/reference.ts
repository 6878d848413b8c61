import type { OpenApiDocument, OpenApiOperation, Schema } from "../../data/open-api.ts";

export interface Operation extends OpenApiOperation {
  id: string;
  method: string;
  path: string;
  tag: string;
}

const methods = ["get", "post", "put", "patch", "delete"];

/** All operations by their group, in the order of the document's tags and paths. */
export function operationsByTag(document: OpenApiDocument): Map<string, Operation[]> {
  const groups = new Map<string, Operation[]>();
  for (const { name } of document.tags ?? []) groups.set(name, []);
  for (const [path, item] of Object.entries(document.paths ?? {})) {
    for (const method of methods) {
      const operation = item[method];
      if (operation === undefined) continue;
      const tag = operation.tags?.[0] ?? "Other";
      const group = groups.get(tag) ?? [];
      groups.set(tag, group);
      group.push({ ...operation, id: operation.operationId ?? `${method}-${path}`, method: method.toUpperCase(), path, tag });
    }
  }
  for (const [tag, group] of groups) if (group.length === 0) groups.delete(tag);
  return groups;
}

/** True when every word is in the operation's path, method, name or text. */
export function matchesOperation(operation: Operation, text: string): boolean {
  const all = `${operation.method} ${operation.path} ${operation.summary ?? ""} ${operation.description ?? ""} ${operation.id} ${operation.tag}`.toLowerCase();
  return text.toLowerCase().split(/\s+/).every((word) => all.includes(word));
}

export function resolve(document: OpenApiDocument, schema: Schema): { schema: Schema; name: string | undefined } {
  let name: string | undefined;
  let current = schema;
  for (let depth = 0; current.$ref !== undefined && depth < 10; depth++) {
    name = current.$ref.replace("#/components/schemas/", "");
    current = document.components?.schemas?.[name] ?? {};
  }
  return { schema: current, name };
}

/** A schema's type in a few words: `text`, `list of number`, `Model`, `"ok" or "error"`. */
export function typeWords(document: OpenApiDocument, schema: Schema | undefined): string {
  if (schema === undefined) return "anything";
  const { schema: target, name } = resolve(document, schema);
  if (target.const !== undefined) return JSON.stringify(target.const);
  if (target.enum !== undefined) return target.enum.map((value) => JSON.stringify(value)).join(" or ");
  const options = target.anyOf ?? target.oneOf;
  if (options !== undefined) return name ?? options.map((option) => typeWords(document, option)).join(" or ");
  if (target.type === "array") return `list of ${typeWords(document, target.items)}`;
  if (name !== undefined && target.type === "object") return name;
  if (target.type === "object" && target.properties === undefined && typeof target.additionalProperties === "object") return `object of ${typeWords(document, target.additionalProperties)}`;
  if (Array.isArray(target.type)) return target.type.join(" or ");
  return target.type === "string" ? "text" : target.type === "integer" ? "whole number" : (target.type ?? "anything");
}

/** Limits and defaults of a schema, in a few words. */
export function limitWords(schema: Schema): string[] {
  const words: string[] = [];
  if (schema.minimum !== undefined && schema.maximum !== undefined) words.push(`${schema.minimum} to ${schema.maximum}`);
  else if (schema.minimum !== undefined) words.push(`at least ${schema.minimum}`);
  else if (schema.maximum !== undefined && schema.maximum !== Number.MAX_SAFE_INTEGER) words.push(`at most ${schema.maximum}`);
  if (schema.exclusiveMinimum !== undefined) words.push(`more than ${schema.exclusiveMinimum}`);
  if (schema.maxLength !== undefined) words.push(`at most ${schema.maxLength} characters`);
  if (schema.default !== undefined && !(typeof schema.default === "object" && schema.default !== null && Object.keys(schema.default).length === 0)) words.push(`default ${JSON.stringify(schema.default)}`);
  return words;
}

/** A value that the schema takes: its own example where it has one. */
export function exampleOf(document: OpenApiDocument, schema: Schema | undefined, depth = 0): unknown {
  if (schema === undefined || depth > 6) return null;
  const { schema: target } = resolve(document, schema);
  const given = schema.example ?? target.example ?? target.examples?.[0];
  if (given !== undefined) return given;
  if (target.const !== undefined) return target.const;
  if (target.default !== undefined) return target.default;
  if (target.enum !== undefined) return target.enum[0];
  const option = (target.anyOf ?? target.oneOf ?? target.allOf)?.[0];
  if (option !== undefined) return exampleOf(document, option, depth + 1);
  switch (Array.isArray(target.type) ? target.type[0] : target.type) {
    case "object":
      return Object.fromEntries(Object.entries(target.properties ?? {}).filter(([name]) => target.required?.includes(name)).map(([name, child]) => [name, exampleOf(document, child, depth + 1)]));
    case "array":
      return target.items === undefined ? [] : [exampleOf(document, target.items, depth + 1)];
    case "integer":
    case "number":
      return target.minimum ?? (target.exclusiveMinimum === undefined ? 0 : target.exclusiveMinimum + 1);
    case "boolean":
      return true;
    case "string":
      return target.pattern?.includes("sha256") ? `sha256:${"0".repeat(64)}` : "…";
    default:
      return null;
  }
}

/** The call as a shell takes it, with example values in the path. */
export function curlOf(document: OpenApiDocument, operation: Operation, origin: string): string {
  const values: Record<string, string> = { model: "my-model", version: "1", alias: "champion" };
  const path = operation.path.replace(/\{(\w+)\}/g, (_, name: string) => values[name] ?? name.toUpperCase());
  const required = (operation.parameters ?? []).filter((parameter) => parameter.in === "query" && parameter.required);
  const query = required.map((parameter) => `${parameter.name}=${String(exampleOf(document, parameter.schema))}`).join("&");
  const lines = [`curl ${operation.method === "GET" ? "" : `-X ${operation.method} `}${origin}${path}${query === "" ? "" : `?${query}`}`];
  const content = operation.requestBody?.content ?? {};
  const json = content["application/json"];
  if (json !== undefined) lines.push(`--json '${JSON.stringify(json.example ?? exampleOf(document, json.schema)).replaceAll("'", "'\\''")}'`);
  else if (Object.keys(content).length > 0) lines.push("--data-binary @model.onnx");
  if (Object.keys(operation.responses?.["200"]?.content ?? {}).includes("text/event-stream")) lines[0] = lines[0]!.replace("curl ", "curl -N ");
  return lines.join(" \\\n  ");
}
