import { join } from "node:path";
import type { Signature } from "../../../registry/index.ts";
import { publishDurably, syncFile } from "../durable-file.ts";
import type { FileSystem } from "../file-system.ts";
import type { ParquetFolders } from "./parquet-folders.ts";
import { parquetDirectory, parquetFile, type ParquetFile } from "./parquet-index.ts";
import type { Segment } from "./segment.ts";

const retryDelaysMs = [1_000, 10_000];
const leftoverDelayMs = 10_000;

export interface SegmentConverterOptions extends ParquetFolders {
  signatureOf(model: string, version: string): Promise<Signature | null> | Signature | null;
  /** The segment's predictions are in Parquet now; it is about to be removed. */
  onConverted(segment: Segment): void;
}

/**
 * Turns sealed segments into Parquet, one at a time, oldest first, exactly once: the files have names that follow from
 * the segment, are synced before they are renamed, and the segment goes only after that. Whatever the moment of a crash,
 * the next start either converts again over the same names or finds the segment gone.
 */
export class SegmentConverter {
  readonly #options: SegmentConverterOptions;
  readonly #queue: Segment[] = [];
  /** Converted, but the file could not be removed yet; with the monotonic time of the next try. */
  readonly #leftovers = new Map<Segment, number>();
  /** Removals beside the conversions; none rejects. */
  readonly #removing = new Set<Promise<void>>();
  /** Conversions run one after the other. */
  #last: Promise<unknown> = Promise.resolve();
  #busy = false;

  constructor(options: SegmentConverterOptions) {
    this.#options = options;
  }

  /** Of sealed segments that are not in Parquet, those under way and those set aside included. */
  get backlogBytes(): number {
    return this.#queue.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  add(segment: Segment): void {
    this.#queue.push(segment);
    this.#queue.sort((left, right) => (left.id < right.id ? -1 : 1));
  }

  /** Begins the conversions that are due, unless some are under way. */
  maintain(): void {
    if (this.#busy) return;
    const isDue = (segment: Segment): boolean => segment.retryAt <= this.#options.clock.monotonic();
    const leftoverDue = [...this.#leftovers.values()].some((retryAt) => retryAt <= this.#options.clock.monotonic());
    if (leftoverDue || this.#queue.some((segment) => !segment.setAside && isDue(segment))) void this.#run(isDue);
  }

  /** Tries everything once that was not set aside, while `goOn` says so, and waits for removals; answers the first failure. */
  async drain(goOn: () => boolean = () => true): Promise<unknown> {
    const tried = new Set<Segment>();
    const failure = await this.#run((segment) => goOn() && !tried.has(segment) && tried.add(segment).has(segment));
    await Promise.all(this.#removing);
    return failure;
  }

  /** Forgets a segment that retention made worthless, or that is empty. */
  remove(segment: Segment): Promise<void> {
    const index = this.#queue.indexOf(segment);
    if (index >= 0) this.#queue.splice(index, 1);
    const removed = this.#removeFile(segment).finally(() => this.#removing.delete(removed));
    this.#removing.add(removed);
    return removed;
  }

  #run(isDue: (segment: Segment) => boolean): Promise<unknown> {
    this.#busy = true;
    const work = this.#last.then(() => this.#convertAll(isDue));
    this.#last = work;
    return work.finally(() => (this.#busy = this.#last !== work));
  }

  /** Never rejects. */
  async #convertAll(isDue: (segment: Segment) => boolean): Promise<unknown> {
    let failure: unknown;
    for (const segment of this.#leftovers.keys()) await this.#removeFile(segment);
    for (;;) {
      const segment = this.#queue.find((candidate) => !candidate.setAside && isDue(candidate));
      if (segment === undefined) return failure;
      try {
        await this.#convert(segment);
        this.#queue.splice(this.#queue.indexOf(segment), 1);
      } catch (cause) {
        failure ??= cause;
        this.#postpone(segment, cause);
      }
    }
  }

  async #convert(segment: Segment): Promise<void> {
    const { fileSystem, directories, archive, staging, parquetRoot, index, logger } = this.#options;
    const started = this.#options.clock.monotonic();
    await directories.ensure(staging);
    const staged = await archive.convert({ segmentPath: segment.path, bytes: segment.bytes, staging, signatures: await this.#signatures(segment) });
    const files: ParquetFile[] = [];
    try {
      for (const { path, ...facts } of staged) {
        const file = parquetFile(parquetRoot, { ...facts, source: segment.id });
        await syncFile(fileSystem, path);
        await directories.ensure(parquetDirectory(parquetRoot, file.model, file.version));
        await publishDurably(fileSystem, path, file.path);
        files.push(file);
      }
    } catch (error) {
      for (const { path } of staged) await fileSystem.remove(path).catch(() => undefined);
      throw error;
    }
    index.add(files);
    this.#options.onConverted(segment);
    logger.info("prediction-log.converted", {
      segment: segment.id,
      predictions: segment.entries,
      files: files.length,
      milliseconds: Math.round(this.#options.clock.monotonic() - started),
    });
    await this.#removeFile(segment);
  }

  async #signatures(segment: Segment): Promise<{ model: string; version: string; signature: Signature | null }[]> {
    const signatures: { model: string; version: string; signature: Signature | null }[] = [];
    for (const [model, { versions }] of segment.models) {
      for (const version of versions) signatures.push({ model, version, signature: await this.#options.signatureOf(model, version) });
    }
    return signatures;
  }

  #postpone(segment: Segment, cause: unknown): void {
    const delay = retryDelaysMs[segment.failures++];
    segment.setAside = delay === undefined;
    segment.retryAt = this.#options.clock.monotonic() + (delay ?? 0);
    if (segment.setAside) {
      this.#options.logger.error("prediction-log.set-aside", { segment: segment.id, predictions: segment.entries, attempts: segment.failures, cause });
    } else this.#options.logger.warn("prediction-log.conversion-failed", { segment: segment.id, attempt: segment.failures, retryInMs: delay, cause });
  }

  /** A file that stays is tried again later; at the next start it would be converted again, over the same names. */
  async #removeFile(segment: Segment): Promise<void> {
    try {
      await this.#options.fileSystem.remove(segment.path);
      await this.#options.fileSystem.syncDirectory(this.#options.segmentDirectory);
      this.#leftovers.delete(segment);
    } catch (cause) {
      this.#leftovers.set(segment, this.#options.clock.monotonic() + leftoverDelayMs);
      this.#options.logger.warn("prediction-log.remove-failed", { segment: segment.id, cause });
    }
  }
}

/** Removes what conversions that were killed left behind. */
export async function emptyStaging(fileSystem: FileSystem, staging: string): Promise<void> {
  for (const name of await fileSystem.list(staging)) await fileSystem.remove(join(staging, name));
}
