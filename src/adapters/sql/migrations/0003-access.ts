import type { Migration } from "./migration.ts";

/** Teams, users, keys, sessions, the set-up token, the audit log, and who owns a model. */
export const access: Migration = {
  number: 3,
  name: "access",
  async up(database, { columnTypes: { text, integer, bytes, json }, tableEnding, appendOnly }) {
    const { schema } = database;
    await schema
      .createTable("sequences")
      .addColumn("name", text, (column) => column.primaryKey().notNull())
      .addColumn("value", integer, (column) => column.notNull())
      .modifyEnd(tableEnding)
      .execute();
    await database.insertInto("sequences").values([{ name: "outbox", value: 0 }]).execute();
    await schema
      .createTable("teams")
      .addColumn("name", text, (column) => column.primaryKey().notNull())
      .addColumn("description", text, (column) => column.notNull())
      .addColumn("created_at", integer, (column) => column.notNull())
      .modifyEnd(tableEnding)
      .execute();
    await database.insertInto("teams").values({ name: "default", description: "Everything that names no other team.", created_at: 0 }).execute();
    await schema
      .createTable("users")
      .addColumn("id", text, (column) => column.primaryKey().notNull())
      .addColumn("issuer", text, (column) => column.notNull())
      .addColumn("subject", text, (column) => column.notNull())
      .addColumn("name", text, (column) => column.notNull())
      .addColumn("email", text, (column) => column.notNull())
      .addColumn("grants_json", json, (column) => column.notNull())
      .addColumn("created_at", integer, (column) => column.notNull())
      .addColumn("signed_in_at", integer, (column) => column.notNull())
      .addColumn("disabled_at", integer)
      .addUniqueConstraint("users_subject", ["issuer", "subject"])
      .modifyEnd(tableEnding)
      .execute();
    await schema
      .createTable("api_keys")
      .addColumn("id", text, (column) => column.primaryKey().notNull())
      .addColumn("name", text, (column) => column.notNull())
      .addColumn("hash", bytes, (column) => column.notNull())
      .addColumn("hint", text, (column) => column.notNull())
      .addColumn("grants_json", json, (column) => column.notNull())
      .addColumn("team", text, (column) => column.notNull())
      .addColumn("created_by", text, (column) => column.notNull())
      .addColumn("created_at", integer, (column) => column.notNull())
      .addColumn("expires_at", integer)
      .addColumn("revoked_at", integer)
      .addColumn("last_used_at", integer)
      .addUniqueConstraint("api_keys_hash", ["hash"])
      .modifyEnd(tableEnding)
      .execute();
    await schema
      .createTable("sessions")
      .addColumn("hash", bytes, (column) => column.primaryKey().notNull())
      .addColumn("actor", text, (column) => column.notNull())
      .addColumn("created_at", integer, (column) => column.notNull())
      .addColumn("expires_at", integer, (column) => column.notNull())
      .modifyEnd(tableEnding)
      .execute();
    await schema.createIndex("sessions_actor").on("sessions").column("actor").execute();
    await schema
      .createTable("setup_tokens")
      .addColumn("hash", bytes, (column) => column.primaryKey().notNull())
      .addColumn("created_at", integer, (column) => column.notNull())
      .addColumn("expires_at", integer, (column) => column.notNull())
      .modifyEnd(tableEnding)
      .execute();
    await schema
      .createTable("audit_entries")
      .addColumn("sequence", integer, (column) => column.primaryKey().notNull())
      .addColumn("time", integer, (column) => column.notNull())
      .addColumn("actor", text, (column) => column.notNull())
      .addColumn("action", text, (column) => column.notNull())
      .addColumn("object", text, (column) => column.notNull())
      .addColumn("result", text, (column) => column.notNull())
      .addColumn("request_id", text, (column) => column.notNull())
      .addColumn("detail_json", json, (column) => column.notNull())
      .addColumn("previous_hash", text, (column) => column.notNull())
      .addColumn("hash", text, (column) => column.notNull())
      .modifyEnd(tableEnding)
      .execute();
    await schema.createIndex("audit_entries_time").on("audit_entries").columns(["time", "sequence"]).execute();
    // Its one row is the end of the chain; who appends holds it until the commit, so the chain never forks.
    await schema
      .createTable("audit_head")
      .addColumn("id", integer, (column) => column.primaryKey().notNull())
      .addColumn("sequence", integer, (column) => column.notNull())
      .addColumn("hash", text, (column) => column.notNull())
      .modifyEnd(tableEnding)
      .execute();
    await database.insertInto("audit_head").values({ id: 1, sequence: 0, hash: "" }).execute();
    for (const statement of appendOnly("audit_entries")) await statement.execute(database);
    await schema.alterTable("models").addColumn("team", text, (column) => column.notNull().defaultTo("default")).execute();
    await schema.alterTable("models").addColumn("owner", text, (column) => column.notNull().defaultTo("local")).execute();
  },
};
