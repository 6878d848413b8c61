import type { Kysely } from "kysely";
import type { SqlCapabilities } from "../sql-dialect.ts";

/**
 * One step forward of the schema; there is none back. Released migrations never change. It is written with Kysely's
 * schema builder and the dialect's column types, and runs in a transaction of its own.
 */
export interface Migration {
  /** From 1, without gaps. */
  readonly number: number;
  readonly name: string;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- the schema of its time, not of today
  up(database: Kysely<any>, capabilities: SqlCapabilities): Promise<void>;
}
