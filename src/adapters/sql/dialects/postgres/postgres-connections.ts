import { setTimeout as wait } from "node:timers/promises";
import type { Client } from "pg";
import type { Clock } from "../../../../core/clock.ts";
import { SqlError } from "../../sql-error.ts";
import { endsConnection, postgresError } from "./postgres-error.ts";
import { PostgresPool, type PooledClient, type PostgresLimits } from "./postgres-pool.ts";
import { PostgresReachability } from "./postgres-reachability.ts";
import type { PostgresAddress } from "./postgres-url.ts";

export type Lane = "read" | "write";

export interface Lease {
  readonly client: Client;
  /** Gives the connection back; `failure` is what its last statement failed with. */
  release(failure?: SqlError): void;
}

/** Pauses before the second and later attempts, in milliseconds: about three seconds, as long as a restart takes. */
const pauses = [0, 50, 150, 400, 900, 1500];

/**
 * All connections of one server process. Reads outside of transactions have connections of their own: a transaction that
 * awaits such a read never waits for a connection that another such transaction holds.
 */
export class PostgresConnections {
  readonly #lanes: Record<Lane, PostgresPool>;
  readonly #reachability: PostgresReachability;
  readonly #clock: Clock;
  readonly #patienceMs: number;
  #leases = 0;
  #drained: (() => void) | undefined;
  #closing = false;

  constructor(parts: {
    address: PostgresAddress; limits: PostgresLimits; clock: Clock; connections: number;
    graceMs: number; probeEveryMs: number; patienceMs: number;
  }) {
    const { address, limits, clock, connections, graceMs, probeEveryMs } = parts;
    const reads = Math.max(1, Math.floor(connections / 3));
    this.#lanes = {
      read: new PostgresPool({ address, limits, clock, size: reads }),
      write: new PostgresPool({ address, limits, clock, size: Math.max(1, connections - reads) }),
    };
    this.#clock = clock;
    this.#patienceMs = parts.patienceMs;
    this.#reachability = new PostgresReachability({ clock, graceMs, probeEveryMs, probe: () => this.#probe() });
  }

  get isReachable(): boolean {
    return this.#reachability.isReachable;
  }

  /** Throws `closed`, `unavailable`, `overloaded`. */
  async lease(lane: Lane): Promise<Lease> {
    if (this.#closing) throw new SqlError("closed", "The database is closed.");
    if (!this.isReachable) throw new SqlError("unavailable", "Postgres has been unreachable for seconds; only a probe tries it now.");
    return this.#lease(lane);
  }

  /** Runs one thing on a connection of its own. */
  async run<Result>(lane: Lane, work: (client: Client) => Promise<Result>, statement?: string): Promise<Result> {
    const lease = await this.lease(lane);
    try {
      const result = await work(lease.client);
      lease.release();
      return result;
    } catch (thrown) {
      const error = postgresError(thrown, statement);
      lease.release(error);
      throw error;
    }
  }

  /**
   * Does it again as long as the failure says that nothing was done and another attempt may succeed; what is
   * `idempotent` also after a lost connection, when nobody knows what was done.
   */
  async repeat<Result>(work: () => Promise<Result>, { idempotent }: { idempotent: boolean }): Promise<Result> {
    const started = this.#clock.monotonic();
    for (let attempt = 0; ; attempt++) {
      try {
        return await work();
      } catch (error) {
        const again = error instanceof SqlError && (error.mayRepeat || (idempotent && error.reason === "connection_lost"));
        const pause = pauses[attempt];
        if (!again || pause === undefined || this.#closing || this.#clock.monotonic() - started > this.#patienceMs) throw error;
        await wait(pause);
      }
    }
  }

  /** Waits for what has a connection. */
  async close(): Promise<void> {
    this.#closing = true;
    await this.#reachability.stop();
    if (this.#leases > 0) await new Promise<void>((resolve) => { this.#drained = resolve; });
    await Promise.all([this.#lanes.read.close(), this.#lanes.write.close()]);
  }

  async #lease(lane: Lane): Promise<Lease> {
    this.#leases++;
    let pooled: PooledClient;
    try {
      pooled = await this.#lanes[lane].acquire();
    } catch (error) {
      if (error instanceof SqlError && (error.reason === "unavailable" || error.reason === "refused")) this.#reachability.lost();
      this.#leave();
      throw error;
    }
    return {
      client: pooled.client,
      release: (failure) => {
        const broken = failure !== undefined && endsConnection(failure);
        this.#lanes[lane].release(pooled, { broken });
        if (!broken) this.#reachability.answered();
        else if (failure.reason === "connection_lost" || failure.reason === "unavailable") this.#afterLoss();
        this.#leave();
      },
    };
  }

  #afterLoss(): void {
    this.#reachability.lost();
    for (const pool of Object.values(this.#lanes)) pool.discard();
  }

  #leave(): void {
    this.#leases--;
    if (this.#leases === 0) this.#drained?.();
  }

  /** Past the gate of `lease`: it is what opens the gate again. */
  async #probe(): Promise<void> {
    const lease = await this.#lease("read");
    try {
      await lease.client.query("select 1");
      lease.release();
    } catch (thrown) {
      lease.release(postgresError(thrown));
    }
  }
}
