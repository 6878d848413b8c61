import { Ajv, type AnySchema, type ErrorObject, type Options } from "ajv";
import { Ajv2020 } from "ajv/dist/2020.js";
import type { Problem } from "../../core/errors.ts";
import type { Schema } from "./schema-limits.ts";

/** What is wrong with a value; nothing where it keeps to the schema. */
export type CheckValue = (value: unknown) => Problem[];

const mostProblems = 10;

/** Patterns in the way of JSON Schema, and where that is malformed in the older way, as Python's schemas often are. Their time is bounded by the thread that runs them. */
const readPattern = Object.assign(
  (source: string, flags: string): RegExp => {
    try {
      return new RegExp(source, flags);
    } catch {
      return new RegExp(source);
    }
  },
  { code: "readPattern" },
);

const options: Options = {
  strict: false,
  allErrors: true,
  validateFormats: false,
  // A schema of a caller: references are followed when a value is checked, so that a schema cannot grow by them.
  inlineRefs: false,
  // What every object inherits is no property of an answer.
  ownProperties: true,
  logger: false,
  code: { regExp: readPattern },
};

let dialects: { draft7: Ajv; draft2020: Ajv2020 } | null = null;

/** Compiles a schema of draft 2020-12, or of draft-07 where it says so or has lists in `items`. Formats are not checked. Throws Error for what is no schema. */
export function compileSchema(schema: Schema): CheckValue {
  dialects ??= { draft7: new Ajv(options), draft2020: new Ajv2020(options) };
  const isOld = isDraft7(schema);
  const meta = isOld ? dialects.draft7 : dialects.draft2020;
  // The dialect itself is not in question, and its address may be any.
  const plain: Record<string, unknown> = { ...schema };
  delete plain.$schema;
  delete plain.$id;
  if (meta.validateSchema(plain as AnySchema) === false) throw new Error(meta.errorsText(meta.errors));
  // One for each schema: names in it must not meet those of another caller.
  const own = isOld ? new Ajv({ ...options, meta: false, validateSchema: false }) : new Ajv2020({ ...options, meta: false, validateSchema: false });
  const validate = own.compile(plain as AnySchema);
  return (value) => (validate(value) === true ? [] : (validate.errors ?? []).slice(0, mostProblems).map(problemOf));
}

function isDraft7(schema: unknown): boolean {
  if (typeof schema !== "object" || schema === null) return false;
  const { $schema } = schema as { $schema?: unknown };
  if (typeof $schema === "string") return /draft-0[4-7]/.test($schema);
  const hasLists = (value: unknown): boolean => typeof value === "object" && value !== null && Object.entries(value).some(([key, member]) => (key === "items" && Array.isArray(member)) || (key !== "enum" && key !== "const" && hasLists(member)));
  return hasLists(schema);
}

function problemOf({ instancePath, keyword, params }: ErrorObject): Problem {
  const path = `$${instancePath.split("/").slice(1).map((step) => (/^\d+$/.test(step) ? `[${step}]` : `.${step.replaceAll("~1", "/").replaceAll("~0", "~")}`)).join("")}`;
  return { path, message: wordsOf(keyword, params as Record<string, unknown>) };
}

/** In words that a model can follow. */
function wordsOf(keyword: string, values: Record<string, unknown>): string {
  switch (keyword) {
    case "type":
      return `must be of type ${[values.type].flat().join(" or ")}`;
    case "required":
      return `lacks the property ${JSON.stringify(values.missingProperty)}`;
    case "additionalProperties":
      return `has the property ${JSON.stringify(values.additionalProperty)}, which is not allowed`;
    case "unevaluatedProperties":
      return `has the property ${JSON.stringify(values.unevaluatedProperty)}, which is not allowed`;
    case "enum":
      return `must be one of ${JSON.stringify(values.allowedValues)}`;
    case "const":
      return `must be ${JSON.stringify(values.allowedValue)}`;
    case "minimum": case "maximum": case "exclusiveMinimum": case "exclusiveMaximum":
      return `must be ${String(values.comparison)} ${String(values.limit)}`;
    case "minLength": case "minItems": case "minProperties":
      return `must have at least ${String(values.limit)} ${nounOf(keyword)}`;
    case "maxLength": case "maxItems": case "maxProperties":
      return `must have at most ${String(values.limit)} ${nounOf(keyword)}`;
    case "pattern":
      return `must match the pattern ${String(values.pattern)}`;
    case "multipleOf":
      return `must be a multiple of ${String(values.multipleOf)}`;
    case "uniqueItems":
      return "must not have an item twice";
    case "oneOf":
      return "must match exactly one of the schemas in oneOf";
    case "anyOf":
      return "must match one of the schemas in anyOf";
    case "false schema":
      return "is not allowed";
    default:
      return `does not keep to ${keyword} of the schema`;
  }
}

function nounOf(keyword: string): string {
  return keyword.endsWith("Length") ? "characters" : keyword.endsWith("Items") ? "items" : "properties";
}
