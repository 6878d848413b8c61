import type { Duplex } from "node:stream";
import { Client, type ClientConfig } from "pg";
import type { Clock } from "../../../../core/clock.ts";
import { counted } from "../../../../core/counted.ts";
import { SqlError } from "../../sql-error.ts";
import { postgresConnectError } from "./postgres-error.ts";
import { postgresTypes } from "./postgres-types.ts";
import type { PostgresAddress } from "./postgres-url.ts";

export interface PostgresLimits {
  /** The server ends a statement that takes longer. */
  readonly statementTimeoutMs: number;
  /** The connection is given up when the server says nothing for so long; above the former. */
  readonly answerTimeoutMs: number;
  /** How long a request waits for a connection. */
  readonly waitTimeoutMs: number;
  /** Requests that may wait for a connection; one more is refused. */
  readonly maxWaiting: number;
}

export interface PooledClient {
  readonly client: Client;
  readonly openedAt: number;
  readonly generation: number;
}

interface Waiter {
  /** False when it has given up: then it takes nothing. */
  take(pooled: PooledClient): boolean;
  fail(error: SqlError): void;
}

/** A connection ends after this long, so that changed addresses, certificates and settings come into force. */
const maximumAgeMs = 30 * 60_000;
const goodbyeMs = 1000;

/**
 * What the stores rely on, whatever the server's defaults: an acknowledged commit is on disk, bytes come as hexadecimal.
 * The answer says whether the server takes writes.
 */
const sessionSetup = (statementTimeoutMs: number): string => `
  set statement_timeout = ${Math.round(statementTimeoutMs)}; set bytea_output = 'hex'; set client_encoding = 'utf8'; set extra_float_digits = 1; set standard_conforming_strings = on; set jit = off;
  set default_transaction_isolation = 'read committed'; set lock_timeout = '10s'; set idle_in_transaction_session_timeout = '60s';
  select set_config('synchronous_commit', 'on', false) where current_setting('synchronous_commit') = 'off';
  select pg_is_in_recovery() or current_setting('default_transaction_read_only')::bool as standby, current_setting('server_encoding') as encoding`;

/** Connections to one database. It opens them when needed, lends each to one at a time, and lets only so many wait. */
export class PostgresPool {
  readonly #address: PostgresAddress;
  readonly #limits: PostgresLimits;
  readonly #size: number;
  readonly #clock: Clock;
  readonly #idle: PooledClient[] = [];
  readonly #waiters: Waiter[] = [];
  readonly #ends = new Set<Promise<unknown>>();
  #open = 0;
  #generation = 0;
  /** Index of the host that is tried first. */
  #host = 0;

  constructor(parts: { address: PostgresAddress; limits: PostgresLimits; size: number; clock: Clock }) {
    this.#address = parts.address;
    this.#limits = parts.limits;
    this.#size = parts.size;
    this.#clock = parts.clock;
  }

  /** Throws `unavailable` when no host takes a connection, `overloaded` when too many wait or it takes too long. */
  async acquire(): Promise<PooledClient> {
    const idle = this.#idle.pop();
    if (idle !== undefined) return idle;
    if (this.#open < this.#size) return this.#connectOne();
    if (this.#waiters.length >= this.#limits.maxWaiting) {
      throw new SqlError("overloaded", `Postgres: ${counted(this.#waiters.length, "request waits", "requests wait")} for a connection already.`);
    }
    return new Promise((resolve, reject) => {
      let waits = true;
      const leave = (): boolean => {
        clearTimeout(timer);
        const index = this.#waiters.indexOf(waiter);
        if (index >= 0) this.#waiters.splice(index, 1);
        const waited = waits;
        waits = false;
        return waited;
      };
      const waiter: Waiter = {
        take: (pooled) => {
          const waited = leave();
          if (waited) resolve(pooled);
          return waited;
        },
        fail: (error) => {
          leave();
          reject(error);
        },
      };
      const timer = setTimeout(() => waiter.fail(new SqlError("overloaded", "Postgres: no connection became free in time.")), this.#limits.waitTimeoutMs);
      this.#waiters.push(waiter);
    });
  }

  release(pooled: PooledClient, { broken }: { broken: boolean }): void {
    const isOld = pooled.generation !== this.#generation || this.#clock.monotonic() - pooled.openedAt > maximumAgeMs;
    if (broken || isOld) {
      this.#end(pooled, { broken });
      this.#open--;
      this.#connectForWaiter();
      return;
    }
    const waiter = this.#waiters[0];
    if (waiter === undefined) this.#idle.push(pooled);
    else waiter.take(pooled);
  }

  /** After one connection was lost the others are likely to be: none of them is lent again, but those in use may finish. */
  discard(): void {
    this.#generation++;
    for (const pooled of this.#idle.splice(0)) {
      this.#end(pooled, { broken: true });
      this.#open--;
    }
    while (this.#waiters.length > 0 && this.#open < this.#size && this.#connectForWaiter());
  }

  /** Ends the connections that nobody has; whoever still has one ends it by releasing it. */
  async close(): Promise<void> {
    for (const pooled of this.#idle.splice(0)) this.#end(pooled, { broken: false });
    this.#generation++;
    await Promise.all(this.#ends);
  }

  #connectForWaiter(): boolean {
    const waiter = this.#waiters.shift();
    if (waiter === undefined) return false;
    this.#connectOne().then((pooled) => {
      if (!waiter.take(pooled)) this.release(pooled, { broken: false });
    }, waiter.fail);
    return true;
  }

  /** Tries every host once. */
  async #connectOne(): Promise<PooledClient> {
    this.#open++;
    let failure: SqlError | undefined;
    for (let count = 0; count < this.#address.hosts.length; count++) {
      const generation = this.#generation;
      const host = this.#host;
      try {
        const client = await this.#connect(host);
        const pooled = { client, openedAt: this.#clock.monotonic(), generation };
        for (const event of ["error", "end"]) client.once(event, () => this.#forget(pooled));
        return pooled;
      } catch (error) {
        failure = postgresConnectError(error);
        // Others may have moved on already.
        if (this.#host === host) this.#host = (host + 1) % this.#address.hosts.length;
      }
    }
    this.#open--;
    // Who waited for this connection gets an attempt of its own.
    this.#connectForWaiter();
    throw failure!;
  }

  async #connect(index: number): Promise<Client> {
    const { hosts, user, password, database, tls, applicationName, options, connectTimeoutMs } = this.#address;
    const { statementTimeoutMs, answerTimeoutMs } = this.#limits;
    const configuration: ClientConfig = {
      ...hosts[index]!, ssl: tls, application_name: applicationName, types: postgresTypes, pipeline: true,
      keepAlive: true, keepAliveInitialDelayMillis: 10_000, connectionTimeoutMillis: connectTimeoutMs,
      query_timeout: answerTimeoutMs,
      ...(user === undefined ? {} : { user }), ...(password === undefined ? {} : { password }),
      ...(database === undefined ? {} : { database }), ...(options === undefined ? {} : { options }),
    };
    const client = new Client(configuration);
    // A lost connection is told by the query under way; without one nobody else needs to know.
    client.on("error", () => undefined);
    try {
      await client.connect();
      const setup = { text: sessionSetup(statementTimeoutMs), query_timeout: connectTimeoutMs };
      const results = (await client.query(setup)) as unknown as { rows: { standby: number; encoding: string }[] }[];
      const { standby, encoding } = results.at(-1)!.rows[0]!;
      if (standby === 1) throw new SqlError("unavailable", "Postgres: the server is a standby, which takes no writes.", { mayRepeat: true });
      if (encoding !== "UTF8") throw new SqlError("unavailable", `Postgres: the database has the encoding ${encoding}; Slipway needs UTF8.`);
      return client;
    } catch (error) {
      this.#end({ client }, { broken: true });
      throw error;
    }
  }

  /** The server has closed a connection that nobody used. */
  #forget(pooled: PooledClient): void {
    const index = this.#idle.indexOf(pooled);
    if (index < 0) return;
    this.#idle.splice(index, 1);
    this.#open--;
  }

  /** A broken connection is cut: the other side may never answer a goodbye. */
  #end({ client }: Pick<PooledClient, "client">, { broken }: { broken: boolean }): void {
    const { stream } = (client as unknown as { connection: { stream: Duplex } }).connection;
    if (broken) stream.destroy();
    const cut = setTimeout(() => stream.destroy(), goodbyeMs);
    const end = client.end().catch(() => undefined).finally(() => {
      clearTimeout(cut);
      this.#ends.delete(end);
    });
    this.#ends.add(end);
  }
}
