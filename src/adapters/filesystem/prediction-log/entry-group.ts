import type { PredictionEntry } from "../../../serving/index.ts";
import { ByteWriter } from "./byte-buffer.ts";
import { encodeEntry } from "./entry-codec.ts";
import { frameHeaderBytes, writeFrame } from "./segment-file.ts";

const startingCapacity = 64 * 1024;
/** A buffer that one burst made larger than this is given back. */
const keptCapacity = 4 * 1024 * 1024;

/** Predictions that will reach the disk in one write, and the promise that all who appended them wait on. */
export class EntryGroup {
  #writer = new ByteWriter(startingCapacity);
  readonly entries: PredictionEntry[] = [];
  /** Where each entry's frame begins, then where the last one ends. */
  readonly #positions: number[] = [];
  #written = Promise.withResolvers<void>();

  get bytes(): number {
    return this.#writer.length;
  }

  get written(): Promise<void> {
    return this.#written.promise;
  }

  /** Encodes at once, so that the caller may change its arrays afterwards. */
  add(entry: PredictionEntry): void {
    const start = this.#writer.length;
    writeFrame(this.#writer, () => encodeEntry(this.#writer, entry));
    this.#positions.push(start);
    this.entries.push(entry);
    // A caller who does not wait must not bring down the process when the disk fails.
    if (this.entries.length === 1) this.#written.promise.catch(() => undefined);
  }

  content(): Buffer {
    return this.#writer.slice();
  }

  payload(index: number): Buffer {
    return this.#writer.slice(this.#positions[index]! + frameHeaderBytes, this.#positions[index + 1] ?? this.#writer.length);
  }

  /** Settles the promise and makes the group ready for the next predictions. */
  settle(error?: unknown): void {
    const { resolve, reject } = this.#written;
    if (this.#writer.capacity > keptCapacity) this.#writer = new ByteWriter(startingCapacity);
    this.#writer.length = 0;
    this.entries.length = 0;
    this.#positions.length = 0;
    this.#written = Promise.withResolvers<void>();
    if (error === undefined) resolve();
    else reject(error);
  }
}
