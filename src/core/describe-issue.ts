import type { z } from "zod";
import { nearestName } from "./nearest-name.ts";

type RawIssue = z.core.$ZodRawIssue;

/** Keys and values of a caller that a message repeats; longer ones are cut. */
const maxNamed = 10;
const maxNameLength = 80;
/** An object of more fields than these does not list them where one is unknown. */
const maxListed = 16;

/**
 * Says what is wrong with a value in the words of this project: give it to a schema as `safeParse(value, { error: describeIssue })`.
 * Each message goes on from the value's place, such as "must be a string, but is a number". What a schema says itself comes first.
 */
export function describeIssue(issue: RawIssue): string {
  if (issue.input === undefined && issue.code !== "custom" && issue.code !== "unrecognized_keys") return "is missing";
  switch (issue.code) {
    case "invalid_type":
      return wrongType([issue.expected], issue.input);
    case "invalid_value":
      return `must be ${oneOf(issue.values)}`;
    case "too_small":
      return bound(issue.origin, issue.minimum, issue.exact === true ? "exactly" : issue.inclusive === false ? "more than" : "at least");
    case "too_big":
      return bound(issue.origin, issue.maximum, issue.exact === true ? "exactly" : issue.inclusive === false ? "less than" : "at most");
    case "invalid_format":
      return wrongFormat(issue);
    case "not_multiple_of":
      return `must be a multiple of ${issue.divisor}`;
    case "unrecognized_keys":
      return `has the unknown field${issue.keys.length === 1 ? "" : "s"} ${named(issue.keys)}${meant(issue)}`;
    case "invalid_union":
      return noUnionMember(issue);
    case "invalid_key":
      return `has a name that is not allowed: it ${issue.issues[0]?.message ?? "is not valid"}`;
    case "invalid_element":
      return `has an element that is not allowed: it ${issue.issues[0]?.message ?? "is not valid"}`;
    default:
      return "is not valid";
  }
}

const typeNames: Readonly<Record<string, string>> = {
  string: "a string", number: "a number", int: "a whole number", bigint: "a whole number", boolean: "a boolean", null: "null", array: "a list", tuple: "a list", object: "an object",
  record: "an object", map: "an object", set: "a list", date: "a point in time", nan: "NaN",
};

function wrongType(expected: readonly string[], input: unknown): string {
  if (expected.includes("never")) return "is not allowed here";
  const wanted = [...new Set(expected.map((type) => typeNames[type] ?? type))];
  const given = typeof input === "number" ? (Number.isInteger(input) ? "a number" : "a fraction") : typeNames[input === null ? "null" : Array.isArray(input) ? "array" : typeof input];
  // A text that was to be read as a number arrives as NaN.
  if (given === undefined || Number.isNaN(input) || (given === "a fraction" && !expected.includes("int"))) {
    const plain = typeof input === "number" && Number.isFinite(input) ? ", but is a number" : "";
    return `must be ${either(wanted)}${plain}`;
  }
  return `must be ${either(wanted)}, but is ${given}`;
}

const units: Readonly<Record<string, readonly [string, string]>> = {
  string: ["character", "characters"], array: ["element", "elements"], set: ["element", "elements"], map: ["entry", "entries"], object: ["field", "fields"], file: ["byte", "bytes"],
};

function bound(origin: string, limit: number | bigint, how: string): string {
  const unit = units[origin];
  if (unit === undefined) return `must be ${how} ${limit}`;
  if (how === "at least" && Number(limit) === 1) return "must not be empty";
  return `must have ${how} ${limit} ${unit[Number(limit) === 1 ? 0 : 1]}`;
}

const formats: Readonly<Record<string, string>> = {
  email: "an email address", url: "a URL", uuid: "a UUID", guid: "a UUID", datetime: "a point in time such as 2001-06-30T12:00:00Z", date: "a day such as 2001-06-30", time: "a time such as 12:00:00",
  ipv4: "an IPv4 address", ipv6: "an IPv6 address", base64: "text in base64", base64url: "text in base64url", json_string: "JSON",
};

function wrongFormat({ format, pattern, prefix, suffix, includes }: Extract<RawIssue, { code: "invalid_format" }>): string {
  if (format === "starts_with") return `must start with ${JSON.stringify(prefix)}`;
  if (format === "ends_with") return `must end with ${JSON.stringify(suffix)}`;
  if (format === "includes") return `must contain ${JSON.stringify(includes)}`;
  if (format === "regex") return `must match ${pattern}`;
  return formats[format] === undefined ? "does not have the right form" : `must be ${formats[format]}`;
}

function noUnionMember({ input, discriminator, options, errors, inclusive }: Extract<RawIssue, { code: "invalid_union" }>): string {
  if (inclusive === false) return "fits more than one of the forms that it may have";
  if (discriminator !== undefined) {
    if ((input as Record<string, unknown> | null)?.[discriminator] === undefined) return "is missing";
    return options === undefined ? "is not known" : `must be ${oneOf(options as readonly z.core.util.Primitive[])}`;
  }
  const own = errors.filter((issues) => !(issues.length === 1 && issues[0]!.path.length === 0 && issues[0]!.code === "invalid_type"));
  // Only one of the forms has the value's type: its problem is the one to mend.
  if (own.length === 1) return `${place(own[0]![0]!.path)}${own[0]![0]!.message}`;
  const types = errors.flatMap((issues) => issues.flatMap((issue) => (issue.code === "invalid_type" && issue.path.length === 0 ? [issue.expected] : [])));
  return own.length === 0 && types.length > 0 ? wrongType(types, input) : "has none of the forms that it may have";
}

/** Where inside the value, in front of what is wrong there. */
function place(path: readonly PropertyKey[]): string {
  return path.length === 0 ? "" : `has a problem at ${path.map((part) => (typeof part === "number" ? `[${part}]` : short(String(part)))).join(".")}: it `;
}

function oneOf(values: readonly z.core.util.Primitive[]): string {
  const texts = values.map((value) => (typeof value === "string" ? JSON.stringify(value) : String(value)));
  return texts.length === 1 ? texts[0]! : `one of ${texts.join(", ")}`;
}

function either(texts: readonly string[]): string {
  return texts.length < 2 ? texts.join("") : `${texts.slice(0, -1).join(", ")} or ${texts.at(-1)!}`;
}

function named(keys: readonly string[], most = maxNamed): string {
  const shown = keys.slice(0, most).map((key) => JSON.stringify(short(key))).join(", ");
  return keys.length > most ? `${shown} and ${keys.length - most} more` : shown;
}

/** What the caller may have meant: all fields that there are, or of many the nearest. */
function meant({ keys, inst }: Extract<RawIssue, { code: "unrecognized_keys" }>): string {
  const shape = (inst as z.core.$ZodObject | undefined)?._zod.def.shape;
  const fields = shape === undefined ? [] : Object.keys(shape);
  if (fields.length === 0) return "";
  if (fields.length <= maxListed) return `; its field${fields.length === 1 ? " is" : "s are"} ${named(fields, maxListed)}`;
  const nearest = [...new Set(keys.slice(0, maxNamed).flatMap((key) => nearestName(key, fields) ?? []))];
  return nearest.length === 0 ? "" : `; the nearest of its fields ${nearest.length === 1 ? "is" : "are"} ${named(nearest)}`;
}

function short(name: string): string {
  return name.length > maxNameLength ? `${name.slice(0, maxNameLength - 1)}…` : name;
}
