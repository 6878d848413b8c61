import type { EpochMs } from "../core/clock.ts";
import { toAppError } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import type { EndedTrace, SpanSink } from "./span-sink.ts";
import type { Span } from "./span.ts";
import type { TailSampling } from "./tail-sampling.ts";

export interface SpanSinkParts {
  ingest(of: { team: string }, spans: readonly Span[], now: EpochMs): Promise<void>;
  sampling: Pick<TailSampling, "passesOver">;
  now(): EpochMs;
  logger: Logger;
  /** Rings once, later; answers how to call it off. */
  alarm(milliseconds: number, ring: () => void): () => void;
  /** Calls of `emit` that wait, at most; what is more is passed over. */
  maxWaiting?: number;
}

interface Emitted {
  team: string;
  spans: Span | readonly Span[] | (() => readonly Span[]);
}

/** Spans wait for each other so long: many in one commit cost a fraction of what they would one by one. */
const gatherMs = 100;
/** So many calls are not kept waiting. */
const mostGathered = 512;
/** To put the spans of so many into rows holds the thread for some milliseconds; then others have their turn. The store writes what comes meanwhile together. */
const part = 128;

/** Spans of this server, written in the background: those of a tenth of a second together, and all that came while a write was under way in the next one. */
export class BufferedSpanSink implements SpanSink {
  readonly #parts: SpanSinkParts;
  readonly #maxWaiting: number;
  #waiting: Emitted[] = [];
  /** Of those, what is still a function. */
  #unmade: Emitted[] = [];
  #flushing: Promise<void> | undefined;
  #cancelAlarm: (() => void) | undefined;
  #lost = 0;
  /** Calls of `emit` that are over: written, or given up. */
  #done = 0;
  #writing = 0;

  constructor(parts: SpanSinkParts) {
    this.#parts = parts;
    this.#maxWaiting = parts.maxWaiting ?? 20_000;
  }

  /** Calls of `emit` that were passed over for want of room, or could not be written. */
  get lost(): number {
    return this.#lost;
  }

  passesOver(trace: EndedTrace, spans: number): boolean {
    return this.#parts.sampling.passesOver(trace, spans);
  }

  emit(team: string, spans: Parameters<SpanSink["emit"]>[1]): void {
    if (this.#waiting.length >= this.#maxWaiting) {
      this.#lost++;
      return;
    }
    const emitted: Emitted = { team, spans };
    this.#waiting.push(emitted);
    if (typeof spans === "function" && this.#unmade.push(emitted) === 1) setImmediate(() => this.#make());
    if (this.#flushing === undefined) this.#soon();
  }

  /** Everything that was emitted before is written, or given up, when it answers; what comes meanwhile is not waited for. */
  async settled(): Promise<void> {
    const emitted = this.#done + this.#writing + this.#waiting.length;
    while (this.#done < emitted) await this.#begin();
  }

  /**
   * A function holds on to all that its call had, such as the texts that it was asked with. Where spans were made of it at the write alone, the collector had copied those a time or two by then, and they had come among what is
   * old.
   */
  #make(): void {
    for (const emitted of this.#unmade.splice(0)) {
      try {
        spansOf(emitted);
      } catch {
        // Tried again when it is written, where its failure is told.
      }
    }
  }

  #soon(): void {
    if (this.#waiting.length >= mostGathered) void this.#begin();
    else this.#cancelAlarm ??= this.#parts.alarm(gatherMs, () => void this.#begin());
  }

  /** Writes what waits now; or answers with the write that is under way. */
  #begin(): Promise<void> {
    this.#cancelAlarm?.();
    this.#cancelAlarm = undefined;
    return (this.#flushing ??= this.#flush().finally(() => {
      this.#flushing = undefined;
      if (this.#waiting.length > 0) this.#soon();
    }));
  }

  async #flush(): Promise<void> {
    const taken = this.#waiting;
    this.#waiting = [];
    this.#writing = taken.length;
    const writes: Promise<void>[] = [];
    for (const [team, entries] of Map.groupBy(taken, (entry) => entry.team)) {
      for (let from = 0; from < entries.length; from += part) {
        if (writes.length > 0) await new Promise((resolve) => setImmediate(resolve));
        writes.push(this.#write(team, entries.slice(from, from + part)));
      }
    }
    await Promise.all(writes);
    this.#done += taken.length;
    this.#writing = 0;
  }

  async #write(team: string, entries: readonly Emitted[]): Promise<void> {
    try {
      await this.#parts.ingest({ team }, entries.flatMap(spansOf), this.#parts.now());
    } catch (error) {
      this.#lost += entries.length;
      const { code, message, cause } = toAppError(error);
      this.#parts.logger.warn("traces.not_written", { spans: entries.length, code, reason: message, cause });
    }
  }
}

/** Makes them where they are not made yet. */
function spansOf(emitted: Emitted): Span | readonly Span[] {
  const spans = typeof emitted.spans === "function" ? emitted.spans() : emitted.spans;
  emitted.spans = spans;
  return spans;
}
