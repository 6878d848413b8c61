import { sql, type Kysely } from "kysely";
import type { Metric, Page } from "../../../tracking/schemas.ts";
import type { RunMetric, TrackingStore } from "../../../tracking/tracking-store.ts";
import type { DatabaseSchema } from "../database-schema.ts";
import { searchToken } from "./search-order.ts";
import { metricOf } from "./sql-run-rows.ts";

/** The points of metrics, as they were logged. Read by the primary key, in its order where that is asked for. */
export class SqlMetricHistory implements Pick<TrackingStore, "metricHistory" | "metricExtent" | "sampleMetric" | "metricSteps" | "metricsAtSteps"> {
  readonly #queries: Kysely<DatabaseSchema>;

  constructor(queries: Kysely<DatabaseSchema>) {
    this.#queries = queries;
  }

  async metricHistory(run: string, key: string, { limit, after }: { limit: number; after: string | null }): Promise<Page<Metric>> {
    const token = searchToken({ of: "history", run, key }, after);
    let query = this.#points([run], key).select(["m.value", "m.is_nan", "m.timestamp", "m.step"]);
    if (token.values !== null) query = query.where(sql<boolean>`(m.timestamp, m.step, m.value, m.is_nan) > (${sql.join(token.values)})`);
    const rows = await query.orderBy("m.timestamp").orderBy("m.step").orderBy("m.value").orderBy("m.is_nan").limit(limit + 1).execute();
    const page = rows.slice(0, limit);
    const last = page.at(-1);
    const next = rows.length > limit && last !== undefined ? token.next([last.timestamp, last.step, last.value, last.is_nan]) : null;
    return { items: page.map((row) => metricOf({ ...row, key })), next };
  }

  async metricExtent(run: string, key: string): Promise<{ points: number; firstStep: number; lastStep: number } | null> {
    const row = await this.#points([run], key)
      .select(({ fn }) => [fn.countAll<number>().as("points"), fn.min("m.step").as("first"), fn.max("m.step").as("last")]).executeTakeFirstOrThrow();
    return row.points === 0 ? null : { points: row.points, firstStep: row.first, lastStep: row.last };
  }

  async sampleMetric({ runs, key, fromStep, toStep, buckets }: Parameters<TrackingStore["sampleMetric"]>[0]): Promise<RunMetric[]> {
    const width = Math.max(1, Math.ceil((toStep - fromStep + 1) / buckets));
    const points = this.#points(runs, key)
      .select(["r.id", "m.value", "m.is_nan", "m.timestamp", "m.step"])
      .select(sql<number>`(m.step - cast(${fromStep} as bigint)) / cast(${width} as bigint)`.as("bucket"))
      .where("m.step", ">=", fromStep).where("m.step", "<=", toStep);
    // First what few can be, all in one pass; among these is then found the one point of each kind.
    const ranged = sql`select points.*, count(*) over (partition by id) as total,
        min(step) over part as first_step, max(step) over part as last_step,
        min(case when is_nan = 0 then value end) over part as least_value, max(case when is_nan = 0 then value end) over part as greatest_value
      from ${points.as("points")} window part as (partition by id, bucket)`;
    const placed = sql<{ id: string; value: number; is_nan: number; timestamp: number; step: number }>`(
      select id, value, is_nan, timestamp, step, total,
        row_number() over (partition by id, bucket order by step, timestamp, value, is_nan) as first,
        row_number() over (partition by id, bucket order by step desc, timestamp desc, value desc, is_nan desc) as last,
        row_number() over (partition by id, bucket order by is_nan, value, step, timestamp) as least,
        row_number() over (partition by id, bucket order by is_nan, value desc, step, timestamp) as greatest
      from (${ranged}) as ranged
      where total <= ${buckets * 4} or step = first_step or step = last_step or (is_nan = 0 and (value = least_value or value = greatest_value)))`;
    const rows = await this.#queries
      .selectFrom(placed.as("placed")).select(["id", "value", "is_nan", "timestamp", "step"])
      .where(sql<boolean>`total <= ${buckets * 4} or first = 1 or last = 1 or (is_nan = 0 and (least = 1 or greatest = 1))`)
      .orderBy("id").orderBy("step").orderBy("timestamp").orderBy("value").orderBy("is_nan").execute();
    return rows.map((row) => ({ ...metricOf({ ...row, key }), run: row.id }));
  }

  async metricSteps(runs: readonly string[], key: string): Promise<number[]> {
    const rows = await this.#points(runs, key).select("m.step").distinct().orderBy("m.step").execute();
    return rows.map(({ step }) => step);
  }

  async metricsAtSteps(run: string, key: string, steps: readonly number[]): Promise<Metric[]> {
    if (steps.length === 0) return [];
    const rows = await this.#points([run], key)
      .select(["m.value", "m.is_nan", "m.timestamp", "m.step"]).where("m.step", "in", steps).orderBy("m.step").orderBy("m.timestamp").orderBy("m.value").execute();
    return rows.map((row) => metricOf({ ...row, key }));
  }

  #points(runs: readonly string[], key: string) {
    return this.#queries.selectFrom("runs as r").innerJoin("metrics as m", "m.run", "r.number").where("r.id", "in", [...runs, ""]).where("m.key", "=", key);
  }
}
