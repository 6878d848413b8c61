import { epochMs, type EpochMs } from "../../../core/clock.ts";
import type { SealedHeadersStore } from "../../upstream/sealed-headers.ts";
import type { SqlDatabase } from "../sql-database.ts";

/** Sealed headers of servers upstream in SQL. */
export class SqlUpstreamHeaders implements SealedHeadersStore {
  readonly #database: SqlDatabase;

  constructor(database: SqlDatabase) {
    this.#database = database;
  }

  async add({ id, sealed, createdAt }: { id: string; sealed: Uint8Array; createdAt: EpochMs }): Promise<void> {
    await this.#database.queries.insertInto("upstream_headers").values({ id, sealed, artifact: null, created_at: createdAt }).execute();
  }

  async noteArtifact(id: string, digest: string): Promise<void> {
    await this.#database.queries.updateTable("upstream_headers").set({ artifact: digest }).where("id", "=", id).execute();
  }

  async read(id: string): Promise<Uint8Array | null> {
    const row = await this.#database.queries.selectFrom("upstream_headers").select("sealed").where("id", "=", id).executeTakeFirst();
    return row?.sealed ?? null;
  }

  async list(): Promise<{ id: string; artifact: string | null; createdAt: EpochMs }[]> {
    const rows = await this.#database.queries.selectFrom("upstream_headers").select(["id", "artifact", "created_at"]).orderBy("id").execute();
    return rows.map(({ id, artifact, created_at }) => ({ id, artifact, createdAt: epochMs(created_at) }));
  }

  async remove(id: string): Promise<void> {
    await this.#database.queries.deleteFrom("upstream_headers").where("id", "=", id).execute();
  }
}
