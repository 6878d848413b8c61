import type { CompiledQuery, QueryResult, TransactionSettings } from "kysely";
import { SqlError } from "../../sql-error.ts";
import type { Lease } from "./postgres-connections.ts";
import { postgresError } from "./postgres-error.ts";
import { kyselyResult, parametersOf } from "./postgres-statement.ts";

/**
 * The first statement of a migration's transaction: waits until no other process migrates this schema. After it nothing
 * limits the time of a statement, but a lock that does not come soon is an error: whoever waits behind it waits too.
 */
export const migrationLock =
  "set local statement_timeout = 0; set local lock_timeout = 0; " +
  "select pg_advisory_xact_lock(1936484471, hashtext(current_schema())); set local lock_timeout = '30s'";
const longestTimeoutMs = 2 ** 31 - 1;

/** One transaction of the program on a connection of its own. Its `begin` travels with its first statement. */
export class PostgresTransaction {
  readonly #lease: Lease;
  readonly #underWay = new Set<Promise<unknown>>();
  #failure: SqlError | undefined;
  #ended = false;
  /** A migration takes as long as it takes. */
  #patience = {};

  constructor(lease: Lease, settings: TransactionSettings = {}) {
    this.#lease = lease;
    // What it fails with, the next statement fails with too.
    void this.#track(lease.client.query(beginning(settings))).catch((error: unknown) => this.#fail(error, "begin"));
  }

  async execute<Row>(query: CompiledQuery): Promise<QueryResult<Row>> {
    this.#assertOpen();
    if (query.sql === migrationLock) this.#patience = { query_timeout: longestTimeoutMs };
    const asked = { text: query.sql, values: parametersOf(query), ...this.#patience };
    try {
      return kyselyResult<Row>(await this.#track(this.#lease.client.query(asked)));
    } catch (error) {
      throw this.#fail(error, query.sql);
    }
  }

  /** After a lost connection nobody knows whether it is there; after any other failure it is not. */
  async commit(): Promise<void> {
    try {
      await this.#settled();
      this.#assertOpen();
    } catch (error) {
      await this.rollback();
      throw error;
    }
    this.#ended = true;
    try {
      const { command } = await this.#lease.client.query("commit");
      if (command !== "COMMIT") throw new SqlError("other", "Postgres rolled the transaction back instead of committing it.");
      this.#lease.release();
    } catch (thrown) {
      const error = postgresError(thrown, "commit");
      this.#lease.release(error);
      throw error;
    }
  }

  /** Does nothing when the transaction is over already. */
  async rollback(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    await this.#settled();
    try {
      await this.#lease.client.query("rollback");
      this.#lease.release(this.#failure);
    } catch (thrown) {
      this.#lease.release(postgresError(thrown, "rollback"));
    }
  }

  #track<Result>(promise: Promise<Result>): Promise<Result> {
    this.#underWay.add(promise);
    promise.catch(() => undefined).finally(() => this.#underWay.delete(promise));
    return promise;
  }

  async #settled(): Promise<void> {
    await Promise.allSettled(this.#underWay);
  }

  /** Without a commit nothing is there: a lost connection is a reason to do it all again. */
  #fail(thrown: unknown, statement: string): SqlError {
    const error = postgresError(thrown, statement);
    if (this.#failure !== undefined) return this.#followUp();
    this.#failure = error.reason === "connection_lost" ? new SqlError(error.reason, error.message, { cause: error.cause, statement, mayRepeat: true }) : error;
    return this.#failure;
  }

  #assertOpen(): void {
    if (this.#ended) throw new SqlError("misuse", "The transaction has ended.");
    if (this.#failure !== undefined) throw this.#followUp();
  }

  #followUp(): SqlError {
    const { reason, mayRepeat } = this.#failure!;
    return new SqlError(reason, "A statement of the transaction failed; nothing but a rollback is left.", { cause: this.#failure, mayRepeat });
  }
}

/** Who only reads holds no locks, and may take its time between statements: it may wait for somebody who downloads. */
function beginning({ isolationLevel, accessMode }: TransactionSettings): string {
  const modes = [...(isolationLevel === undefined ? [] : [`isolation level ${isolationLevel}`]), ...(accessMode === undefined ? [] : [accessMode])];
  return `begin ${modes.join(" ")}${accessMode === "read only" ? "; set local idle_in_transaction_session_timeout = 0" : ""}`;
}
