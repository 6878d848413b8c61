import { setImmediate as turn } from "node:timers/promises";
import { Kysely, type CompiledQuery, type DatabaseConnection, type KyselyPlugin, type QueryResult, type Transaction } from "kysely";
import type { DatabaseSchema } from "../../src/adapters/sql/database-schema.ts";
import type { SqlDatabase } from "../../src/adapters/sql/sql-database.ts";
import { SqlError } from "../../src/adapters/sql/sql-error.ts";
import { toAppError } from "../../src/core/errors.ts";
import type { SeededRandom } from "./seed.ts";

/** What one piece of work meets. */
export type DatabaseFault =
  | "none"
  /** Fails, and nothing of it was done. */
  | "before"
  /** Is done, and fails: the caller cannot know. An idempotent batch is done once more instead, as on a lost connection. */
  | "after"
  /** A transaction breaks off after one of its statements, which is undone with the others; other work is refused. */
  | "during"
  /** A transaction is undone at its end and done again, as after a conflict. */
  | "again"
  /** Takes its time, so that others overtake it. */
  | "slow"
  /** It and the next few are refused, and the database says that it is away. */
  | "away";

const planned: readonly DatabaseFault[] = ["none", "none", "none", "none", "before", "after", "after", "during", "again", "slow", "slow", "away"];

/** A real database that misbehaves by a seed within what SqlDatabase allows. Stores on it must keep every promise of their ports. */
export class FaultyDatabase implements SqlDatabase {
  readonly queries: Kysely<DatabaseSchema>;
  readonly #real: SqlDatabase;
  readonly #random: SeededRandom;
  #plan: () => DatabaseFault;
  #refusals = 0;
  /** How often each fault was met; a test shows by it that it met what it is about. */
  readonly met: Record<DatabaseFault, number> = { none: 0, before: 0, after: 0, during: 0, again: 0, slow: 0, away: 0 };

  constructor(real: SqlDatabase, random: SeededRandom) {
    this.#real = real;
    this.#random = random;
    this.#plan = () => random.pick(planned);
    this.queries = queriesThrough(real.queries, (query) => this.#meet(() => real.queries.executeQuery(query)));
  }

  /** Asked before each piece of work from now on, instead of the seed. */
  plan(next: () => DatabaseFault): void {
    this.#plan = next;
  }

  /** No more faults. */
  heal(): void {
    this.#refusals = 0;
    this.#plan = () => "none";
  }

  transaction<Result>(work: (transaction: Transaction<DatabaseSchema>) => Promise<Result>): Promise<Result> {
    return this.#meet(
      () => this.#real.transaction(work),
      {
        during: () => this.#real.transaction((transaction) => this.#breakOff(transaction, work)),
        again: async () => {
          const undone = new Error("The transaction is undone.");
          await this.#real.transaction(async (transaction) => {
            await work(transaction);
            throw undone;
          }).catch((error: unknown) => {
            if (error !== undone) throw error;
          });
          return this.#real.transaction(work);
        },
      },
    );
  }

  writeBatch(queries: readonly CompiledQuery[], options?: { idempotent?: boolean }): Promise<QueryResult<unknown>[]> {
    const write = (): Promise<QueryResult<unknown>[]> => this.#real.writeBatch(queries, options);
    return this.#meet(write, options?.idempotent === true ? { after: () => write().then(write) } : {});
  }

  /** May be done twice, as an idempotent batch. */
  readonly writePacked: SqlDatabase["writePacked"] = (packed) => {
    const write = (): Promise<void> => this.#real.writePacked(packed);
    return this.#meet(write, { after: () => write().then(write) });
  };

  // Fields, so that what spreads a database takes them along.
  readonly isReachable = (): boolean => this.#refusals === 0 && this.#real.isReachable();

  readonly snapshot: SqlDatabase["snapshot"] = (read) => this.#meet(() => this.#real.snapshot(read));

  /** The real one stays open: it is its owner's. */
  readonly close = async (): Promise<void> => undefined;

  async #meet<Result>(work: () => Promise<Result>, own: Partial<Record<DatabaseFault, () => Promise<Result>>> = {}): Promise<Result> {
    const fault = this.#refusals > 0 ? "away" : this.#plan();
    this.met[fault]++;
    const special = own[fault];
    if (special !== undefined) return special();
    switch (fault) {
      case "none":
      case "again":
        return work();
      case "before":
      case "during":
        throw new SqlError("unavailable", "planted: not done", { mayRepeat: true });
      case "away":
        this.#refusals = this.#refusals > 0 ? this.#refusals - 1 : this.#random.integer(1, 4);
        throw new SqlError("unavailable", "planted: the database is away", { mayRepeat: true });
      case "after":
        await work();
        throw new SqlError("connection_lost", "planted: done, and the answer is lost");
      case "slow":
        for (let turns = this.#random.integer(1, 20); turns > 0; turns--) await turn();
        return work();
    }
  }

  async #breakOff<Result>(transaction: Transaction<DatabaseSchema>, work: (transaction: Transaction<DatabaseSchema>) => Promise<Result>): Promise<Result> {
    let left = this.#random.integer(1, 4);
    const lost = (): SqlError => new SqlError("connection_lost", "planted: broken off");
    const breaking: KyselyPlugin = {
      transformQuery: ({ node }) => node,
      transformResult: async ({ result }) => {
        if (--left <= 0) throw lost();
        return result;
      },
    };
    await work(transaction.withPlugin(breaking));
    // Broken off at the commit at the latest, also when the work went on after a statement that failed.
    throw lost();
  }
}

/**
 * What the database answered; undefined when it did not, and nobody knows what became of the work. Every other failure
 * is thrown: no fault of the database may look like a refusal of what was asked.
 */
export async function answerOf<Result>(work: () => Promise<Result>): Promise<{ result: Result } | undefined> {
  try {
    return { result: await work() };
  } catch (error) {
    if (toAppError(error).code === "DATABASE_UNAVAILABLE") return undefined;
    throw error;
  }
}

/** Queries that are made as the real ones are, and done by `execute`. */
function queriesThrough(real: Kysely<DatabaseSchema>, execute: (query: CompiledQuery) => Promise<QueryResult<unknown>>): Kysely<DatabaseSchema> {
  const executor = real.getExecutor();
  const connection: DatabaseConnection = {
    executeQuery: <Row>(query: CompiledQuery) => execute(query) as Promise<QueryResult<Row>>,
    streamQuery: () => {
      throw new SqlError("misuse", "Streams are not made faulty.");
    },
  };
  const misuse = (): never => {
    throw new SqlError("misuse", "Transactions go through the database's own method.");
  };
  return new Kysely<DatabaseSchema>({
    dialect: {
      createAdapter: () => executor.adapter,
      createQueryCompiler: () => ({ compileQuery: (node, id) => executor.compileQuery(node, id) }),
      createIntrospector: () => real.introspection,
      createDriver: () => ({
        init: async () => undefined, acquireConnection: async () => connection, releaseConnection: async () => undefined, destroy: async () => undefined,
        beginTransaction: misuse, commitTransaction: misuse, rollbackTransaction: misuse,
      }),
    },
  });
}
