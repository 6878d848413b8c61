import { type DuckDBConnection, DuckDBDecimalValue, DuckDBResultReader, type DuckDBValue, StatementType } from "@duckdb/node-api";
import { AppError } from "../../core/errors.ts";
import type { DuckdbTasks } from "./duckdb-tasks.ts";
import { createMetricTable } from "./metric-table.ts";
import { withRestrictedDatabase } from "./restricted-database.ts";
import { sqlText } from "./sql-text.ts";

const limits = { memoryMegabytes: 512, threads: 1 };

/** Reads the SQL and runs nothing. Throws INVALID_PARAMETER. */
export async function checkMetric({ sql }: DuckdbTasks["checkMetric"]["request"]): Promise<null> {
  await withRestrictedDatabase(limits, (connection) => assertOneSelect(connection, sql));
  return null;
}

/**
 * Loads the predictions into a table, shuts every door (no file may be opened any more, not even those that were read), and only then runs the SQL, whose
 * answer is looked at no further than its second row. Throws INVALID_PARAMETER.
 */
export async function answerMetric(request: DuckdbTasks["answerMetric"]["request"]): Promise<number | null> {
  const { sql } = request.question;
  const prepare = async (connection: DuckDBConnection): Promise<void> => {
    await assertOneSelect(connection, sql);
    await createMetricTable(connection, request);
  };
  return withRestrictedDatabase({ ...limits, prepare }, (connection) => answerOf(connection, sql));
}

async function assertOneSelect(connection: DuckDBConnection, sql: string): Promise<void> {
  // Serializing reads the text and runs nothing of it; only SELECTs can be serialized.
  const reader = sql.includes("\0") ? null : await connection.runAndReadAll(`SELECT json_serialize_sql(${sqlText(sql)})`);
  const parsed = JSON.parse((reader?.getRows()[0]?.[0] as string | undefined) ?? '{"error": true}') as { error: boolean; error_type?: string; error_message?: string; statements?: unknown[] };
  if (!parsed.error && parsed.statements?.length === 1) return;
  const isUnread = parsed.error_type === "parser";
  throw new AppError("INVALID_PARAMETER", isUnread ? "The SQL of the metric cannot be read." : "The SQL of a metric must be one SELECT, and no other statement.", { cause: parsed.error_message });
}

async function answerOf(connection: DuckDBConnection, sql: string): Promise<number | null> {
  try {
    const statements = await connection.extractStatements(sql);
    const prepared = statements.count === 1 ? await statements.prepare(0) : null;
    if (prepared === null || prepared.statementType !== StatementType.SELECT) throw new AppError("INVALID_PARAMETER", "The SQL of a metric must be one SELECT, and no other statement.");
    if (prepared.parameterCount > 0) throw new AppError("INVALID_PARAMETER", "The SQL of a metric has no parameters.");
    const result = await prepared.stream();
    if (result.columnCount !== 1) throw notOneNumber(`${result.columnCount} columns`);
    const reader = new DuckDBResultReader(result);
    await reader.readUntil(2);
    if (reader.currentRowCount > 1) throw notOneNumber("several rows");
    return reader.currentRowCount === 0 ? null : numberOf(reader.getRows()[0]![0]!);
  } catch (error) {
    throw error instanceof AppError ? error : refusal(error);
  }
}

function numberOf(value: DuckDBValue): number | null {
  if (value === null) return null;
  const number = value instanceof DuckDBDecimalValue ? value.toDouble() : typeof value === "number" || typeof value === "bigint" || typeof value === "boolean" ? Number(value) : undefined;
  if (number === undefined) throw notOneNumber("a value that is none");
  return Number.isFinite(number) ? number : null;
}

function notOneNumber(what: string): AppError {
  return new AppError("INVALID_PARAMETER", `The SQL of a metric must answer one number: one column and one row. It answers ${what}.`);
}

/** DuckDB's own words are for the log: they may quote what is not the caller's. */
function refusal(error: unknown): AppError {
  const text = String(error);
  const message =
    /(Binder|Catalog) Error/.test(text) ? "The SQL of the metric names a column, a table or a function that is not there. There is one table, `predictions`, with id, row, time, version, arm, is_shadow, request_id, outcome, queue_ms, run_ms, total_ms, rows, batch_rows, in_<column>, out_<name>, truth and truth_number."
    : /Permission Error|disabled by configuration/.test(text) ? "The SQL of a metric can read the table `predictions`, and no file or address."
    : /Out of Memory/i.test(text) ? "The SQL of the metric needs more memory than it may have."
    : "The SQL of the metric could not be worked out.";
  return new AppError("INVALID_PARAMETER", message, { cause: error });
}
