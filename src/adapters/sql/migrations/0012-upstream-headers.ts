import type { Migration } from "./migration.ts";

/** Sealed headers of servers upstream, kept as long as a version names the artifact that names them. */
export const upstreamHeaders: Migration = {
  number: 12,
  name: "upstream-headers",
  async up({ schema }, { columnTypes: { text, integer, bytes }, tableEnding }) {
    await schema
      .createTable("upstream_headers")
      .addColumn("id", text, (column) => column.primaryKey().notNull())
      .addColumn("sealed", bytes, (column) => column.notNull())
      .addColumn("artifact", text)
      .addColumn("created_at", integer, (column) => column.notNull())
      .modifyEnd(tableEnding)
      .execute();
  },
};
