import type { Clock } from "../../../../core/clock.ts";

/**
 * Whether the database has answered lately. What has been lost for longer than the grace is unreachable: requests are
 * refused at once instead of waiting one after the other, and a probe alone asks until there is an answer again.
 */
export class PostgresReachability {
  readonly #clock: Clock;
  readonly #graceMs: number;
  readonly #probe: () => Promise<void>;
  readonly #timer: NodeJS.Timeout;
  #lostAt: number | undefined;
  #probing: Promise<void> | undefined;

  /** `probe` asks the database something and rejects without an answer; it reports to `answered` and `lost` itself. */
  constructor(parts: { clock: Clock; graceMs: number; probeEveryMs: number; probe: () => Promise<void> }) {
    this.#clock = parts.clock;
    this.#graceMs = parts.graceMs;
    this.#probe = parts.probe;
    this.#timer = setInterval(() => this.#ask(), parts.probeEveryMs).unref();
  }

  get isReachable(): boolean {
    return this.#lostAt === undefined || this.#clock.monotonic() - this.#lostAt <= this.#graceMs;
  }

  answered(): void {
    this.#lostAt = undefined;
  }

  lost(): void {
    this.#lostAt ??= this.#clock.monotonic();
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#probing;
  }

  #ask(): void {
    this.#probing ??= this.#probe()
      .catch(() => undefined)
      .finally(() => {
        this.#probing = undefined;
      });
  }
}
