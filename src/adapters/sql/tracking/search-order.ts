import { createHash } from "node:crypto";
import { sql, type RawBuilder, type SqlBool } from "kysely";
import { AppError } from "../../../core/errors.ts";
import type { SearchOrder } from "../../../tracking/schemas.ts";
import { fieldOf } from "./search-conditions.ts";
import type { SearchSubject } from "./search-subject.ts";

/** One of the values, never null, that objects are sorted by. */
export interface OrderTerm {
  value: RawBuilder<unknown>;
  descending: boolean;
}

export type TermValue = string | number;

/** NaN after the numbers and what lacks the field last, both ways: the first term of such a field says which of these it is. Throws INVALID_PARAMETER. */
export function orderTermsOf(subject: SearchSubject, order: readonly SearchOrder[]): OrderTerm[] {
  const terms = order.flatMap((field): OrderTerm[] => {
    const { descending } = field;
    const found = fieldOf(subject, field);
    if ("column" in found) {
      const column = sql.ref(`o.${found.column}`);
      if (found.mayBeNull !== true) return [{ value: column, descending }];
      const none = found.isNumber ? sql`0` : sql`''`;
      return [{ value: sql`(case when ${column} is null then 1 else 0 end)`, descending: false }, { value: sql`coalesce(${column}, ${none})`, descending }];
    }
    const { from, value, isNumber, newestFirst } = found;
    const first = newestFirst === undefined ? sql`` : sql` order by ${newestFirst} limit 1`;
    const among = (chosen: RawBuilder<unknown>, none: RawBuilder<unknown>): RawBuilder<unknown> => sql`coalesce((select ${chosen} from ${from}${first}), ${none})`;
    return isNumber
      ? [{ value: among(sql`e.is_nan`, sql`2`), descending: false }, { value: among(value, sql`0`), descending }]
      : [{ value: among(sql`0`, sql`1`), descending: false }, { value: among(value, sql`''`), descending }];
  });
  return [...terms, ...subject.ties.map(({ column, descending }) => ({ value: sql.ref(`o.${column}`), descending }))];
}

/** Whether an object comes after the one with these values. */
export function keysetOf(terms: readonly OrderTerm[], values: readonly TermValue[]): RawBuilder<SqlBool> {
  const [term, ...others] = terms;
  const [value, ...otherValues] = values;
  if (term === undefined || value === undefined) return sql<SqlBool>`1 = 0`;
  const after = term.descending ? sql`<` : sql`>`;
  // Said first without an "or", so that an index can begin there.
  return sql<SqlBool>`(${term.value} ${after}= ${value} and (${term.value} ${after} ${value} or ${keysetOf(others, otherValues)}))`;
}

/**
 * Where the next page begins: the values of the last object, sealed with what was searched. Throws INVALID_PARAMETER for a
 * token of another search.
 */
export function searchToken(search: object, after: string | null): { values: readonly TermValue[] | null; next(values: readonly unknown[]): string } {
  const digest = createHash("sha256").update(JSON.stringify(search)).digest("base64url").slice(0, 16);
  return {
    values: after === null ? null : valuesOf(after, digest),
    next: (values) => Buffer.from(JSON.stringify([digest, ...values.map((value) => (typeof value === "number" ? { n: String(value) } : value))])).toString("base64url"),
  };
}

function valuesOf(token: string, digest: string): TermValue[] {
  try {
    const [found, ...values] = JSON.parse(Buffer.from(token, "base64url").toString()) as [string, ...(string | { n: string })[]];
    if (found === digest) return values.map((value) => (typeof value === "string" ? value : Number(value.n)));
  } catch {
    // It is no token at all.
  }
  throw new AppError("INVALID_PARAMETER", "The page token is not one that this search gave.");
}
