import { sql, type RawBuilder } from "kysely";
import type { SearchField } from "../../../tracking/schemas.ts";

export interface SearchAttribute {
  column: string;
  isNumber: boolean;
  mayBeNull?: true;
}

/** Entries of one of an object's maps. */
export interface SearchEntries {
  /** What stands after FROM: `e` is an entry of the object `o` with the key that is asked for. */
  from: RawBuilder<unknown>;
  value: RawBuilder<unknown>;
  /** Numbers have `e.is_nan` beside them. */
  isNumber: boolean;
  /** Where there may be several: the order in which the first is what objects are sorted by. */
  newestFirst?: RawBuilder<unknown>;
}

/** What is searched, as the object `o`: which facts it has, and where its maps are. */
export interface SearchSubject {
  attributes: Readonly<Record<string, SearchAttribute>>;
  /** Null for a kind of map that it does not have. */
  entries(field: SearchField): SearchEntries | null;
  /** Columns that sort what is equal otherwise; together they tell all objects apart. */
  ties: readonly { column: string; descending: boolean }[];
}

export const experimentSubject: SearchSubject = {
  attributes: {
    id: { column: "id", isNumber: true },
    name: { column: "name", isNumber: false },
    createdAt: { column: "created_at", isNumber: true },
    updatedAt: { column: "updated_at", isNumber: true },
  },
  entries: ({ kind, key }) => (kind === "tag" ? keyed("experiment_tags", "experiment", "id", key) : null),
  ties: [{ column: "updated_at", descending: true }, { column: "id", descending: true }],
};

const runSubjectBy = (number: RawBuilder<unknown>): SearchSubject => ({
  attributes: {
    id: { column: "id", isNumber: false },
    name: { column: "name", isNumber: false },
    user: { column: "user_name", isNumber: false },
    status: { column: "status", isNumber: false },
    artifactUri: { column: "artifact_uri", isNumber: false },
    startTime: { column: "start_time", isNumber: true },
    endTime: { column: "end_time", isNumber: true, mayBeNull: true },
  },
  entries: ({ kind, key }) => {
    if (kind === "metric") return { ...runEntries("latest_metrics", number, key), isNumber: true };
    if (kind === "param") return runEntries("run_params", number, key);
    if (kind === "tag") return runEntries("run_tags", number, key);
    if (kind !== "dataset" || !["name", "digest", "context"].includes(key)) return null;
    return { from: sql`run_datasets as e where e.run = ${number} and ${sql.ref(`e.${key}`)} is not null`, value: sql.ref(`e.${key}`), isNumber: false, newestFirst: sql`e.name, e.digest` };
  },
  ties: [{ column: "start_time", descending: true }, { column: "id", descending: false }],
});

export const runSubject = runSubjectBy(sql`o.number`);
/** Where runs are led by the rows `w` of an index: what an entry rules out need not be read. */
export const ledRunSubject = runSubjectBy(sql`w.run`);

export const loggedModelSubject: SearchSubject = {
  attributes: {
    id: { column: "id", isNumber: false },
    name: { column: "name", isNumber: false },
    modelType: { column: "model_type", isNumber: false },
    status: { column: "status", isNumber: false },
    sourceRun: { column: "source_run", isNumber: false, mayBeNull: true },
    createdAt: { column: "created_at", isNumber: true },
    updatedAt: { column: "updated_at", isNumber: true },
  },
  entries: ({ kind, key, datasets = [] }) => {
    if (kind === "param") return keyed("logged_model_params", "model", "id", key);
    if (kind === "tag") return keyed("logged_model_tags", "model", "id", key);
    const about = datasets.map(({ name, digest }) => sql`e.dataset_name = ${name}${digest === undefined ? sql`` : sql` and e.dataset_digest = ${digest}`}`);
    const metrics = sql`logged_model_metrics as e where e.model = o.id${about.length === 0 ? sql`` : sql` and (${sql.join(about, sql` or `)})`}`;
    if (kind === "dataset" && key === "measured") return { from: metrics, value: sql`e.dataset_name`, isNumber: false };
    if (kind !== "metric") return null;
    return {
      from: sql`${metrics} and e.key = ${key}`, value: sql`e.value`, isNumber: true,
      newestFirst: sql`e.timestamp desc, e.step desc, e.value desc, e.is_nan, e.run`,
    };
  },
  ties: [{ column: "created_at", descending: true }, { column: "id", descending: false }],
};

function runEntries(table: string, number: RawBuilder<unknown>, key: string): SearchEntries {
  return { from: sql`${sql.table(table)} as e where e.run = ${number} and e.key = ${key}`, value: sql`e.value`, isNumber: false };
}

function keyed(table: string, column: string, owner: string, key: string): SearchEntries {
  return { from: sql`${sql.table(table)} as e where e.${sql.ref(column)} = o.${sql.ref(owner)} and e.key = ${key}`, value: sql`e.value`, isNumber: false };
}
