import { sql, type CompiledQuery, type RawBuilder } from "kysely";
import { AppError } from "../../../core/errors.ts";
import type { Metric, Tag } from "../../../tracking/schemas.ts";
import type { RunChanges } from "../../../tracking/tracking-store.ts";
import { ChunkedStatement } from "../chunked-statement.ts";
import { compileRowStatement, type RowStatement } from "../row-statement.ts";
import type { SharedBatches } from "../shared-batches.ts";
import type { SqlDatabase } from "../sql-database.ts";
import { SqlError } from "../sql-error.ts";

export const runNameTag = "mlflow.runName";

export interface RunState {
  number: number;
  experiment: number;
  lifecycle: string;
}

/**
 * What runs log. Nothing is read before: each statement decides by itself whether the run takes it, and the first of them
 * keeps the run's row, so that all of them decide alike and one run's values are compared one after the other.
 */
export class SqlRunLog {
  readonly #database: SqlDatabase;
  readonly #batches: SharedBatches;
  readonly #state: RowStatement<{ id: string }>;
  readonly #metrics: ChunkedStatement;
  readonly #latest: ChunkedStatement;
  readonly #modelMetrics: ChunkedStatement;
  readonly #params: ChunkedStatement;
  readonly #tags: ChunkedStatement;
  readonly #loneParam: RowStatement<{ id: string; key: string; value: string }>;
  readonly #paramValue: RowStatement<{ id: string; key: string }>;
  readonly #name: RowStatement<{ id: string; name: string }>;
  readonly #append: RowStatement<{ id: string; key: string; list: string }>;

  constructor(database: SqlDatabase, batches: SharedBatches) {
    this.#database = database;
    this.#batches = batches;
    const { queries } = database;
    this.#state = compileRowStatement(["id"], ({ id }) => queries.selectFrom("runs").select(["number", "experiment", "lifecycle"]).where("id", "=", id).forNoKeyUpdate().compile());
    const active = (id: RawBuilder<unknown>): RawBuilder<unknown> => sql`r.id = ${id} and r.lifecycle = 'active'`;
    this.#metrics = new ChunkedStatement(queries, metricTypes, (rows, [id]) => sql`
      insert into metrics (run, key, value, is_nan, timestamp, step)
      select r.number, v.column1, v.column2, v.column3, v.column4, v.column5 from runs as r cross join ${rows} where ${active(id!)}
      on conflict (run, key, timestamp, step, value, is_nan) do nothing`);
    this.#latest = new ChunkedStatement(queries, metricTypes, (rows, [id]) => sql`
      insert into latest_metrics (run, key, value, is_nan, timestamp, step, experiment)
      select r.number, v.column1, v.column2, v.column3, v.column4, v.column5, r.experiment from runs as r cross join ${rows} where ${active(id!)}
      on conflict (run, key) do update set value = excluded.value, is_nan = excluded.is_nan, timestamp = excluded.timestamp, step = excluded.step
      where (excluded.step, excluded.timestamp, excluded.value, excluded.is_nan)
        > (latest_metrics.step, latest_metrics.timestamp, latest_metrics.value, latest_metrics.is_nan)`);
    this.#modelMetrics = new ChunkedStatement(queries, [...metricTypes, "text", "text", "text"], (rows, [id]) => sql`
      insert into logged_model_metrics (key, value, is_nan, timestamp, step, model, dataset_name, dataset_digest, run)
      select v.column1, v.column2, v.column3, v.column4, v.column5, m.id, v.column7, v.column8, r.id
      from runs as r cross join ${rows} join logged_models as m on m.id = v.column6 where ${active(id!)}
      on conflict (model, key, run, dataset_name, dataset_digest)
      do update set value = excluded.value, is_nan = excluded.is_nan, timestamp = excluded.timestamp, step = excluded.step
      where (excluded.step, excluded.timestamp, excluded.value, excluded.is_nan)
        > (logged_model_metrics.step, logged_model_metrics.timestamp, logged_model_metrics.value, logged_model_metrics.is_nan)`);
    // A param that is there with another value makes the statement fail, and so everything that comes with it.
    this.#params = new ChunkedStatement(queries, ["text", "text"], (rows, [id]) => sql`
      insert into run_params (run, key, value, experiment)
      select r.number, v.column1, v.column2, r.experiment from runs as r cross join ${rows} where ${active(id!)}
      on conflict (run, key) do update set experiment = null where run_params.value <> excluded.value`);
    this.#tags = new ChunkedStatement(queries, ["text", "text"], (rows, [id]) => sql`
      insert into run_tags (run, key, value, experiment)
      select r.number, v.column1, v.column2, r.experiment from runs as r cross join ${rows} where ${active(id!)}
      on conflict (run, key) do update set value = excluded.value`);
    this.#loneParam = compileRowStatement(["id", "key", "value"], ({ id, key, value }) => sql`
      insert into run_params (run, key, value, experiment)
      select r.number, ${key}, ${value}, r.experiment from runs as r where ${active(sql`${id}`)} on conflict (run, key) do nothing`.compile(queries));
    this.#paramValue = compileRowStatement(["id", "key"], ({ id, key }) =>
      queries
        .selectFrom("run_params").select("value").where("key", "=", key)
        .where("run", "=", ({ selectFrom }) => selectFrom("runs").select("number").where("id", "=", id)).compile());
    // As text: what is there and ends as a list goes on as one.
    this.#append = compileRowStatement(["id", "key", "list"], ({ id, key, list }) => sql`
      insert into run_tags (run, key, value, experiment)
      select r.number, ${key}, ${list}, r.experiment from runs as r where ${active(sql`${id}`)}
      on conflict (run, key) do update set value = case
        when run_tags.value = '[]' or run_tags.value not like '[%]' then excluded.value
        else substr(run_tags.value, 1, length(run_tags.value) - 1) || ', ' || substr(excluded.value, 2) end`.compile(queries));
    this.#name = compileRowStatement(["id", "name"], ({ id, name }) =>
      queries.updateTable("runs").set({ name }).where("id", "=", id).where("lifecycle", "=", sql.lit("active")).compile());
  }

  async log(id: string, changes: RunChanges): Promise<void> {
    const params = distinctParams(changes.params);
    if (params.length === 1 && changes.metrics.length === 0 && changes.tags.length === 0) return this.#logParam(id, params[0]!);
    if (params.length > 0) await this.#refuseChangedParams(id, params);
    const tags = new Map(changes.tags.map(({ key, value }) => [key, value]));
    const name = tags.get(runNameTag);
    const statements = [
      this.#state({ id }),
      ...this.#params.statements(params.map(({ key, value }) => [key, value]), [id]),
      ...this.#tags.statements([...tags], [id]),
      ...(name === undefined ? [] : [this.#name({ id, name })]),
      ...this.#metricStatements(id, changes.metrics),
    ];
    try {
      await this.write(id, statements);
    } catch (error) {
      if (error instanceof SqlError && error.reason === "not_null") throw await this.#changedParam(id, params, error);
      throw error;
    }
  }

  /** `element` is JSON. */
  async append(id: string, key: string, element: string): Promise<void> {
    await this.write(id, [this.#state({ id }), this.#append({ id, key, list: `[${element}]` })]);
  }

  /** The first of `statements` must be `stateOf(id)`. Answers with the run as it was found. */
  async write(id: string, statements: readonly CompiledQuery[]): Promise<RunState> {
    const [found] = await this.#batches.write(id, statements);
    return activeRun(id, found!.rows[0] as RunState | undefined);
  }

  stateOf(id: string): CompiledQuery {
    return this.#state({ id });
  }

  /** Statements that add the params of a run while it is active; each key once. */
  paramStatements(id: string, params: readonly Tag[]): CompiledQuery[] {
    return this.#params.statements(params.map(({ key, value }) => [key, value]), [id]);
  }

  /** Statements that set the tags of a run while it is active; each key once. */
  tagStatements(id: string, tags: readonly Tag[]): CompiledQuery[] {
    return this.#tags.statements(tags.map(({ key, value }) => [key, value]), [id]);
  }

  #metricStatements(id: string, metrics: readonly Metric[]): CompiledQuery[] {
    const rows = metrics.map(rowOf);
    const models = metrics.flatMap((metric, index) => (metric.model === undefined ? [] : [[...rows[index]!, metric.model, metric.datasetName ?? "", metric.datasetDigest ?? ""]]));
    return [
      ...this.#metrics.statements(byKey(rows), [id]),
      ...this.#latest.statements(greatestOf(rows, ([key]) => key as string), [id]),
      ...this.#modelMetrics.statements(greatestOf(models, ([key, , , , , ...about]) => JSON.stringify([key, ...about])), [id]),
    ];
  }

  /** One statement adds it unless it is there, the next says what is there: so nothing has to be undone. */
  async #logParam(id: string, { key, value }: Tag): Promise<void> {
    const [found, , kept] = await this.#batches.write(id, [this.#state({ id }), this.#loneParam({ id, key, value }), this.#paramValue({ id, key })]);
    activeRun(id, found!.rows[0] as RunState | undefined);
    const { value: old } = kept!.rows[0] as { value: string };
    if (old !== value) throw paramChanged(key, old, value);
  }

  async #refuseChangedParams(id: string, params: readonly Tag[]): Promise<void> {
    const changed = await this.#changedParam(id, params, undefined);
    if (changed instanceof AppError) throw changed;
  }

  async #changedParam(id: string, params: readonly Tag[], otherwise: unknown): Promise<unknown> {
    const asked = new Map(params.map(({ key, value }) => [key, value]));
    const rows = await this.#database.queries
      .selectFrom("runs").innerJoin("run_params", "run_params.run", "runs.number").select(["key", "value"])
      .where("runs.id", "=", id).where("runs.lifecycle", "=", "active").execute();
    const changed = rows.find(({ key, value }) => asked.has(key) && asked.get(key) !== value);
    return changed === undefined ? otherwise : paramChanged(changed.key, changed.value, asked.get(changed.key)!);
  }
}

/** Throws TRACKING_RUN_NOT_FOUND, OBJECT_DELETED. */
export function activeRun<State extends { lifecycle: string }>(id: string, found: State | undefined): State {
  if (found === undefined) throw missingRun(id);
  if (found.lifecycle !== "active") throw new AppError("OBJECT_DELETED", `The run ${id} is deleted.`);
  return found;
}

export function missingRun(id: string): AppError {
  return new AppError("TRACKING_RUN_NOT_FOUND", `There is no run ${JSON.stringify(id.slice(0, 140))}.`);
}

const metricTypes = ["text", "double precision", "bigint", "bigint", "bigint"] as const;

function rowOf({ key, value, timestamp, step }: Metric): unknown[] {
  return Number.isNaN(value) ? [key, 0, 1, timestamp, step] : [key, value, 0, timestamp, step];
}

/** Rows of one key together, as the table has them: what one statement touches then lies together too. */
function byKey(rows: readonly (readonly unknown[])[]): (readonly unknown[])[] {
  const groups = new Map<unknown, (readonly unknown[])[]>();
  for (const row of rows) {
    const group = groups.get(row[0]);
    if (group === undefined) groups.set(row[0], [row]);
    else group.push(row);
  }
  return [...groups.values()].flat();
}

/** Of the rows of one name the one of the greatest step, then timestamp, then value: a statement may touch a row once. In the order of names, as others lock them. */
function greatestOf(rows: readonly (readonly unknown[])[], nameOf: (row: readonly unknown[]) => string): (readonly unknown[])[] {
  const greatest = new Map<string, readonly unknown[]>();
  for (const row of rows) {
    const name = nameOf(row);
    const other = greatest.get(name);
    if (other === undefined || isGreater(row, other)) greatest.set(name, row);
  }
  return [...greatest.values()];
}

function isGreater(row: readonly unknown[], other: readonly unknown[]): boolean {
  for (const column of [4, 3, 1, 2]) {
    const [left, right] = [row[column] as number, other[column] as number];
    if (left !== right) return left > right;
  }
  return false;
}

/** Each key once. Throws PARAM_CHANGED for one with two values. */
export function distinctParams(params: readonly Tag[]): Tag[] {
  const values = new Map<string, string>();
  for (const { key, value } of params) {
    const other = values.get(key);
    if (other !== undefined && other !== value) throw paramChanged(key, other, value);
    values.set(key, value);
  }
  return [...values].map(([key, value]) => ({ key, value }));
}

export function paramChanged(key: string, old: string, value: string): AppError {
  const short = (text: string): string => JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}...` : text);
  return new AppError("PARAM_CHANGED", `The param ${short(key)} is ${short(old)} already and cannot become ${short(value)}.`);
}
