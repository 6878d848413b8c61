import type { Clock } from "../../core/clock.ts";
import type { Logger } from "../../core/logger.ts";

export interface UpstreamHealthOptions {
  /** Null when the server can be asked for predictions, else why not, in words for people. Must end by itself. */
  check: () => Promise<string | null>;
  clock: Clock;
  logger: Logger;
  logFields: Readonly<Record<string, unknown>>;
  /** From one check that went well to the next. */
  everyMs?: number;
  /** After the first check that failed; each further one doubles it, to at most `everyMs` and a half. */
  firstRetryMs?: number;
}

/** One failed check may be a lost packet; the second one is a server that is away. */
const failuresUntilAway = 2;

/**
 * Follows whether a server is there: asks it from time to time, at once when a request could not reach it, and with growing pauses while it is away.
 * Nothing is believed before the first check.
 */
export class UpstreamHealth {
  readonly #options: Required<UpstreamHealthOptions>;
  #away: string | null = "it was not asked yet";
  #failures = 0;
  #timer: NodeJS.Timeout | undefined;
  #nextAt = 0;
  #checking = false;
  #first: Promise<void> | null = null;
  #stopped = false;

  constructor(options: UpstreamHealthOptions) {
    this.#options = { everyMs: 10_000, firstRetryMs: 250, ...options };
  }

  /** Why the server cannot be asked; null when it can. */
  get away(): string | null {
    return this.#away;
  }

  /** Seconds until it is asked again. */
  get retryAfterSeconds(): number {
    return Math.max(1, Math.ceil((this.#nextAt - this.#options.clock.monotonic()) / 1000));
  }

  /** Answers after the first check, however it went. */
  begin(): Promise<void> {
    this.#first ??= this.#check();
    return this.#first;
  }

  /** A request could not reach the server: whoever finds it so need not wait for the next check. */
  noteUnreached(): void {
    if (this.#away === null && !this.#checking && this.#failures === 0) this.#schedule(0);
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  async #check(): Promise<void> {
    this.#checking = true;
    const reason = await this.#options.check();
    this.#checking = false;
    if (this.#stopped) return;
    const { everyMs, firstRetryMs, clock } = this.#options;
    if (reason === null) {
      this.#failures = 0;
      this.#set(null);
      this.#schedule(everyMs);
      return;
    }
    this.#failures++;
    if (this.#failures >= failuresUntilAway || this.#away !== null) this.#set(reason);
    const pause = Math.min(everyMs * 1.5, firstRetryMs * 2 ** Math.min(20, this.#failures - 1));
    // Half of it and up to all: versions on many servers must not ask in one moment.
    const fraction = (clock.monotonic() * 1000) % 1;
    this.#schedule(pause * (0.5 + fraction / 2));
  }

  #set(away: string | null): void {
    const { logger, logFields } = this.#options;
    if (away !== null && (this.#away === null || this.#failures === 1)) logger.warn("upstream.away", { ...logFields, reason: away });
    if (away === null && this.#away !== null) logger.info("upstream.ready", logFields);
    this.#away = away;
  }

  #schedule(milliseconds: number): void {
    if (this.#stopped) return;
    clearTimeout(this.#timer);
    this.#nextAt = this.#options.clock.monotonic() + milliseconds;
    this.#timer = setTimeout(() => void this.#check(), milliseconds);
    this.#timer.unref();
  }
}
