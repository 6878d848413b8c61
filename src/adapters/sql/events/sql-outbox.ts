import type { ExpressionBuilder, ExpressionWrapper, Selectable, SqlBool } from "kysely";
import type { EventFilter, EventVisibility, Outbox, RecordedEvent } from "../../../events/index.ts";
import type { DatabaseSchema, OutboxRow } from "../database-schema.ts";
import type { SqlDatabase } from "../sql-database.ts";

/** The outbox in SQL. What writes it is `write-events.ts`, in the transactions of the stores. */
export class SqlOutbox implements Outbox {
  readonly #database: SqlDatabase;

  constructor(database: SqlDatabase) {
    this.#database = database;
  }

  async latest(): Promise<number> {
    const { value } = await this.#database.queries.selectFrom("sequences").select("value").where("name", "=", "outbox").executeTakeFirstOrThrow();
    return value;
  }

  async readAfter(sequence: number, limit: number): Promise<RecordedEvent[]> {
    const rows = await this.#database.queries
      .selectFrom("outbox").selectAll().where("sequence", ">", sequence).orderBy("sequence").limit(limit).execute();
    return rows.map(recordedEventOf);
  }

  async list({ type, object, before, limit }: EventFilter, visible: EventVisibility): Promise<RecordedEvent[]> {
    let query = this.#database.queries.selectFrom("outbox").selectAll().orderBy("sequence", "desc").limit(limit);
    if (type?.endsWith(".*") === true) {
      // Everything that begins so, as a range of the text: the character after the full stop ends it.
      const start = type.slice(0, -1);
      query = query.where("type", ">=", start).where("type", "<", `${start.slice(0, -1)}/`);
    } else if (type !== undefined && type !== "*") query = query.where("type", "=", type);
    if (object !== undefined) query = query.where("object", "=", object);
    if (before !== undefined) query = query.where("sequence", "<", before);
    if (!visible.teams.includes("*")) query = query.where((builder) => mayBeSeen(builder, visible));
    return (await query.execute()).map(recordedEventOf);
  }

  async prune({ before, unreadBefore, limit }: Parameters<Outbox["prune"]>[0]): Promise<number> {
    return this.#database.transaction(async (transaction) => {
      const oldest = await transaction.selectFrom("outbox").select(["sequence", "time"]).orderBy("sequence").limit(limit).execute();
      if (oldest.length === 0) return 0;
      const last = oldest.at(-1)!.sequence;
      const { read } = await transaction.selectFrom("subscriptions").select(({ fn }) => fn.min("sequence").as("read")).executeTakeFirstOrThrow();
      const { waiting } = await transaction
        .selectFrom("deliveries").select(({ fn }) => fn.min("sequence").as("waiting")).where("state", "=", "pending").where("sequence", "<=", last)
        // What a removed webhook left behind waits for nobody.
        .where("subscription", "in", ({ selectFrom }) => selectFrom("subscriptions").select("name"))
        .executeTakeFirstOrThrow();
      const needed = Math.min(Number(read ?? last) + 1, Number(waiting ?? last + 1));
      // Only a beginning of the order goes: what is left has no gaps either.
      const kept = oldest.findIndex(({ sequence, time }) => time >= before || (sequence >= needed && time >= unreadBefore));
      const gone = oldest.slice(0, kept === -1 ? oldest.length : kept);
      if (gone.length === 0) return 0;
      const end = gone.at(-1)!.sequence;
      await transaction.deleteFrom("deliveries").where("sequence", "<=", end).execute();
      await transaction.deleteFrom("outbox").where("sequence", "<=", end).execute();
      return gone.length;
    });
  }
}

function mayBeSeen(builder: ExpressionBuilder<DatabaseSchema, "outbox">, { teams, objects }: EventVisibility): ExpressionWrapper<DatabaseSchema, "outbox", SqlBool> {
  return builder.or([
    // Never an empty list: not every database can read one.
    builder("team", "in", teams.length === 0 ? [""] : [...teams]),
    ...objects.map(({ team, object }) =>
      builder.and([builder("object", "=", object), ...(team === "*" ? [] : [builder("team", "=", team)])]),
    ),
  ]);
}

export function recordedEventOf(row: Selectable<OutboxRow>): RecordedEvent {
  const { sequence, id, type, object, team, actor, time } = row;
  return { sequence, id, type, object, team, actor, time, payload: JSON.parse(row.payload_json) as RecordedEvent["payload"] };
}
