import { sql, type Expression, type Kysely, type RawBuilder, type SqlBool } from "kysely";
import type { SearchCondition, SearchOrder } from "../../../tracking/schemas.ts";
import type { DatabaseSchema } from "../database-schema.ts";
import { numberMeets, textMeets } from "./search-conditions.ts";
import type { OrderTerm } from "./search-order.ts";
import { ledRunSubject, runSubject, type SearchSubject } from "./search-subject.ts";

/** Where the runs of one experiment are read from, and in which order they come by themselves. */
export interface RunSource {
  /** What stands before `as o`: runs, led by the rows of an index, `w`. The database must not turn the order round. */
  from: RawBuilder<unknown>;
  subject: SearchSubject;
  where: readonly Expression<SqlBool>[];
  /** The values of the first terms where all runs of this source have the same; the very first says which part of the order it is. */
  fixed: readonly (string | number)[];
  terms: readonly OrderTerm[];
  /** Those that it does not meet by itself. */
  conditions: readonly SearchCondition[];
  /** What the index sorts by, where it is not the first of `terms`; with a condition that begins at a value. */
  sortedBy?: { value: RawBuilder<unknown>; descending: boolean; from(value: string): RawBuilder<SqlBool> };
  /** Only so many runs are looked at, the first ones of the order, whether they meet the conditions or not. */
  reach?: number;
}

/** Where a search begins. */
export interface RunPlan {
  /** Read first where it may do: what fills the page is the answer; else it is forgotten and `sources` are read. */
  glance: RunSource | null;
  /** The parts of the order, one after the other. */
  sources(): Promise<RunSource[]>;
}

/** As long as a condition finds no more than these, they are all looked at and sorted. */
const mostPicked = 10_000;
const mostCounted = 500_000;
/** A glance goes this many times as far as the page is expected to, and at least over so many runs for each of the page. */
const glanceTimes = 2;
const leastGlance = 20;
/** So many rows of an index are still read faster than the runs of a search whose glance did not fill the page. */
const mostAfterGlance = 20_000;
/** How many searches go by one count of an experiment's runs where these are many: it only helps to guess. */
const countLasts = 200;
const manyRuns = 1000;
/** As the indexes on values have them. */
const indexedCharacters = 100;
const indexed = (value: string): string => Array.from(value.slice(0, 2 * indexedCharacters)).slice(0, indexedCharacters).join("");

const indexedValue = sql`substr(w.value, 1, ${sql.lit(indexedCharacters)})`;
const tables = { metric: "latest_metrics", param: "run_params", tag: "run_tags" } as const;
type EntryKind = keyof typeof tables;

interface Searched {
  terms: readonly OrderTerm[];
  conditions: readonly SearchCondition[];
}

export function wholeExperiments(experiments: readonly number[], searched: Searched): RunSource {
  return { from: sql`runs`, subject: runSubject, where: [sql<SqlBool>`o.experiment in (${sql.join(experiments)})`], fixed: [], ...searched };
}

/** Chooses where searches of one experiment begin. */
export class RunSources {
  readonly #queries: Kysely<DatabaseSchema>;
  readonly #totals = new Map<number, { total: number; uses: number }>();

  constructor(queries: Kysely<DatabaseSchema>) {
    this.#queries = queries;
  }

  /**
   * A condition that few runs meet is where to begin; else the index that has the order, whose walk ends with the page: how
   * far it goes is guessed from how many meet each condition. The guess takes them for spread evenly, and names and versions
   * go with time: so the walk by start is a glance first, and where that does not fill the page, the rows of the condition
   * that fewest meet are read after all.
   */
  async planOf(search: {
    experiment: number; conditions: readonly SearchCondition[]; order: readonly SearchOrder[]; terms: readonly OrderTerm[]; limit: number;
  }): Promise<RunPlan> {
    const { experiment, conditions, order, terms, limit } = search;
    const picks = conditions.flatMap((condition) => pickOf(experiment, condition) ?? []);
    const [first] = order;
    const walk = first === undefined || !Object.hasOwn(tables, first.kind)
      ? [wholeExperiments([experiment], { terms, conditions })]
      : walkOf(experiment, first as SearchOrder & { kind: EntryKind }, { terms, conditions });
    if (picks.length > 0) {
      const { total, found, most } = await this.#countsOf(experiment, picks, limit);
      const least = Math.min(...found);
      const walked = Math.min(total, found.reduce((walk, count) => walk / Math.min(1, Math.max(count, 0.5) / total), limit + 1));
      const pick = picks[found.indexOf(least)]!;
      if (least <= most && least <= walked) return { glance: null, sources: async () => [alongPick(pick, { terms, conditions })] };
      const reach = Math.ceil(Math.max(leastGlance * (limit + 1), glanceTimes * walked));
      const isByStart = first === undefined || (first.kind === "attribute" && first.key === "startTime" && first.descending);
      if (isByStart && reach < total) {
        return { glance: { ...walk[0]!, reach }, sources: () => this.#afterGlance(picks, { terms, conditions }, walk) };
      }
    }
    return { glance: null, sources: async () => walk };
  }

  async #afterGlance(picks: readonly Pick[], searched: Searched, walk: RunSource[]): Promise<RunSource[]> {
    const found = await readCounts(this.#queries, picks.map(({ from, where }) => countOf(from, where, mostAfterGlance + 1)));
    const least = Math.min(...found);
    return least <= mostAfterGlance ? [alongPick(picks[found.indexOf(least)]!, searched)] : walk;
  }

  /**
   * How many runs the experiment has, and how many rows each pick, no more than one above `most`. A condition that meets more
   * than that many alone is better walked to, and counting costs: each row of an index on values is looked up in its table.
   */
  async #countsOf(experiment: number, picks: readonly Entries[], limit: number): Promise<{ total: number; found: number[]; most: number }> {
    const known = this.#totals.get(experiment);
    const most = known === undefined ? mostPicked : Math.min(mostPicked, Math.ceil(Math.sqrt((limit + 1) * known.total)));
    const counts = picks.map(({ from, where }) => countOf(from, where, most + 1));
    if (known !== undefined && ++known.uses < countLasts) return { total: known.total, found: await readCounts(this.#queries, counts), most };
    const found = await readCounts(this.#queries, [...counts, countOf(sql`runs`, [sql<SqlBool>`experiment = ${experiment}`], mostCounted)]);
    const total = Math.max(1, found.pop()!);
    if (this.#totals.size >= 1000) this.#totals.clear();
    if (total >= manyRuns) this.#totals.set(experiment, { total, uses: 0 });
    return { total, found, most };
  }
}

interface Entries {
  from: RawBuilder<unknown>;
  where: readonly Expression<SqlBool>[];
}

interface Pick extends Entries {
  condition: SearchCondition;
}

function alongPick({ from, where, condition }: Pick, { terms, conditions }: Searched): RunSource {
  return {
    from: sql`${from} cross join runs`, subject: ledRunSubject, where: [...where, sql<SqlBool>`o.number = w.run`], fixed: [], terms,
    conditions: conditions.filter((each) => each !== condition),
  };
}

/** The rows of an index that meet the condition; null where none finds them. */
function pickOf(experiment: number, condition: SearchCondition): Pick | null {
  if (!Object.hasOwn(tables, condition.kind) || ("absentMatches" in condition && condition.absentMatches === true)) return null;
  const kind = condition.kind as EntryKind;
  const entries = entriesOf(experiment, kind, condition.key);
  if (kind === "metric") {
    if (condition.operator === "!=") return null;
    return { ...entries, condition, where: [...entries.where, sql<SqlBool>`w.is_nan = 0`, numberMeets(sql`w.value`, condition, false)] };
  }
  if (condition.operator === "LIKE") {
    const begins = /^[^%_]+/.exec(condition.value)?.[0];
    if (begins === undefined) return null;
    const from = indexed(begins);
    const end = textAfter(from);
    const within = [sql<SqlBool>`${indexedValue} >= ${from}`, ...(end === null ? [] : [sql<SqlBool>`${indexedValue} < ${end}`])];
    return { ...entries, condition, where: [...entries.where, ...within, textMeets(sql`w.value`, condition)] };
  }
  if (condition.operator !== "=") return null;
  const value = String(condition.value);
  return { ...entries, condition, where: [...entries.where, sql<SqlBool>`${indexedValue} = ${indexed(value)}`, textMeets(sql`w.value`, condition)] };
}

/** The first text, in the order of code points, that does not begin as this one does; null where there is none. */
function textAfter(text: string): string | null {
  const points = Array.from(text, (character) => character.codePointAt(0)!);
  while (points.at(-1) === 0x10ffff) points.pop();
  const last = points.pop();
  if (last === undefined) return null;
  // Surrogates are no characters.
  return String.fromCodePoint(...points, last === 0xd7ff ? 0xe000 : last + 1);
}

function entriesOf(experiment: number, kind: EntryKind, key: string): Entries {
  return { from: sql`${sql.table(tables[kind])} as w`, where: [sql<SqlBool>`w.experiment = ${experiment} and w.key = ${key}`] };
}

/** How many rows there are, as far as `most`. */
function countOf(from: RawBuilder<unknown>, where: readonly Expression<SqlBool>[], most: number): RawBuilder<number> {
  return sql<number>`(select count(*) from (select 1 from ${from} where ${sql.join(where, sql` and `)} limit ${most}) as counted)`;
}

/** As rows of one table, so that it is a read for every dialect. */
async function readCounts(queries: Kysely<DatabaseSchema>, counts: readonly RawBuilder<number>[]): Promise<number[]> {
  const rows = sql<{ at: number; found: number }>`(${sql.join(counts.map((found, at) => sql`select ${sql.lit(at)} as at, ${found} as found`), sql` union all `)})`;
  const found = await queries.selectFrom(rows.as("counts")).select(["at", "found"]).orderBy("at").execute();
  return found.map((row) => row.found);
}

/** Along the index that has the values of a metric, param or tag; after it the runs that lack it. The first two of `terms` are its own. */
function walkOf(experiment: number, { kind, key, descending }: SearchOrder & { kind: EntryKind }, { terms, conditions }: Searched): RunSource[] {
  const others = terms.slice(2);
  const entries = entriesOf(experiment, kind, key);
  const along = {
    from: sql`${entries.from} cross join runs`, subject: ledRunSubject, where: [...entries.where, sql<SqlBool>`o.number = w.run`],
    terms: [{ value: sql`w.value`, descending }, ...others], conditions,
  };
  const { from } = runSubject.entries({ kind, key })!;
  const lacking: RunSource = {
    from: sql`runs`, subject: runSubject, where: [sql<SqlBool>`o.experiment = ${experiment}`, sql<SqlBool>`not exists (select 1 from ${from})`],
    fixed: kind === "metric" ? [2, 0] : [1, ""], terms: others, conditions,
  };
  if (kind === "metric") {
    const ofNan = (isNan: number): RunSource => ({ ...along, where: [...along.where, sql<SqlBool>`w.is_nan = ${sql.lit(isNan)}`], fixed: [isNan] });
    return [ofNan(0), ofNan(1), lacking];
  }
  const begins = (value: string): RawBuilder<SqlBool> => sql<SqlBool>`${indexedValue} ${descending ? sql`<=` : sql`>=`} ${indexed(value)}`;
  return [{ ...along, fixed: [0], sortedBy: { value: indexedValue, descending, from: begins } }, lacking];
}
