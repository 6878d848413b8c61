import { sql, type CompiledQuery, type Expression, type Kysely, type SqlBool } from "kysely";
import type { DomainEvent } from "../../../core/domain-event.ts";
import type { IdGenerator } from "../../../core/ids.ts";
import type { DatabaseSchema } from "../database-schema.ts";
import type { SqlDatabase } from "../sql-database.ts";

/** Told of the events that one process writes. */
export interface EventsWritten {
  /** Before they can be seen by anybody. */
  writing(ids: readonly string[]): void;
  /** The transaction is durable. */
  written(ids: readonly string[]): void;
  /** It failed: they are not there, or nobody knows. */
  failed(ids: readonly string[]): void;
}

/** Which transaction, and which statement, wrote which events; only for databases that are watched. */
const ofTransaction = new WeakMap<object, (ids: readonly string[]) => void>();
const ofStatement = new WeakMap<CompiledQuery, string>();

/**
 * Statements that add events to the outbox: the last ones of the transaction, or of the batch, that makes the change. The
 * first of them takes the row of the sequence and keeps it until the commit, so sequences have no gaps and are in the order
 * of commits: a reader that has seen one has seen all before it. Nothing is added where `when` does not hold: in a batch,
 * that the statements before it changed what they should. Running them twice adds the events once: a batch may be written
 * again when its answer was lost.
 */
export function eventStatements(
  queries: Kysely<DatabaseSchema>, ids: IdGenerator, events: readonly DomainEvent[], when: Expression<SqlBool> = sql<SqlBool>`1 = 1`,
): CompiledQuery[] {
  return events.flatMap(({ type, object, team, actor, time, payload }) => {
    const id = ids.next("event");
    const isDue = sql<SqlBool>`(${when}) and not exists (select 1 from outbox where id = ${id})`;
    const insertion = queries
      .insertInto("outbox")
      .columns(["sequence", "id", "type", "object", "team", "actor", "time", "payload_json"])
      .expression(({ selectFrom, val }) =>
        selectFrom("sequences")
          .where("name", "=", "outbox")
          .where(isDue)
          .select(["value", val(id).as("id"), val(type).as("type"), val(object).as("object"), val(team).as("team"), val(actor).as("actor")])
          .select([val(time as number).as("time"), val(JSON.stringify(payload)).as("payload_json")]),
      )
      .compile();
    ofStatement.set(insertion, id);
    return [queries.updateTable("sequences").set(({ eb }) => ({ value: eb("value", "+", 1) })).where("name", "=", "outbox").where(isDue).compile(), insertion];
  });
}

/** Adds the events within a transaction; see `eventStatements`. */
export async function writeEvents(transaction: Kysely<DatabaseSchema>, ids: IdGenerator, events: readonly DomainEvent[]): Promise<void> {
  const statements = eventStatements(transaction, ids, events);
  ofTransaction.get(transaction)?.(idsOf(statements));
  for (const statement of statements) await transaction.executeQuery(statement);
}

/** The same database, which tells of the events written through it: so readers of the outbox need not wait for their next look. */
export function watchEvents(database: SqlDatabase, watcher: EventsWritten): SqlDatabase {
  const watched = async <Result>(ids: readonly string[], work: Promise<Result>): Promise<Result> => {
    try {
      const result = await work;
      if (ids.length > 0) watcher.written(ids);
      return result;
    } catch (error) {
      if (ids.length > 0) watcher.failed(ids);
      throw error;
    }
  };
  return {
    ...database,
    transaction: (work) => {
      const ids: string[] = [];
      return watched(
        ids,
        database.transaction((transaction) => {
          // A database that repeats a transaction starts it anew.
          if (ids.length > 0) watcher.failed(ids.splice(0));
          ofTransaction.set(transaction, (more) => {
            ids.push(...more);
            watcher.writing(more);
          });
          return work(transaction);
        }),
      );
    },
    writeBatch: (statements, options) => {
      const ids = idsOf(statements);
      if (ids.length > 0) watcher.writing(ids);
      return watched(ids, database.writeBatch(statements, options));
    },
  };
}

function idsOf(statements: readonly CompiledQuery[]): string[] {
  return statements.flatMap((statement) => ofStatement.get(statement) ?? []);
}
