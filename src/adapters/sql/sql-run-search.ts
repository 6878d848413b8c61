import type { Kysely } from "kysely";
import type { Page, Run } from "../../tracking/schemas.ts";
import type { TrackingStore } from "../../tracking/tracking-store.ts";
import type { DatabaseSchema } from "./database-schema.ts";
import { conditionOf } from "./search-conditions.ts";
import { keysetOf, orderTermsOf, searchToken } from "./search-order.ts";
import { runSubject } from "./search-subject.ts";
import { experimentNumber } from "./sql-experiments.ts";
import { readRunsByNumber } from "./sql-run-rows.ts";

type RunSearch = Parameters<TrackingStore["searchRuns"]>[0];

export async function searchRuns(queries: Kysely<DatabaseSchema>, { conditions, order, view, experiments, limit, after }: RunSearch): Promise<Page<Run>> {
  const terms = orderTermsOf(runSubject, order);
  const token = searchToken({ of: "runs", conditions, order, view, experiments }, after);
  const numbers = experiments.map(experimentNumber).filter((number) => number !== null);
  if (numbers.length === 0) return { items: [], next: null };
  let query = queries
    .selectFrom("runs as o").select("o.number").select(terms.map(({ value }, index) => value.as(`t${index}`)))
    .where("o.experiment", "in", numbers);
  query = view === "all" ? query.where("o.lifecycle", "in", ["active", "deleted"]) : query.where("o.lifecycle", "=", view);
  for (const condition of conditions) query = query.where(conditionOf(runSubject, condition));
  if (token.values !== null) query = query.where(keysetOf(terms, token.values));
  for (const { value, descending } of terms) query = query.orderBy(value, descending ? "desc" : "asc");
  const rows = await query.limit(limit + 1).execute();
  const page = rows.slice(0, limit);
  const last = page.at(-1) as Record<string, unknown> | undefined;
  const runs = await readRunsByNumber(queries, page.map(({ number }) => number));
  const items = page.flatMap(({ number }) => runs.get(number) ?? []);
  return { items, next: rows.length > limit && last !== undefined ? token.next(terms.map((_, index) => last[`t${index}`])) : null };
}
