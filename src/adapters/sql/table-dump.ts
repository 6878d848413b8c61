import { sql, type Kysely } from "kysely";
import { AppError } from "../../core/errors.ts";
import type { DatabaseSchema } from "./database-schema.ts";

export type TableName = keyof DatabaseSchema;
type Row = Record<string, unknown>;

/**
 * Every table that outlives its database, with its primary key, parents before their children. A test compares the list
 * with the tables that the migrations make.
 */
export const dumpedTables: readonly { table: TableName; key: readonly string[] }[] = [
  { table: "sequences", key: ["name"] },
  { table: "teams", key: ["name"] },
  { table: "users", key: ["id"] },
  { table: "api_keys", key: ["id"] },
  { table: "audit_entries", key: ["sequence"] },
  { table: "audit_head", key: ["id"] },
  { table: "models", key: ["name"] },
  { table: "model_versions", key: ["model", "version"] },
  { table: "version_digests", key: ["digest", "model", "version"] },
  { table: "blob_uploads", key: ["digest", "actor"] },
  { table: "model_aliases", key: ["model", "alias"] },
  { table: "policy_revisions", key: ["model", "revision"] },
  { table: "truths", key: ["prediction_id", "row_index"] },
  { table: "minute_statistics", key: ["model", "minute", "version"] },
  { table: "replica_minutes", key: ["model", "minute", "version", "replica"] },
  { table: "warmup_measurements", key: ["contract_digest", "machine"] },
  { table: "outbox", key: ["sequence"] },
  { table: "webhooks", key: ["id"] },
  { table: "subscriptions", key: ["name"] },
  { table: "deliveries", key: ["subscription", "sequence"] },
  { table: "workflow_runs", key: ["id"] },
  { table: "workflow_steps", key: ["run", "step"] },
  { table: "workflow_logs", key: ["run", "sequence"] },
  { table: "workflow_signals", key: ["id"] },
  { table: "workflow_waits", key: ["run", "step"] },
  { table: "workflow_schedules", key: ["name"] },
  { table: "model_tags", key: ["model", "key"] },
  { table: "version_tags", key: ["model", "version", "key"] },
  { table: "registry_changes", key: ["id"] },
  { table: "version_evaluations", key: ["id"] },
  { table: "held_datasets", key: ["name"] },
  { table: "dataset_versions", key: ["dataset", "version"] },
  { table: "upstream_headers", key: ["id"] },
  { table: "rollouts", key: ["id"] },
  { table: "model_routes", key: ["model"] },
  { table: "rollout_verdicts", key: ["id"] },
  { table: "rollout_figures", key: ["rollout", "phase", "replica"] },
  { table: "ab_test_figures", key: ["test", "replica"] },
  { table: "ab_test_outcomes", key: ["test", "metric", "prediction_id"] },
  { table: "gateway_settings", key: ["kind", "name"] },
  { table: "gateway_revisions", key: ["kind", "name", "revision"] },
  { table: "gateway_turns", key: ["name", "turn"] },
  { table: "ledger_entries", key: ["id"] },
  { table: "ledger_tags", key: ["entry", "name"] },
  { table: "ledger_hours", key: ["hour", "team", "actor", "project", "route", "provider", "model", "outcome"] },
  { table: "ledger_trace_hours", key: ["hour", "team", "actor", "project", "route", "provider", "model", "outcome"] },
  { table: "ledger_budgets", key: ["team", "scope", "name"] },
  { table: "ledger_prices", key: ["id"] },
  { table: "ledger_alerts", key: ["scope", "threshold"] },
  { table: "experiments", key: ["id"] },
  { table: "experiment_tags", key: ["experiment", "key"] },
  { table: "runs", key: ["number"] },
  { table: "run_params", key: ["run", "key"] },
  { table: "run_tags", key: ["run", "key"] },
  { table: "metrics", key: ["run", "key", "timestamp", "step", "value", "is_nan"] },
  { table: "latest_metrics", key: ["run", "key"] },
  { table: "datasets", key: ["experiment", "name", "digest"] },
  { table: "run_datasets", key: ["run", "name", "digest"] },
  { table: "run_models", key: ["run", "direction", "model"] },
  { table: "logged_models", key: ["id"] },
  { table: "logged_model_params", key: ["model", "key"] },
  { table: "logged_model_tags", key: ["model", "key"] },
  { table: "logged_model_metrics", key: ["model", "key", "run", "dataset_name", "dataset_digest"] },
  { table: "run_views", key: ["id"] },
  { table: "traces", key: ["trace_id", "team"] },
  { table: "trace_spans", key: ["trace_id", "team", "span_id"] },
  { table: "trace_values", key: ["trace_id", "team", "key", "value"] },
  { table: "trace_feedback", key: ["trace_id", "team", "id", "revision"] },
  { table: "trace_feedback_removals", key: ["trace_id", "team", "id"] },
  { table: "waiting_feedback", key: ["id"] },
];

/** Tables that are left out, and why. */
export const undumpedTables: Readonly<Record<string, string>> = {
  schema_migrations: "the target's own migrations fill it",
  sessions: "a session ends with its server",
  setup_tokens: "a token is of one start",
  replicas: "each server says itself that it is there",
};

const pageRows = 1000;

/** The rows of a table in the order of its key, in pages; within a snapshot they are of one moment. */
export async function* readTable(queries: Kysely<DatabaseSchema>, { table, key }: (typeof dumpedTables)[number]): AsyncGenerator<Row[]> {
  const columns = sql.join(key.map((column) => sql.ref(column)));
  let last: Row | undefined;
  for (;;) {
    const from: Row | undefined = last;
    const after = from === undefined ? sql`` : sql`where (${columns}) > (${sql.join(key.map((column) => from[column]))})`;
    // Built from names of this file alone.
    const page = await queries
      .selectFrom(sql<Row>`(select * from ${sql.table(table)} ${after} order by ${columns} limit ${sql.lit(pageRows)})`.as("page"))
      .selectAll()
      .orderBy(columns)
      .execute();
    if (page.length > 0) yield page;
    if (page.length < pageRows) return;
    last = page.at(-1)!;
  }
}

/**
 * A row as one line of JSON, the same for the same row in every database. What JSON has no value for is an object with one name, which no column holds otherwise:
 * `{"bytes": base64}`, `{"integer": digits}` beyond 2^53, `{"double": "Infinity"}`.
 */
export function encodeRow(row: Row): string {
  const columns = Object.keys(row).sort();
  return JSON.stringify(Object.fromEntries(columns.map((column) => [column, encodeValue(row[column])])));
}

function encodeValue(value: unknown): unknown {
  if (value instanceof Uint8Array) return { bytes: Buffer.from(value).toString("base64") };
  if (typeof value === "bigint") return { integer: String(value) };
  if (typeof value === "number" && !Number.isFinite(value)) return { double: String(value) };
  return value;
}

/** Throws BACKUP_INVALID. */
export function decodeRow(line: string): Row {
  try {
    const row = JSON.parse(line) as Row;
    return Object.fromEntries(Object.entries(row).map(([column, value]) => [column, decodeValue(value)]));
  } catch (cause) {
    throw new AppError("BACKUP_INVALID", "A row of the archive cannot be read.", { cause });
  }
}

function decodeValue(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if ("bytes" in value && typeof value.bytes === "string") return new Uint8Array(Buffer.from(value.bytes, "base64"));
  if ("integer" in value && typeof value.integer === "string") return BigInt(value.integer);
  if ("double" in value && typeof value.double === "string") return Number(value.double);
  throw new Error("A value of an unknown kind");
}
