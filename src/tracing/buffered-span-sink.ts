import type { EpochMs } from "../core/clock.ts";
import { toAppError } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import { mostWaitingCharacters } from "./bounded-span.ts";
import type { EndedTrace, SpanSink } from "./span-sink.ts";
import type { Span } from "./span.ts";
import type { PackedSpans } from "./stored-span.ts";
import type { TailSampling } from "./tail-sampling.ts";
import type { TraceService } from "./trace-service.ts";

export interface SpanSinkParts {
  traces: Pick<TraceService, "pack" | "write">;
  sampling: Pick<TailSampling, "passesOver">;
  now(): EpochMs;
  logger: Logger;
  /** Rings once, later; answers how to call it off. */
  alarm(milliseconds: number, ring: () => void): () => void;
  /** Calls of `emit` that wait, at most; what is more is passed over. */
  maxWaiting?: number;
  /** Of what is packed and waits, about. */
  maxWaitingCharacters?: number;
}

interface Emitted {
  team: string;
  spans: Span | (() => readonly Span[]);
  caller: string | undefined;
}

/** Spans wait for each other so long: many in one commit cost a fraction of what they would one by one. */
const gatherMs = 100;
/** So many calls are not kept waiting. */
const mostGathered = 512;
/** So many calls are written or given up together; the store writes what it has of them in one commit. */
const part = 64;

/**
 * Spans of this server, written in the background: those of a tenth of a second together, and all that came while a write was under way in the next one. They are made and packed when the call that emits them is over: a function
 * holds on to all that its call had, such as the texts that it was asked with, and what waits is copied by the collector.
 */
export class BufferedSpanSink implements SpanSink {
  readonly #parts: SpanSinkParts;
  readonly #maxWaiting: number;
  readonly #maxCharacters: number;
  #unpacked: Emitted[] = [];
  #packed: PackedSpans[] = [];
  #characters = 0;
  #flushing: Promise<void> | undefined;
  #cancelAlarm: (() => void) | undefined;
  #lost = 0;
  /** Calls of `emit` that are over: written, or given up. */
  #done = 0;
  #writing = 0;

  constructor(parts: SpanSinkParts) {
    this.#parts = parts;
    this.#maxWaiting = parts.maxWaiting ?? 20_000;
    this.#maxCharacters = parts.maxWaitingCharacters ?? mostWaitingCharacters;
  }

  /** Calls of `emit` that were passed over for want of room, or could not be written. */
  get lost(): number {
    return this.#lost;
  }

  passesOver(trace: EndedTrace, spans: number): boolean {
    return this.#parts.sampling.passesOver(trace, spans);
  }

  emit(team: string, spans: Parameters<SpanSink["emit"]>[1], caller?: string): void {
    if (this.#waiting >= this.#maxWaiting) {
      this.#lost++;
      return;
    }
    if (this.#unpacked.push({ team, spans, caller }) === 1) setImmediate(() => this.#pack());
    if (this.#flushing === undefined) this.#soon();
  }

  /** Everything that was emitted before is written, or given up, when it answers; what comes meanwhile is not waited for. */
  async settled(): Promise<void> {
    const emitted = this.#done + this.#writing + this.#waiting;
    while (this.#done < emitted) await this.#begin();
  }

  get #waiting(): number {
    return this.#unpacked.length + this.#packed.length;
  }

  #pack(): void {
    for (const { team, spans, caller } of this.#unpacked.splice(0)) {
      try {
        const packed = this.#parts.traces.pack(team, typeof spans === "function" ? spans() : [spans], caller);
        const characters = packed.reduce((sum, text) => sum + text.length, 0);
        if (this.#packed.length > 0 && this.#characters + characters > this.#maxCharacters) {
          this.#done++;
          this.#lost++;
        } else {
          this.#packed.push(packed);
          this.#characters += characters;
        }
      } catch (error) {
        this.#done++;
        this.#giveUp(1, error);
      }
    }
  }

  #soon(): void {
    if (this.#waiting >= mostGathered) void this.#begin();
    else this.#cancelAlarm ??= this.#parts.alarm(gatherMs, () => void this.#begin());
  }

  /** Writes what waits now; or answers with the write that is under way. */
  #begin(): Promise<void> {
    this.#cancelAlarm?.();
    this.#cancelAlarm = undefined;
    return (this.#flushing ??= this.#flush().finally(() => {
      this.#flushing = undefined;
      if (this.#waiting > 0) this.#soon();
    }));
  }

  async #flush(): Promise<void> {
    this.#pack();
    const taken = this.#packed;
    this.#packed = [];
    this.#characters = 0;
    this.#writing = taken.length;
    const now = this.#parts.now();
    const parts = Array.from({ length: Math.ceil(taken.length / part) }, (_, index) => taken.slice(index * part, (index + 1) * part));
    await Promise.all(parts.map((packed) => this.#write(packed.flat(), now).catch((error: unknown) => this.#giveUp(packed.length, error))));
    this.#done += taken.length;
    this.#writing = 0;
  }

  /** Once more where the database was away, which a thread or a connection that died is back from at once. What was written already is the same after it. */
  async #write(spans: PackedSpans, now: EpochMs): Promise<void> {
    try {
      await this.#parts.traces.write(spans, now);
    } catch (error) {
      if (toAppError(error).code !== "DATABASE_UNAVAILABLE") throw error;
      await this.#parts.traces.write(spans, now);
    }
  }

  #giveUp(calls: number, error: unknown): void {
    this.#lost += calls;
    const { code, message, cause } = toAppError(error);
    this.#parts.logger.warn("traces.not_written", { spans: calls, code, reason: message, cause });
  }
}
