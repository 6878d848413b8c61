import { sql, type RawBuilder } from "kysely";

/**
 * Several texts as one, so that what belongs to an object comes as one value: a thousand objects with their entries are a
 * thousand rows then, and rows cost. Each text has its length in characters before it, so that it may hold anything.
 * Written with what all dialects know alike.
 */
export function packed(...texts: readonly RawBuilder<string>[]): RawBuilder<string> {
  return sql`${sql.join(texts.map((text) => sql`length(${text}) || ':' || ${text}`), sql` || `)}`;
}

/** The packed texts of all rows that `from` (what stands after FROM) gives, after their number, in no order. */
export function packedRows(texts: readonly RawBuilder<string>[], from: RawBuilder<unknown>): RawBuilder<string> {
  return sql`(select cast(count(*) as text) || ':' || coalesce(string_agg(${packed(...texts)}, ''), '') from ${from})`;
}

/** Reads what `packed` made. */
export class PackedText {
  /** Characters where some of them take two places of a JavaScript string; else the text itself. */
  readonly #characters: string | readonly string[];
  #at = 0;

  constructor(text: string) {
    this.#characters = /[\ud800-\udbff]/.test(text) ? Array.from(text) : text;
  }

  next(): string {
    const length = this.#number();
    const part = this.#characters.slice(this.#at, (this.#at += length));
    return typeof part === "string" ? part : part.join("");
  }

  /** What `packedRows` made; `read` takes the texts of one row. */
  rows<Row>(read: () => Row): Row[] {
    return Array.from({ length: this.#number() }, read);
  }

  #number(): number {
    let number = 0;
    for (let digit = this.#characters[this.#at++]; digit !== ":"; digit = this.#characters[this.#at++]) {
      if (digit === undefined) throw new TypeError("The packed text ends early.");
      number = number * 10 + Number(digit);
    }
    return number;
  }
}
