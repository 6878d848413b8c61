import { SqlError, type SqlErrorReason } from "../../sql-error.ts";
import type { SqliteFailure } from "./sqlite-protocol.ts";

/** Extended result codes, from sqlite.org/rescode.html. */
const constraintReasons: Record<number, SqlErrorReason> = {
  275: "check",
  787: "foreign_key",
  1299: "not_null",
  1555: "unique", // PRIMARY KEY
  2067: "unique",
  2579: "unique", // ROWID
  3091: "type", // a STRICT table
};

/** Primary result codes: the lowest byte of the extended ones. */
const reasons: Record<number, SqlErrorReason> = {
  3: "unavailable", // PERM
  5: "busy",
  6: "busy", // LOCKED
  8: "unavailable", // READONLY
  10: "io",
  11: "damaged", // CORRUPT
  13: "disk_full",
  14: "unavailable", // CANTOPEN
  20: "type", // MISMATCH
  26: "damaged", // NOTADB
};

export function sqliteError({ message, resultCode, transactionLost, statement }: SqliteFailure): SqlError {
  const reason = transactionLost ? "connection_lost" : reasonOf(resultCode);
  const cause = Object.assign(new Error(message), { resultCode });
  return new SqlError(reason, `SQLite: ${message}`, { cause, ...(statement === undefined ? {} : { statement }) });
}

function reasonOf(resultCode: number | undefined): SqlErrorReason {
  if (resultCode === undefined) return "other";
  return constraintReasons[resultCode] ?? reasons[resultCode & 255] ?? "other";
}
