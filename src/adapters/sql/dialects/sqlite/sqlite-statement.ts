import type { CompiledQuery, QueryResult } from "kysely";
import { sqlParameter, type SqlParameter } from "../../sql-parameter.ts";
import type { StatementResult } from "./sqlite-protocol.ts";

export interface SqliteStatement {
  sql: string;
  parameters: readonly SqlParameter[];
}

export function statementOf(query: CompiledQuery): SqliteStatement {
  return { sql: query.sql, parameters: query.parameters.map(sqlParameter) };
}

export function kyselyResult<Row>({ columns, rows, changes }: StatementResult): QueryResult<Row> {
  if (columns.length === 0) return { rows: [], numAffectedRows: BigInt(changes) };
  const objects = rows.map((values) => {
    const row: Record<string, unknown> = {};
    for (const [index, column] of columns.entries()) row[column] = values[index];
    return row as Row;
  });
  return { rows: objects, numAffectedRows: BigInt(objects.length) };
}
