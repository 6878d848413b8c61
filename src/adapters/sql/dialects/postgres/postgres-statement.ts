import type { CompiledQuery, QueryResult } from "kysely";
import type { QueryResult as PostgresResult } from "pg";
import { SqlError } from "../../sql-error.ts";
import { sqlParameter } from "../../sql-parameter.ts";

/** Every value as Postgres takes it for a column of its type. */
export function parametersOf(query: CompiledQuery): unknown[] {
  return query.parameters.map(sqlParameter);
}

const changing = new Set(["INSERT", "UPDATE", "DELETE", "MERGE"]);

/** Of several statements in one text the last counts. */
export function kyselyResult<Row>(result: PostgresResult | PostgresResult[]): QueryResult<Row> {
  const last = Array.isArray(result) ? result.at(-1) : result;
  if (last === undefined) throw new SqlError("misuse", "There was no statement.");
  const rows = (last.rows ?? []) as Row[];
  return changing.has(last.command) ? { rows, numAffectedRows: BigInt(last.rowCount ?? 0) } : { rows };
}
