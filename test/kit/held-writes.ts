import { setTimeout as pause } from "node:timers/promises";
import type { PostgresCluster } from "./postgres-cluster.ts";

/** Writes of one kind that Postgres holds for as long as a test wants, so that a server can be killed in the middle of what it does. */
export class HeldWrites {
  readonly #cluster: PostgresCluster;
  readonly #table: string;

  private constructor(cluster: PostgresCluster, table: string) {
    this.#cluster = cluster;
    this.#table = table;
  }

  /** From now on; `when`: of the row as it is to be, `NEW`. */
  static async hold(cluster: PostgresCluster, { change, table, when }: { change: "INSERT" | "UPDATE"; table: string; when: string }): Promise<HeldWrites> {
    await cluster.query("CREATE OR REPLACE FUNCTION held() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(3600); RETURN NEW; END'");
    await cluster.query(`CREATE TRIGGER held BEFORE ${change} ON ${table} FOR EACH ROW WHEN (${when}) EXECUTE FUNCTION held()`);
    return new HeldWrites(cluster, table);
  }

  /** Answers when one is held. */
  async isThere(): Promise<void> {
    while ((await this.#asleep()).length === 0) await pause(20);
  }

  /** None is held any more; those that were fail. May be done again. */
  async release(): Promise<void> {
    let isDropped = false;
    // Who sleeps has the table, and others may begin to until the trigger is gone.
    const dropped = this.#cluster.query(`DROP TRIGGER IF EXISTS held ON ${this.#table}`).finally(() => (isDropped = true));
    while (!isDropped) {
      for (const pid of await this.#asleep()) await this.#cluster.query(`SELECT pg_terminate_backend(${pid})`);
      await pause(20);
    }
    await dropped;
  }

  async #asleep(): Promise<number[]> {
    return (await this.#cluster.query<{ pid: number }>("SELECT pid FROM pg_stat_activity WHERE wait_event = 'PgSleep'")).map(({ pid }) => pid);
  }
}
