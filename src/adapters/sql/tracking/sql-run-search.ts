import { sql, type Kysely, type SqlBool } from "kysely";
import type { Page, Run } from "../../../tracking/schemas.ts";
import type { TrackingStore } from "../../../tracking/tracking-store.ts";
import type { DatabaseSchema } from "../database-schema.ts";
import { RunSources, wholeExperiments, type RunSource } from "./run-search-sources.ts";
import { conditionOf } from "./search-conditions.ts";
import { keysetOf, orderTermsOf, searchToken, type OrderTerm, type TermValue } from "./search-order.ts";
import { runSubject } from "./search-subject.ts";
import { experimentNumber } from "./sql-experiments.ts";
import type { RunReader } from "./sql-run-rows.ts";

/** So many experiments are searched each along its own indexes; more of them together, without. */
const mostApart = 8;

type RunSearch = Parameters<TrackingStore["searchRuns"]>[0];

/** A run that was found, with the values of the terms that it is sorted by. */
interface Found {
  number: number;
  values: unknown[];
}

/** Finds which runs a search asks for, then reads them all together. */
export class SqlRunSearch {
  readonly #queries: Kysely<DatabaseSchema>;
  readonly #reader: RunReader;
  readonly #sources: RunSources;

  constructor(queries: Kysely<DatabaseSchema>, reader: RunReader) {
    this.#queries = queries;
    this.#reader = reader;
    this.#sources = new RunSources(queries);
  }

  async search(search: RunSearch): Promise<Page<Run>> {
    const { conditions, order, view, limit, after } = search;
    const terms = orderTermsOf(runSubject, order);
    const { values, next } = searchToken({ of: "runs", conditions, order, view, experiments: search.experiments }, after);
    const experiments = [...new Set(search.experiments.map(experimentNumber).filter((number) => number !== null))];
    if (experiments.length === 0) return { items: [], next: null };
    const found = experiments.length > mostApart
      ? await readSource(this.#queries, wholeExperiments(experiments, { terms, conditions }), { view, values, limit: limit + 1 })
      : mergedBy(terms, await Promise.all(experiments.map((experiment) => this.#searchExperiment(experiment, { search, terms, values }))));
    const page = found.slice(0, limit);
    const runs = await this.#reader.readByNumber(page.map(({ number }) => number), search.only);
    const items = page.flatMap(({ number }) => runs.get(number) ?? []);
    return { items, next: found.length > limit && page.length > 0 ? next(page.at(-1)!.values) : null };
  }

  /** As many runs of one experiment as a page and one more may take. */
  async #searchExperiment(
    experiment: number, { search, terms, values }: { search: RunSearch; terms: readonly OrderTerm[]; values: readonly TermValue[] | null },
  ): Promise<Found[]> {
    const plan = await this.#sources.planOf({ ...search, experiment, terms });
    // The index has the runs of one lifecycle in order, not those of all.
    if (plan.glance !== null && search.view !== "all") {
      const seen = await readSource(this.#queries, plan.glance, { view: search.view, values, limit: search.limit + 1 });
      if (seen.length > search.limit) return seen;
    }
    const found: Found[] = [];
    for (const source of await plan.sources()) {
      const missing = search.limit + 1 - found.length;
      if (missing > 0) found.push(...(await readSource(this.#queries, source, { view: search.view, values, limit: missing })));
    }
    return found;
  }
}

/** In the order that the database has for numbers and text. */
function mergedBy(terms: readonly OrderTerm[], parts: readonly Found[][]): Found[] {
  if (parts.length === 1) return parts[0]!;
  const compare = (left: unknown, right: unknown): number =>
    typeof left === "string" ? Buffer.compare(Buffer.from(left), Buffer.from(String(right))) : Number(left) < Number(right) ? -1 : Number(left) > Number(right) ? 1 : 0;
  return parts.flat().sort((left, right) => {
    for (const [index, { descending }] of terms.entries()) {
      const order = compare(left.values[index], right.values[index]);
      if (order !== 0) return descending ? -order : order;
    }
    return 0;
  });
}

async function readSource(
  queries: Kysely<DatabaseSchema>,
  { from, subject, where, fixed, terms, conditions, sortedBy, reach }: RunSource,
  { view, values, limit }: { view: RunSearch["view"]; values: readonly TermValue[] | null; limit: number },
): Promise<Found[]> {
  // Parts of the order before the one where the last page ended are over; those after it begin at their beginning.
  const before = fixed.length === 0 || values === null ? 0 : Math.sign(Number(fixed[0]) - Number(values[0]));
  if (before < 0) return [];
  const within = values !== null && before === 0 ? values.slice(fixed.length) : null;
  const inPlace = [
    view === "all" ? sql<SqlBool>`o.lifecycle in ('active', 'deleted')` : sql<SqlBool>`o.lifecycle = ${view}`, ...where,
    ...(within === null ? [] : [keysetOf(terms, within), ...(sortedBy === undefined ? [] : [sortedBy.from(String(within[0]))])]),
  ];
  const order = [...(sortedBy === undefined ? [] : [sortedBy]), ...terms];
  const sorted = sql.join(order.map(({ value, descending }) => sql`${value} ${descending ? sql`desc` : sql`asc`}`));
  const reached = reach === undefined ? from : sql`(select o.* from ${from} as o where ${sql.join(inPlace, sql` and `)} order by ${sorted} limit ${reach})`;
  let query = queries.selectFrom(sql<{ number: number }>`${reached}`.as("o")).select("o.number").select(terms.map(({ value }, index) => value.as(`t${index}`)));
  for (const condition of [...(reach === undefined ? inPlace : []), ...conditions.map((each) => conditionOf(subject, each))]) query = query.where(condition);
  for (const { value, descending } of order) query = query.orderBy(value, descending ? "desc" : "asc");
  const rows = (await query.limit(limit).execute()) as ({ number: number } & Record<string, unknown>)[];
  return rows.map((row) => ({ number: row.number, values: [...fixed, ...terms.map((_, index) => row[`t${index}`])] }));
}
