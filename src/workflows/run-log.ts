import type { EpochMs } from "../core/clock.ts";
import { counted } from "../core/counted.ts";
import type { LogLine } from "./schemas.ts";
import type { Timers } from "./timers.ts";

type Line = Omit<LogLine, "sequence">;

const flushAfterMs = 200;
const flushAtLines = 100;
const longestLine = 4000;
/** A step that writes faster than the store takes it loses lines, not the server its memory. */
const mostBuffered = 5000;

/** Lines and progress of one run on their way to the store: at most 200 ms or 100 lines behind, and all there after `flush`. */
export class RunLog {
  readonly #parts: {
    timers: Timers;
    append(lines: readonly Line[]): Promise<boolean>;
    writeProgress(share: number, note: string | null): Promise<void>;
    onFailure(error: unknown): void;
  };
  #lines: Line[] = [];
  #dropped = 0;
  #progress: { share: number; note: string | null } | undefined;
  #cancelTimer: (() => void) | undefined;
  #flushing: Promise<void> | undefined;
  #full = false;
  #closed = false;

  constructor(parts: {
    timers: Timers;
    /** Answers whether the log takes more. */
    append(lines: readonly Line[]): Promise<boolean>;
    writeProgress(share: number, note: string | null): Promise<void>;
    onFailure(error: unknown): void;
  }) {
    this.#parts = parts;
  }

  add(step: string, time: EpochMs, stream: LogLine["stream"], line: string): void {
    if (this.#full || this.#closed) return;
    if (this.#lines.length >= mostBuffered) {
      this.#dropped++;
      return;
    }
    // Text that a database could not store as it is.
    const text = line.slice(0, longestLine).replaceAll("\0", "\u2400").toWellFormed();
    this.#lines.push({ step, time, stream, line: text });
    this.#flushSoon();
  }

  progress(share: number, note: string | null): void {
    if (this.#closed || Number.isNaN(share)) return;
    this.#progress = { share: Math.min(1, Math.max(0, share)), note: note?.slice(0, 500) ?? null };
    this.#flushSoon();
  }

  /** Everything so far. Never throws: a log that cannot be written must not fail its run. */
  async flush(): Promise<void> {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    while (this.#flushing !== undefined || this.#lines.length > 0 || this.#progress !== undefined) {
      this.#flushing ??= this.#write();
      await this.#flushing;
    }
  }

  /** What is not written is lost, as are lines that come later. */
  close(): void {
    this.#closed = true;
    this.#cancelTimer?.();
    this.#lines = [];
    this.#progress = undefined;
  }

  #flushSoon(): void {
    if (this.#flushing !== undefined) return;
    if (this.#lines.length >= flushAtLines) this.#flushing = this.#write();
    else this.#cancelTimer ??= this.#parts.timers.after(flushAfterMs, () => void this.flush());
  }

  async #write(): Promise<void> {
    const lines = this.#lines.splice(0);
    const progress = this.#progress;
    this.#progress = undefined;
    if (this.#dropped > 0) {
      const { step, time } = lines.at(-1)!;
      lines.push({ step, time, stream: "slipway", line: `${counted(this.#dropped, "line came too fast and was", "lines came too fast and were")} left out.` });
      this.#dropped = 0;
    }
    try {
      if (lines.length > 0) this.#full = !(await this.#parts.append(lines));
      if (progress !== undefined) await this.#parts.writeProgress(progress.share, progress.note);
    } catch (error) {
      this.#parts.onFailure(error);
    } finally {
      this.#flushing = undefined;
      // What came meanwhile.
      if (!this.#closed && (this.#lines.length > 0 || this.#progress !== undefined)) this.#flushSoon();
    }
  }
}
