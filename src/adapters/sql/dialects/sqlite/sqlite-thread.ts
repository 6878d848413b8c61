import { Worker } from "node:worker_threads";
import { SqlError } from "../../sql-error.ts";
import { sqliteError } from "./sqlite-error.ts";
import type { AnswerMessage, RequestKind, RequestMessage, SqliteRequests, SqliteThreadOptions } from "./sqlite-protocol.ts";

// The same entry in the source tree and in the built package.
const entry = import.meta.url.endsWith(".ts") ? new URL("./sqlite-worker.ts", import.meta.url) : new URL("./sqlite-worker.js", import.meta.url);

/** What is used of a Worker here. */
export interface DatabaseWorker {
  postMessage(message: RequestMessage): void;
  ref(): void;
  unref(): void;
  terminate(): Promise<unknown>;
  on(event: "message", listener: (message: AnswerMessage) => void): unknown;
  on(event: "error", listener: (error: unknown) => void): unknown;
  on(event: "exit", listener: (code: number) => void): unknown;
}

/** Starts the thread of one connection, or throws where the machine has none left. */
export type StartWorker = (options: SqliteThreadOptions) => DatabaseWorker;

const startWorker: StartWorker = (options) =>
  // Older Node releases call node:sqlite experimental; that is no news for the users of Slipway.
  new Worker(entry, { name: `sqlite-${options.mode}`, workerData: options, execArgv: ["--disable-warning=ExperimentalWarning", "--report-exclude-env"] });

export interface SqliteAnswer<Kind extends RequestKind> {
  answer: SqliteRequests[Kind]["answer"];
  inTransaction: boolean;
}

/** What the writer needs of a thread. */
export type SqliteRequester = Pick<SqliteThread, "request" | "close" | "kill">;

interface PendingRequest {
  id: number;
  resolve(answer: SqliteAnswer<RequestKind>): void;
  reject(error: RequestFailure): void;
}

/** A rejected request: the error, and whether the thread's transaction is still open. */
export class RequestFailure extends Error {
  readonly error: SqlError;
  readonly inTransaction: boolean;

  constructor(error: SqlError, inTransaction: boolean) {
    super(error.message, { cause: error });
    this.name = "RequestFailure";
    this.error = error;
    this.inTransaction = inTransaction;
  }
}

/**
 * A database connection in a worker thread, for node:sqlite blocks its thread. When the thread dies, the requests
 * under way fail with `connection_lost`, SQLite rolls back what was open, and the next request starts a new thread. It
 * keeps the process alive only while requests are under way.
 */
export class SqliteThread {
  readonly #options: SqliteThreadOptions;
  readonly #startWorker: StartWorker;
  /** In their order, which is that of the answers. Not a Map: those that come and go with every request leave garbage reachable (`ChurnSet`). */
  readonly #pending: PendingRequest[] = [];
  #worker: DatabaseWorker | undefined;
  #exited: Promise<void> = Promise.resolve();
  #lastId = 0;
  #closed = false;

  /** Starts at once, so that several threads come up side by side; the file is opened by the first request. */
  constructor(options: SqliteThreadOptions, start: StartWorker = startWorker) {
    this.#options = options;
    this.#startWorker = start;
    this.#start();
  }

  /** Rejects with RequestFailure. */
  async request<Kind extends RequestKind>(kind: Kind, request: SqliteRequests[Kind]["request"]): Promise<SqliteAnswer<Kind>> {
    if (this.#closed) throw new RequestFailure(new SqlError("closed", "The database is closed."), false);
    try {
      this.#worker ??= this.#start();
    } catch (cause) {
      throw new RequestFailure(new SqlError("unavailable", "The machine has no thread left for the database.", { cause }), false);
    }
    return this.#send(kind, request);
  }

  /** Ends after the requests before it. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#worker === undefined) return;
    try {
      await this.#send("close", {});
    } finally {
      await this.#whenExited();
    }
  }

  /** Ends the thread in the middle of whatever it does, as a crash would. */
  async kill(): Promise<void> {
    void this.#worker?.terminate();
    await this.#whenExited();
  }

  /** Holds the process until the thread has ended, for nothing else may. */
  #whenExited(): Promise<void> {
    this.#worker?.ref();
    return this.#exited;
  }

  #send<Kind extends RequestKind>(kind: Kind, request: SqliteRequests[Kind]["request"]): Promise<SqliteAnswer<Kind>> {
    const worker = this.#worker ?? this.#start();
    const id = ++this.#lastId;
    return new Promise<SqliteAnswer<Kind>>((resolve, reject) => {
      const message: RequestMessage = { id, kind, request };
      worker.postMessage(message);
      if (this.#pending.length === 0) worker.ref();
      this.#pending.push({ id, resolve: resolve as PendingRequest["resolve"], reject });
    });
  }

  #start(): DatabaseWorker {
    const worker = this.#startWorker(this.#options);
    this.#worker = worker;
    let crash: unknown;
    worker.unref();
    worker.on("message", (message: AnswerMessage) => this.#receive(worker, message));
    worker.on("error", (error) => (crash = error));
    this.#exited = new Promise((resolve) => {
      worker.on("exit", (code) => {
        if (this.#worker === worker) this.#worker = undefined;
        const error = new SqlError("connection_lost", "The database thread ended before it answered.", {
          cause: crash ?? new Error(`The database thread ended with code ${code}.`),
        });
        for (const pending of this.#pending.splice(0)) pending.reject(new RequestFailure(error, false));
        resolve();
      });
    });
    return worker;
  }

  #receive(worker: DatabaseWorker, { id, inTransaction, answer, failure }: AnswerMessage): void {
    const place = this.#pending.findIndex((each) => each.id === id);
    const [pending] = place < 0 ? [] : this.#pending.splice(place, 1);
    if (this.#pending.length === 0) worker.unref();
    if (failure === undefined) pending?.resolve({ answer: answer as SqliteRequests[RequestKind]["answer"], inTransaction });
    else pending?.reject(new RequestFailure(sqliteError(failure), inTransaction));
  }
}
