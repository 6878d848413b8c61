import { Worker } from "node:worker_threads";
import { AppError } from "../../core/errors.ts";

// The same entry in the source tree and in the built package.
const entry = import.meta.url.endsWith(".ts") ? new URL("./sqlite-reader-worker.ts", import.meta.url) : new URL("./sqlite-reader-worker.js", import.meta.url);

export type Row = Record<string, string | number | null | Uint8Array>;

interface Answer {
  id: number;
  rows?: Row[];
  failure?: string;
}

/** A SQLite file of somebody else, read in a thread of its own. Every method throws IMPORT_SOURCE_INVALID where the file cannot be read. */
export class SqliteReader {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, { resolve(rows: Row[]): void; reject(error: AppError): void }>();
  /** Why nothing is answered any more, once its thread has ended. */
  #ended: AppError | null = null;
  #last = 0;
  #columns = new Map<string, ReadonlySet<string>>();

  constructor(file: string) {
    this.#worker = new Worker(entry, { workerData: file, execArgv: ["--disable-warning=ExperimentalWarning", "--report-exclude-env"] });
    this.#worker.on("message", ({ id, rows, failure }: Answer) => {
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (rows !== undefined) waiting?.resolve(rows);
      else waiting?.reject(unreadable(failure));
    });
    const died = (cause?: unknown): void => {
      // The error comes before the exit, and says more.
      this.#ended ??= unreadable(cause);
      for (const { reject } of this.#waiting.values()) reject(this.#ended);
      this.#waiting.clear();
    };
    this.#worker.on("error", died);
    this.#worker.on("exit", died);
  }

  all(sql: string, ...parameters: (string | number | null)[]): Promise<Row[]> {
    if (this.#ended !== null) return Promise.reject(this.#ended);
    const id = ++this.#last;
    const { promise, resolve, reject } = Promise.withResolvers<Row[]>();
    this.#waiting.set(id, { resolve, reject });
    this.#worker.postMessage({ id, sql, parameters });
    return promise;
  }

  /** Names of the table's columns; empty where there is no such table. */
  async columns(table: string): Promise<ReadonlySet<string>> {
    const known = this.#columns.get(table);
    if (known !== undefined) return known;
    const rows = await this.all("select name from pragma_table_info(?)", table);
    const columns = new Set(rows.map(({ name }) => String(name)));
    this.#columns.set(table, columns);
    return columns;
  }

  /** `columns` to select from the table, those that this version of the schema does not have as nulls. */
  async selection(table: string, columns: readonly string[]): Promise<string> {
    const present = await this.columns(table);
    return columns.map((column) => (present.has(column) ? `"${table}"."${column}"` : `null as "${column}"`)).join(", ");
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }
}

function unreadable(cause: unknown): AppError {
  return new AppError("IMPORT_SOURCE_INVALID", "The source cannot be read as the SQLite database of an MLflow server.", { cause });
}
