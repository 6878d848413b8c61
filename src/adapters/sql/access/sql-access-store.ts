import type { AccessStore } from "../../../access/access-store.ts";
import type { IdGenerator } from "../../../core/ids.ts";
import type { SqlDatabase } from "../sql-database.ts";
import { SqlKeyStore } from "./sql-key-store.ts";
import { SqlSessionStore } from "./sql-session-store.ts";
import { SqlTeamStore } from "./sql-team-store.ts";
import { SqlUserStore } from "./sql-user-store.ts";

/** Keys, teams, users and sessions in SQL. `ids` names the events that are written along. */
export class SqlAccessStore implements AccessStore {
  readonly keys;
  readonly teams;
  readonly users;
  readonly sessions;

  constructor(database: SqlDatabase, ids: IdGenerator) {
    this.keys = new SqlKeyStore(database, ids);
    this.teams = new SqlTeamStore(database, ids);
    this.users = new SqlUserStore(database, ids);
    this.sessions = new SqlSessionStore(database);
  }
}
