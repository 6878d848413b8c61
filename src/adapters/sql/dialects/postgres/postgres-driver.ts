import { SelectQueryNode, type CompiledQuery, type DatabaseConnection, type Driver, type QueryResult, type TransactionSettings } from "kysely";
import { assertOutsideTransaction } from "../../open-transaction.ts";
import { SqlError } from "../../sql-error.ts";
import type { PostgresConnections } from "./postgres-connections.ts";
import { kyselyResult, parametersOf } from "./postgres-statement.ts";
import { PostgresTransaction } from "./postgres-transaction.ts";

/** Selects outside transactions are tried again when the connection is lost; everything else only when nothing was done. */
export class PostgresDriver implements Driver {
  readonly #connections: PostgresConnections;

  constructor(connections: PostgresConnections) {
    this.#connections = connections;
  }

  async init(): Promise<void> {}

  /** Postgres connections are taken for one statement or one transaction, not here. */
  async acquireConnection(): Promise<DatabaseConnection> {
    return new KyselyConnection(this.#connections);
  }

  async releaseConnection(): Promise<void> {}

  /** Read committed, which the stores are written for, when the settings say nothing else. */
  async beginTransaction(connection: DatabaseConnection, settings: TransactionSettings): Promise<void> {
    await (connection as KyselyConnection).begin(settings);
  }

  async commitTransaction(connection: DatabaseConnection): Promise<void> {
    await (connection as KyselyConnection).transaction?.commit();
  }

  async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    await (connection as KyselyConnection).transaction?.rollback();
  }

  async destroy(): Promise<void> {
    await this.#connections.close();
  }
}

class KyselyConnection implements DatabaseConnection {
  readonly #connections: PostgresConnections;
  transaction: PostgresTransaction | undefined;

  constructor(connections: PostgresConnections) {
    this.#connections = connections;
  }

  async begin(settings: TransactionSettings): Promise<void> {
    this.transaction = new PostgresTransaction(await this.#connections.lease("write"), settings);
  }

  async executeQuery<Row>(query: CompiledQuery): Promise<QueryResult<Row>> {
    if (this.transaction !== undefined) return this.transaction.execute<Row>(query);
    const reads = isRead(query);
    if (!reads) assertOutsideTransaction();
    const values = parametersOf(query);
    const lane = reads ? "read" : "write";
    return this.#connections.repeat(
      () => this.#connections.run(lane, async (client) => kyselyResult<Row>(await client.query(query.sql, values)), query.sql),
      { idempotent: reads },
    );
  }

  /** A statement that stays open would hold its connection and an old snapshot. */
  async *streamQuery<Row>(): AsyncIterableIterator<QueryResult<Row>> {
    throw new SqlError("misuse", "Read in pages, by key; streaming is not offered.");
  }
}

/** A select can write too: in its WITH, or by a lock. */
function isRead({ query }: CompiledQuery): boolean {
  if (!SelectQueryNode.is(query)) return false;
  return (query.with?.expressions ?? []).every(({ expression }) => SelectQueryNode.is(expression));
}
