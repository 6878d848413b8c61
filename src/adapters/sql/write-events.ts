import type { CompiledQuery, Kysely } from "kysely";
import type { DomainEvent } from "../../core/domain-event.ts";
import type { IdGenerator } from "../../core/ids.ts";
import type { DatabaseSchema } from "./database-schema.ts";

/**
 * Statements that add events to the outbox: the last ones of the transaction, or of the batch, that makes the change. The
 * first of them takes the row of the sequence and keeps it until the commit, so sequences have no gaps and are in the order
 * of commits: a reader that has seen one has seen all before it.
 */
export function eventStatements(queries: Kysely<DatabaseSchema>, ids: IdGenerator, events: readonly DomainEvent[]): CompiledQuery[] {
  return events.flatMap(({ type, object, team, actor, time, payload }) => {
    const id = ids.next("event");
    return [
      queries.updateTable("sequences").set(({ eb }) => ({ value: eb("value", "+", 1) })).where("name", "=", "outbox").compile(),
      queries
        .insertInto("outbox")
        .columns(["sequence", "id", "type", "object", "team", "actor", "time", "payload_json"])
        .expression(({ selectFrom, val }) =>
          selectFrom("sequences")
            .where("name", "=", "outbox")
            .select(["value", val(id).as("id"), val(type).as("type"), val(object).as("object"), val(team).as("team"), val(actor).as("actor")])
            .select([val(time as number).as("time"), val(JSON.stringify(payload)).as("payload_json")]),
        )
        .compile(),
    ];
  });
}

/** Adds the events within a transaction; see `eventStatements`. */
export async function writeEvents(transaction: Kysely<DatabaseSchema>, ids: IdGenerator, events: readonly DomainEvent[]): Promise<void> {
  for (const statement of eventStatements(transaction, ids, events)) await transaction.executeQuery(statement);
}
