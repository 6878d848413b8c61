import { z } from "zod";

/**
 * Fields of a request as MLflow's clients write a protobuf message in JSON: int64 as number or text, doubles that JSON lacks
 * as text, enums by name or number, null like absence, unknown fields ignored. What is wrong is said in the words that those
 * clients match on; `mlflowError` passes them on. A field may be left out unless it is `required`.
 */
type RawIssue = z.core.$ZodRawIssue;

/** A value that a message repeats is cut here. */
const maxShown = 500;

function problemOf(issue: RawIssue): string {
  const name = pathText(issue.path ?? []);
  const { input } = issue;
  if (input === undefined || input === null || (input === "" && issue.code === "too_small")) return `Missing value for required parameter '${name}'.`;
  const shown = (JSON.stringify(input) ?? String(input)).slice(0, maxShown);
  return `Invalid value ${shown} for parameter '${name}' supplied.`;
}

/** `metrics[0].key`. */
function pathText(path: readonly PropertyKey[]): string {
  let text = "";
  for (const part of path) text += typeof part === "number" ? `[${part}]` : text === "" ? String(part) : `.${String(part)}`;
  return text === "" ? "request" : text;
}

const said = { error: problemOf };

/** Absent, null and a value alike end as the value or undefined. */
function optional<Schema extends z.ZodType>(schema: Schema) {
  return schema.nullish().transform((value) => (value ?? undefined) as z.output<Schema> | undefined);
}

const anyText = z.string(said);
const wholeNumber = z
  .union([z.number(said).int(said), z.string(said).regex(/^-?\d{1,19}$/, said)], said)
  .transform(Number)
  .refine(Number.isSafeInteger, said);
const realNumber = z
  .union([z.number(said), z.string(said).regex(/^([+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|NaN|-?Infinity)$/, said)], said)
  .transform(Number);
const truth = z
  .union([z.boolean(said), z.string(said).regex(/^(true|false)$/i, said)], said)
  .transform((value) => value === true || (typeof value === "string" && value.toLowerCase() === "true"));

export const text = optional(anyText);
/** Neither absent nor empty. */
export const requiredText = z.string(said).min(1, said);
/** Whole numbers, as text. */
const isExperimentId = (id: string): boolean => id === "" || /^[+-]?\d+$/.test(id);
const experimentIdProblem = { error: ({ input }: RawIssue) => `Invalid experiment ID '${String(input).slice(0, maxShown)}'. Experiment ID must be a valid integer.` };
export const experimentId = requiredText.refine(isExperimentId, experimentIdProblem);
/** Absent or empty too. */
export const anyExperimentId = optional(anyText.refine(isExperimentId, experimentIdProblem));
/** What batches and inputs are logged to. */
export const plainRunId = requiredText.regex(/^[a-zA-Z0-9][\p{L}\p{N}_-]{0,255}$/u, said);

/** May be empty, must be there. */
export const presentText = anyText;
/** A whole number that JavaScript holds exactly. */
export const int64 = optional(wholeNumber);
export const requiredInt64 = wholeNumber;
/** May be NaN and infinite. */
export const requiredDouble = realNumber;
export const boolean = optional(truth);

/** One of `names`, or its number: the place in `names` plus `first`. */
export function enumeration<const Name extends string>(names: readonly Name[], first = 1) {
  const numbers: Readonly<Record<string, Name>> = Object.fromEntries(names.map((name, index) => [String(first + index), name]));
  // Not `String(value)` of anything: a body's objects have no prototype, and numbers beyond int64 come as such.
  const known = z.preprocess((value) => (typeof value === "number" || typeof value === "string" ? numbers[value] : undefined) ?? value, z.enum(names as readonly [Name, ...Name[]], said));
  return optional(known as unknown as z.ZodType<Name>);
}

/** Empty where it is left out. */
export function list<Item extends z.ZodType>(item: Item) {
  return z.array(item, said).nullish().transform((value) => (value ?? []) as z.output<Item>[]);
}

/** A message, as a whole body or inside one. */
export function message<Shape extends z.core.$ZodShape>(shape: Shape) {
  return z.object(shape, said);
}

/** Lets a message name its run by `run_uuid`, as old clients do; the result has it as `run_id`. */
export function withRunId<Schema extends z.ZodType>(schema: Schema) {
  return z.preprocess((value) => {
    if (typeof value !== "object" || value === null) return value;
    const { run_id: id, run_uuid: uuid } = value as { run_id?: unknown; run_uuid?: unknown };
    return (id === undefined || id === null || id === "") && uuid !== undefined ? { ...value, run_id: uuid } : value;
  }, schema);
}

/**
 * The fields of a message in the query of a GET, where each value came as a list of texts (`repeatedQuery` of the route): the first
 * counts, but for those that `lists` names.
 */
export function queryMessage<Shape extends z.core.$ZodShape>(shape: Shape, lists: readonly (keyof Shape & string)[] = []) {
  const single = (value: unknown): unknown => {
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([name, values]) => [name, Array.isArray(values) && !(lists as readonly string[]).includes(name) ? (values as unknown[])[0] : (values as unknown)]));
  };
  return z.preprocess(single, message(shape));
}
