import type { SearchCondition, SearchField } from "../../tracking/index.ts";
import { filterProblem, filterTokens, type FilterToken } from "./filter-tokens.ts";
import type { Searchable, SearchableAttribute } from "./searchable.ts";

const numeric = ["=", "!=", ">", ">=", "<", "<="] as const;
const textual = ["=", "!=", "LIKE", "ILIKE"] as const;
const listed = ["IN", "NOT IN"] as const;
const presence = ["IS NULL", "IS NOT NULL"] as const;
type Operator = (typeof numeric)[number] | (typeof textual)[number] | (typeof listed)[number] | (typeof presence)[number];

/** A field with what its values are. */
export interface ParsedField extends SearchField {
  type: "text" | "number";
  lists: boolean;
  /** May be asked for by IS NULL. */
  mayLack: boolean;
}

/** Reads pieces one after the other; every refusal names the place and what was expected there. */
export class FilterReader {
  readonly #what: string;
  readonly #tokens: readonly FilterToken[];
  #at = 0;

  constructor(what: string, text: string) {
    this.#what = what;
    this.#tokens = filterTokens(what, text);
  }

  get next(): FilterToken {
    return this.#tokens[this.#at]!;
  }

  take(): FilterToken {
    return this.#tokens[this.#at++]!;
  }

  /** Takes the word when it is next, in any case. */
  takeWord(word: string): boolean {
    if (this.next.kind !== "word" || this.next.text.toUpperCase() !== word) return false;
    this.#at++;
    return true;
  }

  refuse(token: FilterToken, expected: string): never {
    throw filterProblem(this.#what, token, expected);
  }

  /** `metrics.loss`, ``tags.`my key` ``, or an attribute alone. */
  field(searchable: Searchable, use: "compare" | "order"): ParsedField {
    const first = this.take();
    if (first.kind !== "word" && first.kind !== "backticked") this.refuse(first, "a field such as metrics.loss, params.depth, tags.team or an attribute");
    if (this.next.kind !== "dot") return this.#attribute(searchable, first, use);
    const kind = Object.hasOwn(searchable.entities, first.text) ? searchable.entities[first.text]! : this.refuse(first, `one of ${Object.keys(searchable.entities).join(", ")} before the dot`);
    this.take();
    const key = this.#key();
    if (kind === "attribute") return this.#attribute(searchable, key, use);
    if (kind === "dataset") {
      if (searchable.datasetKeys?.includes(key.text) !== true) this.refuse(key, `one of the dataset keys ${searchable.datasetKeys!.join(", ")}`);
      return { kind, key: key.text, type: "text", lists: true, mayLack: false };
    }
    const isText = kind !== "metric";
    return { kind, key: key.text, type: isText ? "text" : "number", lists: isText && searchable.entryLists === true, mayLack: searchable.mayLack?.includes(kind) === true };
  }

  /** Bare, with dots inside, or quoted in any way. */
  #key(): FilterToken {
    const first = this.take();
    if (first.kind === "quoted" || first.kind === "backticked") return first;
    if (first.kind !== "word" && first.kind !== "number") this.refuse(first, "a key; one with other characters stands in `backticks`");
    let text = first.raw;
    while (this.next.kind === "dot" || ((this.next.kind === "word" || this.next.kind === "number") && this.#touchesLast())) text += this.take().raw;
    return { ...first, text, raw: text };
  }

  #touchesLast(): boolean {
    const last = this.#tokens[this.#at - 1]!;
    return last.position + last.raw.length === this.next.position;
  }

  #attribute(searchable: Searchable, token: FilterToken, use: "compare" | "order"): ParsedField {
    const allowed = Object.entries(searchable.attributes).filter(([, { orderOnly }]) => use === "order" || orderOnly !== true);
    const found: SearchableAttribute | undefined = allowed.find(([name]) => name === token.text)?.[1];
    if (found === undefined) this.refuse(token, `a valid attribute key, one of ${allowed.map(([name]) => name).join(", ")}`);
    return { kind: "attribute", key: found.key, type: found.type, lists: found.lists === true, mayLack: false };
  }

  operator(field: ParsedField): Operator {
    const token = this.take();
    const written = token.text.toUpperCase();
    const operator = written === "NOT" && this.takeWord("IN") ? "NOT IN" : written === "IS" && token.kind === "word" ? this.#presence() : written;
    const allowed: readonly Operator[] = field.type === "number" ? numeric : [...textual, ...(field.lists ? listed : []), ...(field.mayLack ? presence : [])];
    if (token.kind !== "operator" && token.kind !== "word") this.refuse(token, `one of ${allowed.join(", ")}`);
    return allowed.find((each) => each === operator) ?? this.refuse(token, `a valid comparator for this field, one of ${allowed.join(", ")}`);
  }

  /** What follows IS. */
  #presence(): Operator {
    const isNot = this.takeWord("NOT");
    if (!this.takeWord("NULL")) this.refuse(this.next, isNot ? "NULL" : "NULL or NOT NULL");
    return isNot ? "IS NOT NULL" : "IS NULL";
  }

  number(): number {
    const token = this.take();
    if (token.kind !== "number") this.refuse(token, "a numeric value");
    return Number(token.text);
  }

  string(): string {
    const token = this.take();
    if (token.kind !== "quoted") this.refuse(token, "a quoted string value such as 'my-value'");
    return token.text;
  }

  strings(): string[] {
    const open = this.take();
    if (open.kind !== "open") this.refuse(open, "a list of quoted strings such as ('a', 'b')");
    const values = [this.string()];
    for (;;) {
      const token = this.take();
      if (token.kind === "close") return values;
      if (token.kind !== "comma") this.refuse(token, "a comma or the end of the list");
      // Python writes a list of one with a comma.
      if (this.next.kind === "close") continue;
      values.push(this.string());
    }
  }
}

/** A conjunction of comparisons; none for an absent or blank text. Throws FILTER_INVALID with the position and what was expected there. */
export function parseFilter(searchable: Searchable, text: string | undefined): SearchCondition[] {
  if (text === undefined || text.trim() === "") return [];
  const reader = new FilterReader("filter", text);
  const conditions = [comparison(reader, searchable)];
  while (reader.next.kind !== "end") {
    if (!reader.takeWord("AND")) reader.refuse(reader.next, "AND or the end");
    conditions.push(comparison(reader, searchable));
  }
  return conditions;
}

function comparison(reader: FilterReader, searchable: Searchable): SearchCondition {
  const parsed = reader.field(searchable, "compare");
  const { type, lists: _lists, mayLack: _mayLack, ...field } = parsed;
  const operator = reader.operator(parsed);
  if (operator === "IS NULL" || operator === "IS NOT NULL") return { ...field, operator };
  if (operator === "IN" || operator === "NOT IN") return { ...field, operator, value: reader.strings() };
  if (operator === "LIKE" || operator === "ILIKE") return { ...field, operator, value: reader.string() };
  const value = type === "number" ? reader.number() : reader.string();
  const isFlag = field.kind === "tag" && field.key === searchable.flagTag;
  const absentMatches = isFlag && ((operator === "=" && value === "false") || (operator === "!=" && value === "true"));
  return { ...field, operator, value, ...(absentMatches ? { absentMatches } : {}) };
}
