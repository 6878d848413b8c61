import type { Kysely } from "kysely";
import type { EpochMs } from "../../core/clock.ts";
import type { DatabaseSchema } from "./database-schema.ts";
import { SqlLedgerWrites } from "./ledger/sql-ledger-writes.ts";
import { SqlSpanWrites } from "./tracing/sql-span-writes.ts";
import type { WriteSteps } from "./write-steps.ts";

/**
 * Writes that come as texts. What waits for its write as a text costs the collector little, and a text is sent to another thread for less than the values of rows; the rows are made of it where the database is: on SQLite in its thread.
 * Each is done whole or not at all, and doing it twice leaves the same as doing it once.
 */
export type PackedWrite =
  /** Each a LedgerEntry as JSON. Those whose ids are there are passed over. */
  | { kind: "ledgerEntries"; entries: readonly string[] }
  /** As `packSpan` makes them. `now`: when they were received. */
  | { kind: "spans"; spans: readonly string[]; now: EpochMs };

/** Makes the statements of packed writes. */
export class PackedWrites {
  readonly #ledger: SqlLedgerWrites;
  readonly #spans: SqlSpanWrites;

  constructor(queries: Kysely<DatabaseSchema>) {
    this.#ledger = new SqlLedgerWrites(queries);
    this.#spans = new SqlSpanWrites(queries);
  }

  *steps(write: PackedWrite): WriteSteps {
    switch (write.kind) {
      case "ledgerEntries":
        return yield* this.#ledger.steps(write.entries);
      case "spans":
        return this.#spans.statements(write.spans, write.now);
    }
  }
}
