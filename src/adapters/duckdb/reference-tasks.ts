import { stat } from "node:fs/promises";
import type { DuckDBConnection } from "@duckdb/node-api";
import { AppError } from "../../core/errors.ts";
import type { DuckdbTasks } from "./duckdb-tasks.ts";
import { profileTable } from "./reference-profile.ts";
import { openReferenceTable, type ReferenceTable } from "./reference-table.ts";
import { withRestrictedDatabase } from "./restricted-database.ts";
import { tableRows } from "./table-rows.ts";

const limits = { memoryMegabytes: 1024, threads: 2 };

/**
 * A file is described, then profiled, and read page by page: telling the kinds of a CSV file's columns takes as long as profiling them. What was
 * opened last is last.
 */
const opened = new Map<string, ReferenceTable>();
const maxOpened = 16;

export async function describeReference(request: DuckdbTasks["describeReference"]["request"]): Promise<DuckdbTasks["describeReference"]["answer"]> {
  return withTable(request, (_connection, { rows, columns }) => Promise.resolve({ rows, columns }));
}

export async function profileReference(request: DuckdbTasks["profileReference"]["request"]): Promise<DuckdbTasks["profileReference"]["answer"]> {
  return withTable(request, (connection, table) => profileTable(connection, table, request.requests));
}

export async function readRows(request: DuckdbTasks["readRows"]["request"]): Promise<DuckdbTasks["readRows"]["answer"]> {
  return withTable(request, (connection, table) => tableRows(connection, table, request.columns, request.page));
}

export async function withTable<Result>(
  { path, format }: { path: string; format: "parquet" | "csv" },
  work: (connection: DuckDBConnection, table: ReferenceTable) => Promise<Result>,
): Promise<Result> {
  try {
    const { size, mtimeMs, ino } = await stat(path);
    const key = JSON.stringify([path, format, size, mtimeMs, ino]);
    return await withRestrictedDatabase({ ...limits, paths: [path] }, async (connection) => {
      const table = opened.get(key) ?? (await openReferenceTable(connection, path, format));
      opened.delete(key);
      opened.set(key, table);
      if (opened.size > maxOpened) opened.delete(opened.keys().next().value!);
      return work(connection, table);
    });
  } catch (error) {
    throw error instanceof AppError ? error : new AppError("REFERENCE_INVALID", reasonOf(error, format), { cause: error });
  }
}

/** What DuckDB's message amounts to, in words that name neither the library nor a path. */
function reasonOf(error: unknown, format: "parquet" | "csv"): string {
  const text = String(error);
  if (/out of memory/i.test(text)) return "The file has too many different values to profile; give a random sample of it.";
  if (format === "parquet") return "The file is not a Parquet file that can be read: it is damaged or uses something unknown.";
  const line = /CSV Error on Line: (\d+)/.exec(text)?.[1];
  const where = line === undefined ? "" : ` near line ${line}`;
  const columns = /Expected Number of Columns: (\d+) Found: (\d+)/.exec(text);
  if (columns !== null) return `The CSV file has ${columns[2]} columns${where} and ${columns[1]} in its header.`;
  if (/unterminated quote/i.test(text)) return `The CSV file has a quote without its end${where}.`;
  if (/utf-8|unicode/i.test(text)) return `The CSV file is not in UTF-8${where}.`;
  return `The CSV file cannot be read${where}.`;
}
