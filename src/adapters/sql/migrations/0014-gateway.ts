import type { Migration } from "./migration.ts";

/** Providers, routes and policies of keys of the gateway, each with all that it ever was; sealed secrets of providers. */
export const gateway: Migration = {
  number: 14,
  name: "gateway",
  async up({ schema }, { columnTypes: { text, integer, json, bytes }, tableEnding }) {
    await schema
      .createTable("gateway_settings")
      .addColumn("kind", text, (column) => column.notNull())
      .addColumn("name", text, (column) => column.notNull())
      .addColumn("team", text, (column) => column.notNull())
      .addColumn("revision", integer, (column) => column.notNull())
      .addColumn("settings_json", json)
      .addColumn("secret_json", json)
      .addColumn("sealed_secret", bytes)
      .addColumn("updated_at", integer, (column) => column.notNull())
      .addColumn("updated_by", text, (column) => column.notNull())
      .addPrimaryKeyConstraint("gateway_settings_key", ["kind", "name"])
      .modifyEnd(tableEnding)
      .execute();
    await schema
      .createTable("gateway_revisions")
      .addColumn("kind", text, (column) => column.notNull())
      .addColumn("name", text, (column) => column.notNull())
      .addColumn("revision", integer, (column) => column.notNull())
      .addColumn("settings_json", json)
      .addColumn("reason", text, (column) => column.notNull())
      .addColumn("changed_at", integer, (column) => column.notNull())
      .addColumn("changed_by", text, (column) => column.notNull())
      .addPrimaryKeyConstraint("gateway_revisions_key", ["kind", "name", "revision"])
      .modifyEnd(tableEnding)
      .execute();
  },
};
