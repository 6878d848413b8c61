import { DatabaseError } from "pg";
import { SqlError, type SqlErrorReason } from "../../sql-error.ts";

/** SQLSTATE, from the appendix "PostgreSQL Error Codes" of its manual. */
const reasons: Record<string, SqlErrorReason> = {
  "22003": "type", // numeric_value_out_of_range
  "22021": "type", // character_not_in_repertoire
  "22P02": "type", // invalid_text_representation
  "22P03": "type", // invalid_binary_representation
  "23502": "not_null",
  "23503": "foreign_key",
  "23505": "unique",
  "23514": "check",
  "25006": "unavailable", // read_only_sql_transaction: a standby
  "25P03": "connection_lost", // idle_in_transaction_session_timeout
  "3D000": "unavailable", // invalid_catalog_name
  "3F000": "unavailable", // invalid_schema_name
  "40001": "conflict", // serialization_failure
  "40P01": "conflict", // deadlock_detected
  "42501": "unavailable", // insufficient_privilege
  "42804": "type", // datatype_mismatch
  "53100": "disk_full",
  "53200": "unavailable", // out_of_memory
  "53300": "unavailable", // too_many_connections
  "55P03": "timeout", // lock_not_available
  "57014": "timeout", // query_canceled, by statement_timeout
  "57P01": "connection_lost", // admin_shutdown
  "57P02": "connection_lost", // crash_shutdown
  "57P03": "unavailable", // cannot_connect_now
  "57P04": "unavailable", // database_dropped
  "57P05": "connection_lost", // idle_session_timeout
  "58030": "io",
  XX001: "damaged",
  XX002: "damaged",
};

/** After these, the same again may succeed: at once, or on another connection. The server says that it did nothing. */
const repeatable = new Set(["25006", "40001", "40P01"]);

const planIsOld = /cached plan must not change result type/;

/** What a statement failed with. Without a code of the server the connection failed. */
export function postgresError(error: unknown, statement?: string): SqlError {
  const about = statement === undefined ? {} : { statement };
  if (error instanceof SqlError) return error;
  if (!(error instanceof DatabaseError) || error.code === undefined) {
    // A connection that was lost before takes nothing more: what it refuses was never sent.
    const mayRepeat = /is not queryable$/.test(textOf(error));
    return new SqlError("connection_lost", `Postgres: the connection was lost (${textOf(error)}).`, { cause: error, mayRepeat, ...about });
  }
  const { code } = error;
  const reason = reasons[code] ?? (code.startsWith("08") ? "connection_lost" : code.startsWith("28") ? "unavailable" : "other");
  const mayRepeat = repeatable.has(code) || (code === "0A000" && planIsOld.test(error.message));
  return new SqlError(reason, `Postgres: ${error.message} (${code})`, { cause: error, mayRepeat, ...about });
}

/** Wrong user or password, no such database, no right to it; certificates that Node's TLS does not accept. */
const refusals = /^(28...|3D000|42501|ERR_TLS_.*|.*_CERT|.*_CERT_.*|CERT_.*|UNABLE_TO_VERIFY_LEAF_SIGNATURE)$/;

/** What connecting failed with: nothing was sent, so everything may be tried again, unless the server will always refuse. */
export function postgresConnectError(error: unknown): SqlError {
  if (error instanceof SqlError) return error;
  const code = (error as { code?: unknown }).code;
  const refused = (typeof code === "string" && refusals.test(code)) || /does not support SSL/.test(textOf(error));
  return new SqlError(refused ? "refused" : "unavailable", `Postgres: no connection (${textOf(error)}).`, { cause: error, mayRepeat: !refused });
}

/** Whether a connection that failed with this must not be used again. */
export function endsConnection({ reason, mayRepeat, cause }: SqlError): boolean {
  return reason === "connection_lost" || reason === "unavailable" || (mayRepeat && cause instanceof DatabaseError && cause.code === "0A000");
}

function textOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === "") return error.errors.map(textOf).join("; ");
  return error instanceof Error ? error.message : String(error);
}
