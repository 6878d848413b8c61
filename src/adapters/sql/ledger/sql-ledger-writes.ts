import { sql, type CompiledQuery, type Kysely } from "kysely";
import type { LedgerEntry } from "../../../ledger/index.ts";
import { ChunkedStatement } from "../chunked-statement.ts";
import type { DatabaseSchema } from "../database-schema.ts";
import { chunksOf, entryRow, entryRowColumns, hourRows } from "./sql-ledger-rows.ts";
import type { WriteSteps } from "../write-steps.ts";

/** The statements that add entries of the ledger and their sums by the hour, which always agree. */
export class SqlLedgerWrites {
  readonly #queries: Kysely<DatabaseSchema>;
  readonly #entries: ChunkedStatement;

  constructor(queries: Kysely<DatabaseSchema>) {
    this.#queries = queries;
    const columns = sql.join(entryRowColumns.map(([name]) => sql.ref(name)));
    this.#entries = new ChunkedStatement(queries, entryRowColumns.map(([, type]) => type), (rows) => sql`insert into ledger_entries (${columns}) select * from ${rows} where 1 = 1 on conflict (id) do nothing returning id`);
  }

  *steps(texts: readonly string[]): WriteSteps {
    // One statement cannot write a row twice.
    const given = new Map(texts.map((text) => JSON.parse(text) as LedgerEntry).map((entry) => [entry.id, entry]));
    const added = yield this.#entries.statements([...given.values()].map(entryRow), []);
    const fresh = added.flatMap(({ rows }) => (rows as { id: string }[]).map(({ id }) => given.get(id)!));
    const tags = fresh.flatMap(({ id, attribution }) => Object.entries(attribution.tags).map(([name, value]) => ({ entry: id, name, value })));
    return [
      ...chunksOf(tags).map((part) => this.#queries.insertInto("ledger_tags").values(part).compile()),
      ...this.#sums("ledger_hours", fresh.filter(({ source }) => source !== "trace")),
      ...this.#sums("ledger_trace_hours", fresh.filter(({ source }) => source === "trace")),
    ];
  }

  /** In one order whoever writes, so that two servers do not wait for each other. */
  #sums(table: "ledger_hours" | "ledger_trace_hours", entries: readonly LedgerEntry[]): CompiledQuery[] {
    const plus = (column: string) => sql<number>`${sql.ref(`${table}.${column}`)} + ${sql.ref(`excluded.${column}`)}`;
    return chunksOf(hourRows(entries)).map((part) =>
      this.#queries
        .insertInto(table)
        .values(part)
        .onConflict((conflict) =>
          conflict.columns(["hour", "team", "actor", "project", "route", "provider", "model", "outcome"]).doUpdateSet({
            calls: plus("calls"), unpriced: plus("unpriced"), input_tokens: plus("input_tokens"), cache_read_tokens: plus("cache_read_tokens"),
            cache_write_tokens: plus("cache_write_tokens"), output_tokens: plus("output_tokens"), cost: plus("cost"),
            saved_cost: plus("saved_cost"), saved_told: plus("saved_told"), saved_unpriced: plus("saved_unpriced"),
          }))
        .compile());
  }
}
