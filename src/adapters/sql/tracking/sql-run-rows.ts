import { sql, type CompiledQuery, type Kysely, type RawBuilder } from "kysely";
import type { DatasetInput, Lifecycle, Metric, Run, RunStatus, Tag } from "../../../tracking/schemas.ts";
import type { RunEntries } from "../../../tracking/tracking-store.ts";
import type { DatabaseSchema } from "../database-schema.ts";
import { packed, PackedText, packedRows } from "../packed-text.ts";

/** Of latest metrics, and of runs, which have the key "" and everything else of theirs in `texts`. */
interface RunPart {
  run: number;
  key: string;
  value: number;
  is_nan: number;
  timestamp: number;
  step: number | null;
  texts: string | null;
}

const noMetric = -1;
/** No rows, packed. */
const none = sql<string>`'0:'`;
const col = (name: string): RawBuilder<string> => sql`${sql.ref(name)}`;
/** Null and the empty text are two things. */
const optional = (name: string): RawBuilder<string> => sql`coalesce('=' || ${sql.ref(name)}, '')`;
const numeral = (name: string): RawBuilder<string> => sql`cast(${sql.ref(name)} as text)`;

/** How many runs one statement reads. Few sizes, each compiled once: a shorter list repeats its last. A larger one is worth compiling to Postgres, and is not. */
const sizes = [1, 10, 100, 500];

/** Statements of so many forms are kept; what a form is of is how many keys it names. */
const mostForms = 100;
const keyPlace = (kind: keyof RunEntries, index: number): string => `${kind} ${index}`;

/** Reads runs with everything that they keep, or with the entries that are named alone. One statement: a run's metrics and params are of one moment. */
export class RunReader {
  readonly #queries: Kysely<DatabaseSchema>;
  readonly #compiled = new Map<string, CompiledQuery<RunPart>>();

  constructor(queries: Kysely<DatabaseSchema>) {
    this.#queries = queries;
  }

  async readById(ids: readonly string[]): Promise<Map<string, Run>> {
    const runs = await this.#read("ids", ids, (list) => ({ ofRun: sql`r.id in (${list})`, ofMetric: sql`l.run in (select number from runs where id in (${list}))` }));
    return new Map(runs.map(([, run]) => [run.id, run]));
  }

  async readByNumber(numbers: readonly number[], only?: RunEntries): Promise<Map<number, Run>> {
    return new Map(await this.#read("numbers", numbers, (list) => ({ ofRun: sql`r.number in (${list})`, ofMetric: sql`l.run in (${list})` }), only));
  }

  async #read(kind: string, names: readonly (string | number)[], whichOf: (list: RawBuilder<unknown>) => Which, only?: RunEntries): Promise<[number, Run][]> {
    const runs: [number, Run][] = [];
    const keys = new Map((["metrics", "params", "tags"] as const).flatMap((entries) => (only?.[entries] ?? []).map((key, index) => [keyPlace(entries, index), key])));
    const form = only === undefined ? kind : `${kind} ${only.metrics.length} ${only.params.length} ${only.tags.length}`;
    for (let start = 0; start < names.length; ) {
      const size = sizes.find((each) => each >= names.length - start) ?? sizes.at(-1)!;
      const chunk = names.slice(start, start + size);
      start += size;
      const places = Array.from({ length: size }, (_, index) => index);
      let compiled = this.#compiled.get(`${form} ${size}`);
      if (compiled === undefined) {
        if (this.#compiled.size >= mostForms) this.#compiled.clear();
        this.#compiled.set(`${form} ${size}`, (compiled = partsOf(this.#queries, whichOf(sql.join(places)), only).compile()));
      }
      const parameters = compiled.parameters.map((place) => (typeof place === "string" ? keys.get(place) : chunk[Math.min(place as number, chunk.length - 1)]));
      runs.push(...runsOf((await this.#queries.executeQuery<RunPart>({ ...compiled, parameters })).rows));
    }
    return runs;
  }
}

interface Which {
  ofRun: RawBuilder<unknown>;
  ofMetric: RawBuilder<unknown>;
}

/** Metrics are rows of their own, for not every database spells doubles exactly as text. Keys stand as the names of their places. */
function partsOf(queries: Kysely<DatabaseSchema>, which: Which, only: RunEntries | undefined) {
  const named = (kind: keyof RunEntries, key: RawBuilder<unknown>): RawBuilder<unknown> =>
    only === undefined ? sql`` : sql` and ${key} in (${sql.join(only[kind].map((_, index) => keyPlace(kind, index)))})`;
  const entries = (kind: "params" | "tags"): RawBuilder<string> =>
    only?.[kind].length === 0 ? none : packedRows([col("e.key"), col("e.value")], sql`${sql.table(`run_${kind}`)} as e where e.run = r.number${named(kind, col("e.key"))}`);
  const datasets = only !== undefined ? none : packedRows(
    [col("e.name"), col("e.digest"), col("d.source_type"), col("d.source"), optional("d.schema_text"), optional("d.profile_text"), col("e.tags_json")],
    sql`run_datasets as e join datasets as d on d.experiment = e.experiment and d.name = e.name and d.digest = e.digest where e.run = r.number`,
  );
  const models = only !== undefined ? none : packedRows([col("e.direction"), col("e.model"), numeral("e.step")], sql`run_models as e where e.run = r.number`);
  const texts = packed(
    col("r.id"), numeral("r.experiment"), col("r.name"), col("r.user_name"), col("r.status"), col("r.lifecycle"), col("r.artifact_uri"),
  );
  const parts = sql<RunPart>`(
    select r.number as run, '' as key, cast(0 as double precision) as value, ${sql.lit(noMetric)} as is_nan, r.start_time as timestamp, r.end_time as step,
      ${texts} || ${entries("params")} || ${entries("tags")} || ${datasets} || ${models} as texts
    from runs as r where ${which.ofRun}
    ${only?.metrics.length === 0 ? sql`` : sql`union all
    select l.run, l.key, l.value, l.is_nan, l.timestamp, l.step, null from latest_metrics as l where ${which.ofMetric}${named("metrics", col("l.key"))}`})`;
  return queries.selectFrom(parts.as("parts")).selectAll();
}

function runsOf(rows: readonly RunPart[]): Map<number, Run> {
  const runs = new Map<number, Run>();
  for (const row of rows) if (row.is_nan === noMetric) runs.set(row.run, runOf(row));
  for (const row of rows) {
    // A run that came to be while the statement ran has no row of its own.
    if (row.is_nan !== noMetric) runs.get(row.run)?.metrics.push(metricOf(row as RunPart & { step: number }));
  }
  for (const run of runs.values()) run.metrics.sort(byKey);
  return runs;
}

export function metricOf({ key, value, is_nan, timestamp, step }: { key: string; value: number; is_nan: number; timestamp: number; step: number }): Metric {
  return { key, value: is_nan === 1 ? NaN : value, timestamp, step };
}

function runOf(row: RunPart): Run {
  const texts = new PackedText(row.texts!);
  const next = (): string => texts.next();
  const run: Run = {
    id: next(), experiment: next(), name: next(), user: next(), status: next() as RunStatus, startTime: row.timestamp, endTime: row.step,
    lifecycle: next() as Lifecycle, artifactUri: next(), metrics: [], params: tagsOf(texts), tags: tagsOf(texts), datasets: datasetsOf(texts),
    modelInputs: [], modelOutputs: [],
  };
  for (const { direction, model, step } of texts.rows(() => ({ direction: next(), model: next(), step: Number(next()) }))) {
    if (direction === "input") run.modelInputs.push(model);
    else run.modelOutputs.push({ model, step });
  }
  run.modelInputs.sort();
  run.modelOutputs.sort((left, right) => (left.model < right.model ? -1 : 1));
  return run;
}

/** Reads packed rows of key and value. */
export function tagsOf(texts: PackedText): Tag[] {
  return texts.rows(() => ({ key: texts.next(), value: texts.next() })).sort(byKey);
}

function datasetsOf(texts: PackedText): DatasetInput[] {
  const inputs = texts.rows(() => {
    const [name, digest, sourceType, source] = [texts.next(), texts.next(), texts.next(), texts.next()];
    const [schema, profile] = [texts.next(), texts.next()];
    const dataset = { name, digest, sourceType, source, ...(schema === "" ? {} : { schema: schema.slice(1) }), ...(profile === "" ? {} : { profile: profile.slice(1) }) };
    return { dataset, tags: JSON.parse(texts.next()) as Tag[] };
  });
  const order = ({ dataset: { name, digest } }: DatasetInput): string => `${name}\0${digest}`;
  return inputs.sort((left, right) => (order(left) < order(right) ? -1 : 1));
}

function byKey(left: { key: string }, right: { key: string }): number {
  return left.key < right.key ? -1 : left.key > right.key ? 1 : 0;
}
