import { sql, type Expression, type Kysely, type RawBuilder, type SqlBool } from "kysely";
import type { SearchCondition, SearchOrder } from "../../tracking/schemas.ts";
import type { DatabaseSchema } from "./database-schema.ts";
import { numberMeets, textMeets } from "./search-conditions.ts";
import type { OrderTerm } from "./search-order.ts";
import { runSubject } from "./search-subject.ts";

/** Where the runs of one experiment are read from, and in which order they come by themselves. */
export interface RunSource {
  /** What stands before `as o`: runs, led by the rows of an index, `w`. The database must not turn the order round. */
  from: RawBuilder<unknown>;
  where: readonly Expression<SqlBool>[];
  /** The values of the first terms where all runs of this source have the same; the very first says which part of the order it is. */
  fixed: readonly (string | number)[];
  terms: readonly OrderTerm[];
  /** What the index sorts by, where it is not the first of `terms`; with a condition that begins at a value. */
  sortedBy?: { value: RawBuilder<unknown>; descending: boolean; from(value: string): RawBuilder<SqlBool> };
}

/** As long as a condition finds no more than these, they are all looked at and sorted. */
const mostPicked = 10_000;
const mostCounted = 200_000;
/** As the indexes on values have them. */
const indexedCharacters = 100;
const indexed = (value: string): string => Array.from(value.slice(0, 2 * indexedCharacters)).slice(0, indexedCharacters).join("");

const indexedValue = sql`substr(w.value, 1, ${sql.lit(indexedCharacters)})`;
const tables = { metric: "latest_metrics", param: "run_params", tag: "run_tags" } as const;
type EntryKind = keyof typeof tables;

export function wholeExperiments(experiments: readonly number[], terms: readonly OrderTerm[]): RunSource {
  return { from: sql`runs`, where: [sql<SqlBool>`o.experiment in (${sql.join(experiments)})`], fixed: [], terms };
}

/**
 * The parts of the order, one after the other. A condition that few runs meet is where to begin; else the index that has the
 * order, whose walk ends with the page: how far it goes is guessed from how many meet each condition.
 */
export async function sourcesOf(
  queries: Kysely<DatabaseSchema>,
  search: { experiment: number; conditions: readonly SearchCondition[]; order: readonly SearchOrder[]; terms: readonly OrderTerm[]; limit: number },
): Promise<RunSource[]> {
  const { experiment, conditions, order, terms, limit } = search;
  const picks = conditions.flatMap((condition) => pickOf(experiment, condition) ?? []);
  if (picks.length > 0) {
    const counts = await countsOf(queries, experiment, picks);
    const total = Math.max(1, counts.at(-1)!);
    const found = counts.slice(0, -1);
    const least = Math.min(...found);
    const walked = Math.min(total, found.reduce((walk, count) => walk / Math.min(1, Math.max(count, 0.5) / total), limit + 1));
    if (least <= mostPicked && least <= walked) {
      const { from, where } = picks[found.indexOf(least)]!;
      return [{ from: sql`${from} cross join runs`, where: [...where, sql<SqlBool>`o.number = w.run`], fixed: [], terms }];
    }
  }
  const [first] = order;
  if (first === undefined || !Object.hasOwn(tables, first.kind)) return [wholeExperiments([experiment], terms)];
  return walkOf(experiment, first as SearchOrder & { kind: EntryKind }, terms);
}

interface Pick {
  from: RawBuilder<unknown>;
  where: readonly Expression<SqlBool>[];
}

/** The rows of an index that meet the condition; null where none finds them. */
function pickOf(experiment: number, condition: SearchCondition): Pick | null {
  if (!Object.hasOwn(tables, condition.kind) || ("absentMatches" in condition && condition.absentMatches === true)) return null;
  const kind = condition.kind as EntryKind;
  const entries = entriesOf(experiment, kind, condition.key);
  if (kind === "metric") {
    if (condition.operator === "!=") return null;
    return { ...entries, where: [...entries.where, sql<SqlBool>`w.is_nan = 0`, numberMeets(sql`w.value`, condition, false)] };
  }
  if (condition.operator !== "=") return null;
  const value = String(condition.value);
  return { ...entries, where: [...entries.where, sql<SqlBool>`${indexedValue} = ${indexed(value)}`, textMeets(sql`w.value`, condition)] };
}

function entriesOf(experiment: number, kind: EntryKind, key: string): Pick {
  return { from: sql`${sql.table(tables[kind])} as w`, where: [sql<SqlBool>`w.experiment = ${experiment} and w.key = ${key}`] };
}

/** How many rows each pick has, no more than one above the limit; last, how many runs the experiment has. */
async function countsOf(queries: Kysely<DatabaseSchema>, experiment: number, picks: readonly Pick[]): Promise<number[]> {
  const count = (from: RawBuilder<unknown>, where: readonly Expression<SqlBool>[], most: number): RawBuilder<number> =>
    sql<number>`(select count(*) from (select 1 from ${from} where ${sql.join(where, sql` and `)} limit ${most}) as counted)`;
  const counts = picks.map(({ from, where }) => count(from, where, mostPicked + 1));
  counts.push(count(sql`runs`, [sql<SqlBool>`experiment = ${experiment}`], mostCounted));
  // As rows of one table, so that it is a read for every dialect.
  const rows = sql<{ at: number; found: number }>`(${sql.join(counts.map((found, at) => sql`select ${sql.lit(at)} as at, ${found} as found`), sql` union all `)})`;
  const found = await queries.selectFrom(rows.as("counts")).select(["at", "found"]).orderBy("at").execute();
  return found.map((row) => row.found);
}

/** Along the index that has the values of a metric, param or tag; after it the runs that lack it. The first two of `terms` are its own. */
function walkOf(experiment: number, { kind, key, descending }: SearchOrder & { kind: EntryKind }, terms: readonly OrderTerm[]): RunSource[] {
  const others = terms.slice(2);
  const entries = entriesOf(experiment, kind, key);
  const along = { from: sql`${entries.from} cross join runs`, where: [...entries.where, sql<SqlBool>`o.number = w.run`], terms: [{ value: sql`w.value`, descending }, ...others] };
  const { from } = runSubject.entries({ kind, key })!;
  const lacking: RunSource = {
    from: sql`runs`, where: [sql<SqlBool>`o.experiment = ${experiment}`, sql<SqlBool>`not exists (select 1 from ${from})`],
    fixed: kind === "metric" ? [2, 0] : [1, ""], terms: others,
  };
  if (kind === "metric") {
    const ofNan = (isNan: number): RunSource => ({ ...along, where: [...along.where, sql<SqlBool>`w.is_nan = ${sql.lit(isNan)}`], fixed: [isNan] });
    return [ofNan(0), ofNan(1), lacking];
  }
  const begins = (value: string): RawBuilder<SqlBool> => sql<SqlBool>`${indexedValue} ${descending ? sql`<=` : sql`>=`} ${indexed(value)}`;
  return [{ ...along, fixed: [0], sortedBy: { value: indexedValue, descending, from: begins } }, lacking];
}
