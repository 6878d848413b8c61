import type { Selectable } from "kysely";
import { chainAuditEntries, type AuditEntry, type AuditHead, type AuditLog, type AuditQuery, type AuditResult, type ChainedAuditEntry, type StoredAuditEntry } from "../../../access/index.ts";
import { canonicalJson } from "../../../core/canonical-json.ts";
import { epochMs } from "../../../core/clock.ts";
import type { AuditEntryRow } from "../database-schema.ts";
import type { SqlDatabase } from "../sql-database.ts";

/** Rows of one statement: databases bound the number of its parameters. */
const rowsPerStatement = 100;

/** The audit log in SQL. The table takes no change of a row; the row of the head is what writers wait for. */
export class SqlAuditLog implements AuditLog {
  readonly #database: SqlDatabase;

  constructor(database: SqlDatabase) {
    this.#database = database;
  }

  append(entries: readonly AuditEntry[]): Promise<AuditHead> {
    return this.#database.transaction(async (transaction) => {
      // The first statement takes the head until the commit: who comes at the same time waits here, and reads the head that this leaves.
      const head = await transaction
        .updateTable("audit_head").set(({ ref }) => ({ sequence: ref("sequence") })).where("id", "=", 1)
        .returning(["sequence", "hash"]).executeTakeFirstOrThrow();
      const chained = chainAuditEntries(head, entries);
      const last = chained.at(-1);
      if (last === undefined) return head;
      for (let start = 0; start < chained.length; start += rowsPerStatement) {
        await transaction.insertInto("audit_entries").values(chained.slice(start, start + rowsPerStatement).map(rowOf)).execute();
      }
      await transaction.updateTable("audit_head").set({ sequence: last.sequence, hash: last.hash }).where("id", "=", 1).execute();
      return { sequence: last.sequence, hash: last.hash };
    });
  }

  async list({ actor, action, object, result, before, limit }: AuditQuery): Promise<ChainedAuditEntry[]> {
    let query = this.#database.queries.selectFrom("audit_entries").selectAll().orderBy("sequence", "desc").limit(limit);
    if (actor !== undefined) query = query.where("actor", "=", actor);
    if (action !== undefined) query = query.where("action", "=", action);
    if (object !== undefined) query = query.where("object", "=", object);
    if (result !== undefined) query = query.where("result", "=", result);
    if (before !== undefined) query = query.where("sequence", "<", before);
    return (await query.execute()).map((row) => {
      const { detailJson, ...entry } = storedOf(row);
      return { ...entry, detail: detailOf(detailJson) };
    });
  }

  async head(): Promise<AuditHead> {
    const row = await this.#database.queries.selectFrom("audit_head").select(["sequence", "hash"]).where("id", "=", 1).executeTakeFirst();
    return row ?? { sequence: 0, hash: "" };
  }

  async page(after: number, limit: number): Promise<StoredAuditEntry[]> {
    const rows = await this.#database.queries.selectFrom("audit_entries").selectAll().where("sequence", ">", after).orderBy("sequence").limit(limit).execute();
    return rows.map(storedOf);
  }
}

function rowOf(entry: ChainedAuditEntry): AuditEntryRow {
  const { sequence, time, actor, action, object, result, requestId, detail, previousHash, hash } = entry;
  return { sequence, time, actor, action, object, result, request_id: requestId, detail_json: canonicalJson(detail), previous_hash: previousHash, hash };
}

function storedOf(row: Selectable<AuditEntryRow>): StoredAuditEntry {
  return {
    sequence: row.sequence, time: epochMs(row.time), actor: row.actor, action: row.action, object: row.object, result: row.result as AuditResult,
    requestId: row.request_id, detailJson: row.detail_json, previousHash: row.previous_hash, hash: row.hash,
  };
}

/** A list shows also what somebody has damaged; `verify` says what is damaged. */
function detailOf(json: string): Record<string, unknown> {
  try {
    return JSON.parse(json) as Record<string, unknown>;
  } catch {
    return { unreadable: json };
  }
}
