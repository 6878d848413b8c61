import { sql, type CompiledQuery, type Kysely, type RawBuilder } from "kysely";
import type { DatabaseSchema } from "./database-schema.ts";

/** Rows of one statement. Few sizes, so that few texts are compiled, here and in the database. */
const sizes = [256, 64, 16, 4, 1];

interface CompiledChunk {
  query: CompiledQuery;
  /** Which value stands at which place; null where they stand as they come, which spares a copy of all. */
  order: readonly number[] | null;
}

type SqlType = "text" | "bigint" | "double precision";

/**
 * A statement over many rows that come as parameters: compiled once for each size of a chunk, and filled in. The rows are
 * `(values ...) as v` with columns `column1`, `column2` and so on, in the order of `types`.
 */
export class ChunkedStatement {
  readonly #types: readonly SqlType[];
  readonly #build: (rows: RawBuilder<unknown>, fixed: readonly RawBuilder<unknown>[]) => RawBuilder<unknown>;
  readonly #queries: Kysely<DatabaseSchema>;
  readonly #compiled = new Map<number, CompiledChunk>();

  /** `build` gets the rows and a place for each fixed parameter, that of all chunks. */
  constructor(queries: Kysely<DatabaseSchema>, types: readonly SqlType[], build: (rows: RawBuilder<unknown>, fixed: readonly RawBuilder<unknown>[]) => RawBuilder<unknown>) {
    this.#queries = queries;
    this.#types = types;
    this.#build = build;
  }

  statements(rows: readonly (readonly unknown[])[], fixed: readonly unknown[]): CompiledQuery[] {
    const statements: CompiledQuery[] = [];
    for (let start = 0; start < rows.length; ) {
      const size = sizes.find((each) => each <= rows.length - start)!;
      const values = [...fixed];
      for (const end = start + size; start < end; start++) for (const value of rows[start]!) values.push(value);
      const { query, order } = this.#compile(size, fixed.length);
      statements.push({ ...query, parameters: order === null ? values : order.map((index) => values[index]) });
    }
    return statements;
  }

  #compile(size: number, fixedCount: number): CompiledChunk {
    const found = this.#compiled.get(size);
    if (found !== undefined) return found;
    let count = 0;
    // The place of each value stands where the value goes.
    const place = (): RawBuilder<unknown> => sql`${sql.val({ place: count++ })}`;
    const fixed = Array.from({ length: fixedCount }, place);
    // Postgres takes the types of all rows from the first.
    const rows = Array.from({ length: size }, (_, row) => sql`(${sql.join(this.#types.map((type) => (row === 0 ? sql`cast(${place()} as ${sql.raw(type)})` : place())))})`);
    const query = this.#build(sql`(values ${sql.join(rows)}) as v`, fixed).compile(this.#queries);
    const order = query.parameters.map((parameter) => (parameter as { place: number }).place);
    const compiled = { query, order: order.every((at, index) => at === index) ? null : order };
    this.#compiled.set(size, compiled);
    return compiled;
  }
}
