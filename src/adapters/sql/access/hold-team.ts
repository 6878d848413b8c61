import type { Kysely } from "kysely";
import { AppError } from "../../../core/errors.ts";
import type { DatabaseSchema } from "../database-schema.ts";
import type { SqlDatabase } from "../sql-database.ts";

/**
 * Keeps a team from being removed until the transaction ends, on every dialect: a row that is written waits for its writer.
 * Throws TEAM_NOT_FOUND.
 */
export async function holdTeam(transaction: Kysely<DatabaseSchema>, name: string): Promise<void> {
  const held = await transaction
    .updateTable("teams").set(({ ref }) => ({ description: ref("description") })).where("name", "=", name).returning("name").executeTakeFirst();
  if (held === undefined) throw teamNotFound(name);
}

export async function hasTeam({ queries }: Pick<SqlDatabase, "queries">, name: string): Promise<boolean> {
  return (await queries.selectFrom("teams").select("name").where("name", "=", name).executeTakeFirst()) !== undefined;
}

export function teamNotFound(name: string): AppError {
  return new AppError("TEAM_NOT_FOUND", `There is no team named ${JSON.stringify(name.slice(0, 140))}.`);
}
