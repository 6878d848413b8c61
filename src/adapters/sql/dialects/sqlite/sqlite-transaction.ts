import type { SqlParameter } from "../../sql-parameter.ts";
import { SqlError } from "../../sql-error.ts";
import type { StatementResult } from "./sqlite-protocol.ts";
import { RequestFailure, type SqliteRequester } from "./sqlite-thread.ts";

export type TransactionEnd = "committed" | "rolled_back" | "lost";

/**
 * One transaction of the program: a savepoint in a transaction of SQLite that it may share with the ones before and
 * after it. So a commit is durable only when the shared one is.
 */
export class SqliteTransaction {
  /** Settles when the program is done with it; the writer goes on then. */
  readonly ended: Promise<TransactionEnd>;
  readonly #thread: SqliteRequester;
  readonly #durable = Promise.withResolvers<void>();
  readonly #ended = Promise.withResolvers<TransactionEnd>();
  #end: TransactionEnd | undefined;
  #loss: SqlError | undefined;
  #failure: SqlError | undefined;

  constructor(thread: SqliteRequester) {
    this.#thread = thread;
    this.ended = this.#ended.promise;
    // Whoever waits for it gets the rejection; nobody may be waiting.
    this.#durable.promise.catch(() => undefined);
  }

  async execute(sql: string, parameters: readonly SqlParameter[]): Promise<StatementResult> {
    this.#assertOpen();
    try {
      const { answer, inTransaction } = await this.#thread.request("statement", { sql, parameters, inTransaction: true });
      if (!inTransaction) throw this.#lose(new SqlError("misuse", "A statement ended the transaction.", { statement: sql }));
      return answer;
    } catch (failure) {
      if (!(failure instanceof RequestFailure)) throw failure;
      this.#failure ??= failure.error;
      if (!failure.inTransaction) this.#lose(failure.error);
      throw failure.error;
    }
  }

  /** Answers when the change is durable; rejects when it is not there. */
  async commit(): Promise<void> {
    try {
      this.#assertOpen();
    } catch (error) {
      await this.rollback();
      throw error;
    }
    this.#finish("committed");
    await this.#durable.promise;
  }

  /** Does nothing when the transaction is over already. */
  async rollback(): Promise<void> {
    if (this.#end !== undefined) return;
    try {
      await this.#thread.request("commands", { commands: ["rollback to unit"], inTransaction: true });
      this.#finish("rolled_back");
    } catch (failure) {
      this.#lose((failure as RequestFailure).error);
    }
  }

  /** Why it was lost. */
  get loss(): SqlError {
    return this.#loss ?? new SqlError("connection_lost", "The transaction was lost.");
  }

  /** Told by the writer, once the shared transaction is committed or lost. */
  settle(error: SqlError | null): void {
    if (error === null) this.#durable.resolve();
    else this.#durable.reject(error);
  }

  #lose(error: SqlError): SqlError {
    this.#loss ??= error;
    this.#finish("lost");
    return error;
  }

  #finish(end: TransactionEnd): void {
    this.#end ??= end;
    this.#ended.resolve(this.#end);
  }

  #assertOpen(): void {
    if (this.#end === "lost") throw new SqlError("connection_lost", "The transaction was rolled back.", { cause: this.#loss });
    if (this.#end !== undefined) throw new SqlError("misuse", "The transaction has ended.");
    // SQLite would go on, Postgres does not: a program that works here must work there.
    if (this.#failure !== undefined) {
      throw new SqlError(this.#failure.reason, "A statement of the transaction failed; nothing but a rollback is left.", { cause: this.#failure });
    }
  }
}
