import type { Readable } from "node:stream";
import { counted } from "../../core/counted.ts";

const longestLine = 4000;
/** Bytes of a line that are kept until it ends: each character has at most four. */
const keptBytes = 4 * longestLine;
const tailLines = 20;
const tailCharacters = 500;

/** What reading costs the server, in bytes; a line costs as much as this many. */
const lineCost = 512;

/**
 * How fast all programs of a runner together may be read: when a slice of time is used up, their pipes are left alone
 * until the next one, and then they wait in `write`. A few percent of the server's thread.
 */
export class ReadingPace {
  readonly #costPerSlice: number;
  readonly #sliceMs: number;
  readonly #waiting = new Set<Readable>();
  #left: number;
  #timer: NodeJS.Timeout | undefined;

  constructor({ costPerSlice = 8 << 20, sliceMs = 50 } = {}) {
    this.#costPerSlice = costPerSlice;
    this.#sliceMs = sliceMs;
    this.#left = costPerSlice;
  }

  /** Pauses the stream when the slice is used up. */
  spend(stream: Readable, cost: number): void {
    this.#left -= cost;
    this.#timer ??= setTimeout(() => this.#refill(), this.#sliceMs).unref();
    if (this.#left > 0) return;
    stream.pause();
    this.#waiting.add(stream);
  }

  #refill(): void {
    this.#timer = undefined;
    this.#left = Math.min(this.#costPerSlice, this.#left + this.#costPerSlice);
    if (this.#left <= 0) {
      this.#timer = setTimeout(() => this.#refill(), this.#sliceMs).unref();
      return;
    }
    for (const stream of this.#waiting) stream.resume();
    this.#waiting.clear();
  }
}

/** How many lines of one program are taken: so many at once, and then so many in a second. */
export interface LineAllowance {
  atOnce: number;
  perSecond: number;
}

export const defaultLineAllowance: LineAllowance = { atOnce: 2000, perSecond: 500 };

/**
 * Cuts what a program writes to one of its outputs into lines of at most 4,000 characters. Holds a few kilobytes, however
 * long a line is and however fast they come; lines beyond the allowance are counted and left out, and a line says how many.
 */
export class OutputLines {
  readonly #take: (line: string) => void;
  readonly #pace: ReadingPace;
  readonly #allowance: LineAllowance;
  readonly #monotonic: () => number;
  #unfinished: Buffer[] = [];
  #unfinishedBytes = 0;
  /** The line under way is longer than what is kept of it. */
  #cut = false;
  #tokens: number;
  #countedAt: number;
  #leftOut = 0;
  #tail: string[] = [];

  constructor(parts: { take: (line: string) => void; pace: ReadingPace; allowance: LineAllowance; monotonic: () => number }) {
    this.#take = parts.take;
    this.#pace = parts.pace;
    this.#allowance = parts.allowance;
    this.#monotonic = parts.monotonic;
    this.#tokens = parts.allowance.atOnce;
    this.#countedAt = parts.monotonic();
  }

  listen(stream: Readable): void {
    stream.on("data", (chunk: Buffer) => this.#pace.spend(stream, chunk.length + lineCost * this.#read(chunk)));
    stream.on("error", () => {});
  }

  /** Hands over what stands behind the last line end, and how many lines were left out. */
  end(): void {
    if (this.#unfinishedBytes > 0 || this.#cut) this.#finishLine();
    this.#tellLeftOut();
  }

  /** The last lines, also of those that were left out; shortened. */
  tail(): string {
    return this.#tail.join("\n").slice(-tailCharacters).trim();
  }

  /** Answers with the number of lines that ended in the chunk. */
  #read(chunk: Buffer): number {
    let lines = 0;
    let start = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      this.#keep(chunk.subarray(start, end));
      this.#finishLine();
      start = end + 1;
      lines++;
    }
    this.#keep(chunk.subarray(start));
    return lines;
  }

  #keep(bytes: Buffer): void {
    if (bytes.length === 0) return;
    const room = keptBytes - this.#unfinishedBytes;
    if (bytes.length > room) this.#cut = true;
    const kept = bytes.subarray(0, room);
    if (kept.length === 0) return;
    // A copy: a slice would hold the whole chunk in memory.
    this.#unfinished.push(Buffer.from(kept));
    this.#unfinishedBytes += kept.length;
  }

  #finishLine(): void {
    const text = lineText(this.#unfinished.length === 1 ? this.#unfinished[0]! : Buffer.concat(this.#unfinished), this.#cut);
    this.#unfinished = [];
    this.#unfinishedBytes = 0;
    this.#cut = false;
    if (text === "") return;
    this.#tail.push(text.slice(-tailCharacters));
    if (this.#tail.length > tailLines) this.#tail.shift();
    if (!this.#mayTake()) {
      this.#leftOut++;
      return;
    }
    this.#tellLeftOut();
    this.#take(text);
  }

  #mayTake(): boolean {
    if (this.#tokens < 1) {
      const now = this.#monotonic();
      this.#tokens = Math.min(this.#allowance.atOnce, this.#tokens + ((now - this.#countedAt) * this.#allowance.perSecond) / 1000);
      this.#countedAt = now;
      if (this.#tokens < 1) return false;
    }
    this.#tokens--;
    return true;
  }

  #tellLeftOut(): void {
    if (this.#leftOut === 0) return;
    const count = this.#leftOut;
    this.#leftOut = 0;
    this.#take(`[${counted(count, "line was", "lines were")} left out: they came faster than the log takes them]`);
  }
}

/**
 * The text of a line: what is no UTF-8 becomes U+FFFD, and so does NUL, which databases refuse. Of a line that was
 * written over itself with carriage returns (a progress bar) the last state is kept.
 */
function lineText(bytes: Buffer, cut: boolean): string {
  const written = bytes.toString("utf8").replace(/\r+$/, "");
  const text = written.slice(written.lastIndexOf("\r") + 1).replaceAll("\0", "\uFFFD");
  if (!cut && text.length <= longestLine) return text.trimEnd();
  // Neither half of a pair of surrogates, nor of a character that the cut of the bytes went through.
  return `${text.slice(0, longestLine - 1).replace(/[\uD800-\uDBFF]$|\uFFFD{1,3}$/, "")}…`;
}
