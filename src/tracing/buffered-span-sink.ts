import type { EpochMs } from "../core/clock.ts";
import { toAppError } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import type { SpanSink } from "./span-sink.ts";
import type { Span } from "./span.ts";

export interface SpanSinkParts {
  ingest(of: { team: string }, spans: readonly Span[], now: EpochMs): Promise<void>;
  now(): EpochMs;
  logger: Logger;
  /** Spans that wait, at most; what is more is passed over. */
  maxWaiting?: number;
}

/** Spans of this server, written in the background, all that came while a write was under way in the next one. */
export class BufferedSpanSink implements SpanSink {
  readonly #parts: SpanSinkParts;
  readonly #maxWaiting: number;
  #waiting: { team: string; span: Span }[] = [];
  #flushing: Promise<void> | undefined;
  #lost = 0;

  constructor(parts: SpanSinkParts) {
    this.#parts = parts;
    this.#maxWaiting = parts.maxWaiting ?? 20_000;
  }

  /** Spans that were passed over, or could not be written. */
  get lost(): number {
    return this.#lost;
  }

  emit(team: string, span: Span): void {
    if (this.#waiting.length >= this.#maxWaiting) {
      this.#lost++;
      return;
    }
    this.#waiting.push({ team, span });
    this.#flushing ??= new Promise((resolve) => setImmediate(resolve)).then(() => this.#flush());
  }

  /** Everything that was emitted before is written, or given up, when it answers. */
  async settled(): Promise<void> {
    while (this.#flushing !== undefined) await this.#flushing;
  }

  async #flush(): Promise<void> {
    while (this.#waiting.length > 0) {
      const teams = Map.groupBy(this.#waiting.splice(0), ({ team }) => team);
      for (const [team, entries] of teams) {
        try {
          await this.#parts.ingest({ team }, entries.map(({ span }) => span), this.#parts.now());
        } catch (error) {
          this.#lost += entries.length;
          const { code, message, cause } = toAppError(error);
          this.#parts.logger.warn("traces.not_written", { spans: entries.length, code, reason: message, cause });
        }
      }
    }
    this.#flushing = undefined;
  }
}
