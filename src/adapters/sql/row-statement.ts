import type { CompiledQuery } from "kysely";

export type RowStatement<Row> = (row: Row) => CompiledQuery;

/**
 * Compiles a statement once and fills in a row at a time: Kysely's compiler costs more than the insert itself when rows
 * come by the thousand. The statement must take each column of the row as a parameter once, in any order.
 */
export function compileRowStatement<Row extends object>(
  columns: readonly (keyof Row & string)[],
  compile: (row: Row) => CompiledQuery,
): RowStatement<Row> {
  // Each column's marker stands where its value goes.
  const markers = Object.fromEntries(columns.map((column) => [column, { column }]));
  const compiled = compile(markers as Row);
  const order = compiled.parameters.map((marker) => columns.find((column) => markers[column] === marker));
  if (order.length !== columns.length || new Set(order).size !== columns.length || order.includes(undefined)) {
    throw new TypeError("A row statement takes each column as a parameter once and nothing else.");
  }
  return (row) => ({ ...compiled, parameters: order.map((column) => row[column!]) });
}
