import type { CompiledQuery, QueryResult } from "kysely";
import type { SqlDatabase } from "./sql-database.ts";

/** Statements that belong together: all are done or none. */
interface Unit {
  statements: readonly CompiledQuery[];
  /** Run after those of all units of the batch: for rows that everybody wants, so that they are held shortly and last. */
  last: readonly CompiledQuery[];
  /** Units are run in the order of their keys, so that batches take the locks of rows in one order. */
  key: string;
  resolve(results: QueryResult<unknown>[]): void;
  reject(error: unknown): void;
}

const mostUnits = 500;

/**
 * Group commit for small writes of many callers: what comes while a batch is on its way shares the next one, and its sync of
 * the disk. Units must decide by themselves, in SQL, whether they apply: one that does not apply changes nothing and fails
 * nobody. When a batch fails, each of its units is tried alone, so that one bad unit does not fail the others.
 */
export class SharedBatches {
  readonly #database: SqlDatabase;
  #waiting: Unit[] = [];
  #running = false;

  constructor(database: SqlDatabase) {
    this.#database = database;
  }

  /** Answers, once durable, with the results of `statements`. Writing them twice must do the same as once. */
  write(key: string, statements: readonly CompiledQuery[], last: readonly CompiledQuery[] = []): Promise<QueryResult<unknown>[]> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ key, statements, last, resolve, reject });
      if (this.#running) return;
      this.#running = true;
      // What other callers write in this turn of the loop comes along.
      queueMicrotask(() => void this.#run());
    });
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      const units = this.#waiting.splice(0, mostUnits);
      try {
        await this.#writeUnits(units);
      } catch (error) {
        if (units.length === 1) units[0]!.reject(error);
        else await Promise.all(units.map((unit) => this.#writeUnits([unit]).catch(unit.reject)));
      }
    }
    this.#running = false;
  }

  async #writeUnits(units: readonly Unit[]): Promise<void> {
    // Stable: two units of one key stay in the order in which they came.
    const ordered = [...units].sort((left, right) => (left.key < right.key ? -1 : left.key > right.key ? 1 : 0));
    const statements = [...ordered.flatMap((unit) => unit.statements), ...ordered.flatMap((unit) => unit.last)];
    const results = await this.#database.writeBatch(statements, { idempotent: true });
    let offset = 0;
    for (const unit of ordered) {
      unit.resolve(results.slice(offset, offset + unit.statements.length));
      offset += unit.statements.length;
    }
  }
}
