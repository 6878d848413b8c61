import { SelectQueryNode, type CompiledQuery, type DatabaseConnection, type Driver, type QueryResult } from "kysely";
import { assertOutsideTransaction } from "../../open-transaction.ts";
import { SqlError } from "../../sql-error.ts";
import { kyselyResult, statementOf } from "./sqlite-statement.ts";
import { RequestFailure, type SqliteThread } from "./sqlite-thread.ts";
import type { SqliteTransaction } from "./sqlite-transaction.ts";
import type { SqliteWriter } from "./sqlite-writer.ts";

/** Selects outside transactions go to the reading thread, everything else to the writer. */
export class SqliteDriver implements Driver {
  readonly #reader: SqliteThread;
  readonly #writerThread: SqliteThread;
  readonly #writer: SqliteWriter;

  constructor(parts: { reader: SqliteThread; writerThread: SqliteThread; writer: SqliteWriter }) {
    this.#reader = parts.reader;
    this.#writerThread = parts.writerThread;
    this.#writer = parts.writer;
  }

  /** The writer creates the file and its log; the reader could not. */
  async init(): Promise<void> {
    try {
      await this.#writerThread.request("open", {});
    } catch (failure) {
      // Kysely does not destroy a driver that did not come up.
      await this.destroy();
      throwError(failure);
    }
  }

  async acquireConnection(): Promise<DatabaseConnection> {
    return new KyselyConnection(this.#reader, this.#writer);
  }

  async releaseConnection(): Promise<void> {}

  /** Every transaction is serializable, for one runs at a time; the settings change nothing. */
  async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await (connection as KyselyConnection).begin();
  }

  async commitTransaction(connection: DatabaseConnection): Promise<void> {
    await (connection as KyselyConnection).transaction?.commit();
  }

  async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    await (connection as KyselyConnection).transaction?.rollback();
  }

  /** The writer goes last: it takes the log into the file. */
  async destroy(): Promise<void> {
    await this.#reader.close().catch(throwError);
    await this.#writer.close().catch(throwError);
  }
}

class KyselyConnection implements DatabaseConnection {
  readonly #reader: SqliteThread;
  readonly #writer: SqliteWriter;
  transaction: SqliteTransaction | undefined;

  constructor(reader: SqliteThread, writer: SqliteWriter) {
    this.#reader = reader;
    this.#writer = writer;
  }

  async begin(): Promise<void> {
    this.transaction = await this.#writer.begin();
  }

  async executeQuery<Row>(query: CompiledQuery): Promise<QueryResult<Row>> {
    const statement = statementOf(query);
    if (this.transaction !== undefined) return kyselyResult(await this.transaction.execute(statement.sql, statement.parameters));
    if (SelectQueryNode.is(query.query)) {
      const { answer } = await this.#reader.request("statement", { ...statement, inTransaction: false }).catch(throwError);
      return kyselyResult(answer);
    }
    assertOutsideTransaction();
    const [result] = await this.#writer.batch([statement]);
    return kyselyResult(result!);
  }

  /** A statement that stays open would hold an old snapshot, and reads would miss what was just written. */
  async *streamQuery<Row>(): AsyncIterableIterator<QueryResult<Row>> {
    throw new SqlError("misuse", "Read in pages, by key; streaming is not offered.");
  }
}

export function throwError(failure: unknown): never {
  throw failure instanceof RequestFailure ? failure.error : failure;
}
