import type { z } from "zod";
import { describeIssue } from "../core/describe-issue.ts";
import { AppError, type Problem } from "../core/errors.ts";
import { assertJsonBounds, largeBodyBounds } from "../core/json-bounds.ts";

const bounds = { ...largeBodyBounds, depth: 32 };

/** Parses a JSON body. Throws UNSUPPORTED_MEDIA_TYPE, INVALID_JSON. */
export function parseJson(bytes: Buffer, contentType: string | undefined): unknown {
  const mediaType = contentType?.split(";", 1)[0]?.trim().toLowerCase();
  if (mediaType !== undefined && mediaType !== "" && !/^application\/([a-z0-9.+-]+\+)?json$/.test(mediaType)) {
    throw new AppError("UNSUPPORTED_MEDIA_TYPE", "This route takes application/json.");
  }
  assertJsonBounds(bytes, bounds);
  try {
    return JSON.parse(textOf(bytes));
  } catch (cause) {
    throw new AppError("INVALID_JSON", bytes.length === 0 ? "The body is empty." : "The body is not valid JSON.", { cause });
  }
}

/**
 * A body that `parseJson` has taken, once more: a number that JavaScript would write otherwise (9.0, 1e2) is the object of
 * `JSON.rawJSON` that `JSON.stringify` writes as it was sent. For messages, not for values.
 */
export function parseNumbersAsSent(bytes: Buffer): unknown {
  const asSent = (_key: string, value: unknown, { source }: { source?: string }): unknown =>
    typeof value === "number" && source !== undefined && source !== String(value) ? (JSON as unknown as { rawJSON(text: string): object }).rawJSON(source) : value;
  return JSON.parse(textOf(bytes), asSent as Parameters<typeof JSON.parse>[1]);
}

function textOf(bytes: Buffer): string {
  return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
}

/** Query text as an object without a prototype; the last of repeated keys wins. */
export function parseQuery(text: string): Record<string, string> {
  const query = Object.create(null) as Record<string, string>;
  for (const [name, value] of new URLSearchParams(text)) query[name] = value;
  return query;
}

/** The same with all values of each key, in their order. */
export function parseRepeatedQuery(text: string): Record<string, string[]> {
  const query = Object.create(null) as Record<string, string[]>;
  for (const [name, value] of new URLSearchParams(text)) (query[name] ??= []).push(value);
  return query;
}

/** Problems that an answer lists: a body of a few bytes for each must not make an answer many times its size. */
const maxProblems = 64;

/** Validates and adds the problems, with their paths in the caller's terms; the result is only valid when none was added. */
export function validate(schema: z.ZodType, value: unknown, where: string, problems: Problem[]): unknown {
  const parsed = schema.safeParse(value, { error: describeIssue });
  if (parsed.success) return parsed.data;
  for (const issue of parsed.error.issues.slice(0, maxProblems)) {
    problems.push({ path: pathText(where, issue.path), message: issue.message });
  }
  return undefined;
}

function pathText(where: string, path: readonly PropertyKey[]): string {
  let text = where;
  for (const part of path) text += typeof part === "number" ? `[${part}]` : text === "" ? String(part) : `.${String(part)}`;
  return text;
}

/** The first problems in one sentence. */
export function describeProblems(problems: readonly Problem[]): string {
  const first = problems.slice(0, 5).map((problem) => (problem.path === "" ? problem.message : `${problem.path}: ${problem.message}`));
  const more = problems.length > first.length ? ` and ${problems.length - first.length} more` : "";
  return `${first.join("; ")}${more}.`;
}
