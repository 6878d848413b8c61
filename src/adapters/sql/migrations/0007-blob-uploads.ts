import type { Migration } from "./migration.ts";

/** Who uploaded which file, and when last: knowing a file's digest is no right to use it. */
export const blobUploads: Migration = {
  number: 7,
  name: "blob-uploads",
  async up(database, { columnTypes: { text, integer }, tableEnding }) {
    const { schema } = database;
    await schema
      .createTable("blob_uploads")
      .addColumn("digest", text, (column) => column.notNull())
      .addColumn("actor", text, (column) => column.notNull())
      .addColumn("uploaded_at", integer, (column) => column.notNull())
      .addPrimaryKeyConstraint("blob_uploads_key", ["digest", "actor"])
      .modifyEnd(tableEnding)
      .execute();
    await schema.createIndex("blob_uploads_uploaded_at").on("blob_uploads").column("uploaded_at").execute();
  },
};
