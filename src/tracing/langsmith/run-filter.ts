import { AppError } from "../../core/errors.ts";
import type { RunFacts } from "./run-facts.ts";
import { nanosecondsOf } from "./runs.ts";

/** Whether a run is looked for. */
export type RunPredicate = (run: RunFacts) => boolean;

type Value = string | number | boolean | null | readonly Value[];
export type FilterNode = { call: string; values: FilterNode[] } | { name: string } | { value: Value };

const mostNested = 30;
const texts = new Set(["id", "name", "run_type", "status", "error", "trace_id", "parent_run_id", "thread_id"]);
const numbers = new Set(["latency", "total_tokens", "prompt_tokens", "completion_tokens", "total_cost"]);
const times = new Set(["start_time", "end_time"]);
const constants: ReadonlyMap<string, boolean | null> = new Map([["true", true], ["false", false], ["null", null], ["none", null]]);
const comparisons: Readonly<Record<string, (one: string | number | bigint, other: string | number | bigint) => boolean>> = {
  eq: (one, other) => one === other, neq: (one, other) => one !== other, gt: (one, other) => one > other, gte: (one, other) => one >= other, lt: (one, other) => one < other, lte: (one, other) => one <= other,
};

/**
 * A filter of LangSmith's clients, such as `and(eq(run_type, "llm"), gt(latency, 2))`: and, or, not; eq, neq, gt, gte, lt, lte and in of what a run is (names above, `is_root`), has of tags and metadata, eq and neq of
 * metadata_key and metadata_value. Throws INVALID_REQUEST for what is no filter, NOT_SUPPORTED for what is none here.
 */
export function runFilterOf(text: string): RunPredicate {
  return predicateOf(readFilter(text));
}

/** Throws INVALID_REQUEST for what is no filter. */
export function readFilter(text: string): FilterNode {
  return new FilterReader(text).read();
}

function unsupported(what: string): AppError {
  return new AppError("NOT_SUPPORTED", `LangSmith's filter by ${what.slice(0, 100)} is not served here. Served are and, or, not; eq, neq, gt, gte, lt, lte and in of ${[...texts, ...numbers, ...times, "is_root"].join(", ")}; has of tags and metadata; eq of metadata_key and metadata_value. What else traces are found by: GET /api/traces.`);
}

function invalid(message: string): AppError {
  return new AppError("INVALID_REQUEST", `The filter cannot be read: ${message}. Write it such as and(eq(run_type, "llm"), gt(latency, 2)).`);
}

function predicateOf(node: FilterNode): RunPredicate {
  if (!("call" in node)) throw invalid("it is no comparison");
  const { call, values } = node;
  if (call === "and") return conjunctionOf(values);
  if (call === "or") {
    const any = values.map(predicateOf);
    return (run) => any.some((one) => one(run));
  }
  if (call === "not") {
    const [only, ...more] = values.map(predicateOf);
    if (only === undefined || more.length > 0) throw invalid("not takes one comparison");
    return (run) => !only(run);
  }
  return comparisonOf(call, values);
}

/** A key and values beside it are of one entry of the metadata. */
function conjunctionOf(values: readonly FilterNode[]): RunPredicate {
  const isOf = (node: FilterNode, field: string, calls: readonly string[]): boolean => "call" in node && calls.includes(node.call) && node.values[0] !== undefined && "name" in node.values[0] && node.values[0].name === field;
  const keys = values.filter((node) => isOf(node, "metadata_key", ["eq"]));
  const entries = values.filter((node) => isOf(node, "metadata_value", ["eq", "neq"]));
  const [key] = keys;
  if (key === undefined || keys.length > 1 || entries.length === 0) {
    const all = values.map(predicateOf);
    return (run) => all.every((one) => one(run));
  }
  const name = String(valueOf((key as { values: FilterNode[] }).values[1]));
  const wanted = entries.map((node) => ({ isEqual: (node as { call: string }).call === "eq", value: String(valueOf((node as { values: FilterNode[] }).values[1])) }));
  const others = values.filter((node) => node !== key && !entries.includes(node)).map(predicateOf);
  return (run) => Object.hasOwn(run.metadata, name) && wanted.every(({ isEqual, value }) => (String(run.metadata[name]) === value) === isEqual) && others.every((one) => one(run));
}

function comparisonOf(call: string, [field, given, ...more]: readonly FilterNode[]): RunPredicate {
  if (field === undefined || !("name" in field) || given === undefined || more.length > 0) throw invalid(`${call} takes a name and a value`);
  const { name } = field;
  const value = valueOf(given);
  if (call === "has") return hasOf(name, value);
  if (name === "is_root" && call === "eq") return (run) => run.is_root === (value === true || value === 1 || value === "true");
  if (name === "metadata_key" && call === "eq") return (run) => Object.hasOwn(run.metadata, String(value));
  if (name === "metadata_value" && call === "eq") return (run) => Object.values(run.metadata).some((entry) => String(entry) === String(value));
  if (call === "in") {
    if (!Array.isArray(value)) throw invalid("in takes a list such as [\"a\", \"b\"]");
    const any = (value as readonly Value[]).map((one) => comparedWith("eq", name, one));
    return (run) => any.some((one) => one(run));
  }
  return comparedWith(call, name, value);
}

function comparedWith(call: string, name: string, value: Value): RunPredicate {
  const isKnown = texts.has(name) || numbers.has(name) || times.has(name);
  if (!isKnown) throw unsupported(name);
  if (!Object.hasOwn(comparisons, call)) throw unsupported(`${call} of ${name}`);
  const of = (run: RunFacts): string | number | bigint | null => run[name as "name" | "latency" | "start_time"];
  if (value === null) {
    if (call !== "eq" && call !== "neq") throw invalid(`${call} cannot be asked of null`);
    return (run) => (of(run) === null) === (call === "eq");
  }
  const wanted = comparableOf(name, value);
  const meets = comparisons[call]!;
  // What is not there is like nothing.
  return (run) => {
    const own = of(run);
    return own === null ? call === "neq" : meets(own, wanted);
  };
}

function comparableOf(name: string, value: Value): string | number | bigint {
  if (times.has(name)) {
    const time = nanosecondsOf(value);
    if (time === null) throw invalid(`${name} is compared with a time such as "2026-01-31T00:00:00Z"`);
    return time;
  }
  if (numbers.has(name)) {
    // Latency may come with its unit, as "2s".
    const number = typeof value === "number" ? value : Number(String(value).replace(/s$/, ""));
    if (Number.isNaN(number) || value === "") throw invalid(`${name} is compared with a number`);
    return number;
  }
  const text = String(value);
  return name === "id" || name.endsWith("_run_id") || name === "trace_id" ? text.toLowerCase() : text;
}

/** `has(tags, "a")`, and `has(metadata, '{"key": "value"}')`. */
function hasOf(name: string, value: Value): RunPredicate {
  if (name === "tags") return (run) => run.tags.includes(String(value));
  if (name !== "metadata") throw unsupported(`has of ${name}`);
  let wanted: unknown;
  try {
    wanted = JSON.parse(String(value));
  } catch {
    throw invalid("has(metadata, ...) takes a JSON object in a text");
  }
  if (typeof wanted !== "object" || wanted === null || Array.isArray(wanted)) throw invalid("has(metadata, ...) takes a JSON object in a text");
  const entries = Object.entries(wanted).map(([key, entry]) => [key, typeof entry === "string" ? entry : JSON.stringify(entry)] as const);
  return (run) => entries.every(([key, entry]) => Object.hasOwn(run.metadata, key) && String(run.metadata[key]) === entry);
}

function valueOf(node: FilterNode | undefined): Value {
  if (node === undefined || !("value" in node)) throw invalid(node !== undefined && "name" in node ? `${node.name.slice(0, 50)} is no value; texts stand in quotes` : "a value is missing");
  return node.value;
}

/** Reads `call(argument, ...)`; arguments are calls, names, texts in quotes, numbers, true, false, null and lists. */
class FilterReader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  read(): FilterNode {
    const node = this.#node(0);
    if (this.#next() !== "") throw invalid(`there is something behind its end, at ${this.#at + 1}`);
    return node;
  }

  #node(depth: number): FilterNode {
    if (depth > mostNested) throw invalid("it nests too deep");
    const first = this.#next();
    if (first === "\"" || first === "'") return { value: this.#quoted(first) };
    if (first === "[") return { value: this.#list("]", depth).map(valueOf) };
    const [word] = /^[A-Za-z0-9_.+-]+/.exec(this.#text.slice(this.#at, this.#at + 100)) ?? [];
    if (word === undefined) throw invalid(first === "" ? "it ends too early" : `${first} at ${this.#at + 1} is not expected`);
    this.#at += word.length;
    if (this.#next() === "(") return { call: word.toLowerCase(), values: this.#list(")", depth) };
    if (constants.has(word.toLowerCase())) return { value: constants.get(word.toLowerCase()) ?? null };
    return /^[+-]?[\d.]/.test(word) ? { value: numberOf(word) } : { name: word };
  }

  /** From the bracket that opens it, behind the one that closes it. */
  #list(end: string, depth: number): FilterNode[] {
    this.#at++;
    const nodes: FilterNode[] = [];
    while (this.#next() !== end) {
      nodes.push(this.#node(depth + 1));
      if (this.#next() === ",") this.#at++;
      else if (this.#next() !== end) throw invalid(`at ${this.#at + 1} a comma or ${end} is missing`);
    }
    this.#at++;
    return nodes;
  }

  #quoted(quote: string): string {
    const ending = new RegExp(`(?:[^${quote}\\\\]|\\\\.)*${quote}`, "sy");
    ending.lastIndex = this.#at + 1;
    const [found] = ending.exec(this.#text) ?? [];
    if (found === undefined) throw invalid("a text does not end");
    this.#at += found.length + 1;
    const inner = found.slice(0, -1);
    try {
      return JSON.parse(`"${quote === "'" ? inner.replaceAll("\\'", "'").replaceAll(/(?<!\\)((?:\\\\)*)"/g, "$1\\\"") : inner}"`) as string;
    } catch {
      throw invalid("a text has an escape that JSON does not know");
    }
  }

  #next(): string {
    while (/\s/.test(this.#text[this.#at] ?? "")) this.#at++;
    return this.#text[this.#at] ?? "";
  }
}

function numberOf(word: string): number {
  const number = Number(word);
  if (Number.isNaN(number)) throw invalid(`${word} is no number; texts stand in quotes`);
  return number;
}
