import type { Migration } from "./migration.ts";

/** The secret that a key had before its last rotation, until when it still works, and whose doing the two secrets are. Null in what a release before this one writes. */
export const keyRotation: Migration = {
  number: 24,
  name: "key-rotation",
  async up({ schema }, { columnTypes: { text, integer, bytes } }) {
    await schema.alterTable("api_keys").addColumn("former_hash", bytes).execute();
    await schema.alterTable("api_keys").addColumn("former_until", integer).execute();
    for (const name of ["rotated_by", "former_by"]) await schema.alterTable("api_keys").addColumn(name, text).execute();
    await schema.createIndex("api_keys_former").unique().on("api_keys").columns(["former_hash"]).execute();
  },
};
