import type { EpochMs } from "../../../core/clock.ts";
import type { BlobOwners } from "../../../registry/index.ts";
import type { SqlDatabase } from "../sql-database.ts";

/** Uploads in a table of their own; what versions and datasets name is in theirs. */
export class SqlBlobOwners implements BlobOwners {
  readonly #database: SqlDatabase;

  constructor(database: SqlDatabase) {
    this.#database = database;
  }

  async noteUpload(digest: string, actor: string, now: EpochMs): Promise<void> {
    await this.#database.queries
      .insertInto("blob_uploads")
      .values({ digest, actor, uploaded_at: now })
      .onConflict((conflict) => conflict.columns(["digest", "actor"]).doUpdateSet({ uploaded_at: now }))
      .execute();
  }

  async hasUploaded(digest: string, actor: string): Promise<boolean> {
    const row = await this.#database.queries.selectFrom("blob_uploads").select("actor").where("digest", "=", digest).where("actor", "=", actor).executeTakeFirst();
    return row !== undefined;
  }

  modelsNaming(digest: string): Promise<{ name: string; team: string }[]> {
    return this.#database.queries
      .selectFrom("version_digests")
      .innerJoin("models", "models.name", "version_digests.model")
      .select(["models.name", "models.team"])
      .distinct()
      .where("version_digests.digest", "=", digest)
      .orderBy("models.name")
      .execute();
  }

  async teamsWithDataset(digest: string): Promise<string[]> {
    const rows = await this.#database.queries
      .selectFrom("dataset_versions")
      .innerJoin("held_datasets", "held_datasets.name", "dataset_versions.dataset")
      .select("held_datasets.team")
      .distinct()
      .where("dataset_versions.digest", "=", digest)
      .orderBy("held_datasets.team")
      .execute();
    return rows.map(({ team }) => team);
  }

  async pruneUploads(before: EpochMs): Promise<number> {
    const { numDeletedRows } = await this.#database.queries.deleteFrom("blob_uploads").where("uploaded_at", "<", before).executeTakeFirst();
    return Number(numDeletedRows);
  }
}
