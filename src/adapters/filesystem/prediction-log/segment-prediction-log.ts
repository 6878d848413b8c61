import { join } from "node:path";
import type { Clock } from "../../../core/clock.ts";
import { AppError } from "../../../core/errors.ts";
import { isId, timeOfId } from "../../../core/ids.ts";
import type { Logger } from "../../../core/logger.ts";
import { assertSafeName } from "../../../core/names.ts";
import type { Signature } from "../../../registry/index.ts";
import type { Prediction, PredictionEntry, PredictionFilter, PredictionLog } from "../../../serving/index.ts";
import { DurableDirectories } from "../durable-file.ts";
import type { FileSystem } from "../file-system.ts";
import { nodeFileSystem } from "../node-file-system.ts";
import { loggedPrediction } from "./logged-prediction.ts";
import { NewestFirst } from "./newest-first.ts";
import { ParquetCompaction } from "./parquet-compaction.ts";
import { lastIdOf, type ParquetFile, ParquetIndex } from "./parquet-index.ts";
import type { PredictionArchive } from "./prediction-archive.ts";
import { type PredictionPlaces, type PredictionRange, readPlaces } from "./prediction-places.ts";
import { RecentPredictions } from "./recent-predictions.ts";
import { SegmentConverter, emptyStaging } from "./segment-converter.ts";
import { leftSegments, recoverSegment } from "./segment-recovery.ts";
import { findInSegments, selectFromSegment } from "./segment-search.ts";
import type { Segment } from "./segment.ts";
import { SegmentWriter } from "./segment-writer.ts";

export interface PredictionLogOptions {
  /** The data directory: segments go to `prediction-segments`, Parquet to `predictions` in it. */
  directory: string;
  clock: Clock;
  logger: Logger;
  archive: PredictionArchive;
  /** Decides the columns of a version's Parquet files; null for a version that nobody knows any more. */
  signatureOf(model: string, version: string): Promise<Signature | null> | Signature | null;
  fileSystem?: FileSystem;
  /** Power loss takes at most the predictions of this time. */
  syncEveryMs?: number;
  segmentBytes?: number;
  segmentAgeMs?: number;
  /** `append` rejects with QUEUE_FULL while more bytes than this wait for the disk. */
  maxPendingBytes?: number;
  recentBytesPerModel?: number;
  /** How long `stop` waits for the conversion to Parquet; what is left is converted after the next start. */
  stopWithinMs?: number;
}

const defaults = {
  fileSystem: nodeFileSystem,
  syncEveryMs: 200,
  segmentBytes: 32 * 1024 * 1024,
  segmentAgeMs: 60_000,
  maxPendingBytes: 64 * 1024 * 1024,
  recentBytesPerModel: 128 * 1024,
  stopWithinMs: 5_000,
};

/** The prediction log as segments and Parquet files in a folder. One process at a time may have the folder open. */
export class SegmentPredictionLog implements PredictionLog {
  readonly #options: PredictionLogOptions & typeof defaults;
  readonly #parquetRoot: string;
  readonly #recent: RecentPredictions;
  readonly #index = new ParquetIndex();
  /** Every segment whose predictions are not in Parquet, oldest first. */
  readonly #segments = new Set<Segment>();
  readonly #writer: SegmentWriter;
  readonly #converter: SegmentConverter;
  readonly #compaction: ParquetCompaction;
  readonly #acceptedNames = new Set<string>();
  /** Per model, what retention has given up. */
  readonly #pruned = new Map<string, number>();
  #recovered: Promise<void> = Promise.resolve();
  #compacting: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  /** Answers before leftovers of an earlier process were read, so that appending can begin; searches wait for that. */
  static async open(options: PredictionLogOptions): Promise<SegmentPredictionLog> {
    const log = new SegmentPredictionLog({ ...defaults, ...options });
    await log.#start();
    return log;
  }

  private constructor(options: PredictionLogOptions & typeof defaults) {
    this.#options = options;
    const { fileSystem, clock, logger, archive, signatureOf } = options;
    const segmentDirectory = join(options.directory, "prediction-segments");
    this.#parquetRoot = join(options.directory, "predictions");
    this.#recent = new RecentPredictions(options.recentBytesPerModel);
    const directories = new DurableDirectories(fileSystem, options.directory);
    const parquet = {
      fileSystem, directories, clock, logger, archive,
      index: this.#index,
      parquetRoot: this.#parquetRoot,
      segmentDirectory,
      staging: join(segmentDirectory, "staging"),
    };
    this.#converter = new SegmentConverter({ ...parquet, signatureOf, onConverted: (segment) => this.#segments.delete(segment) });
    this.#compaction = new ParquetCompaction(parquet);
    this.#writer = new SegmentWriter({
      fileSystem, directories, clock, logger,
      directory: segmentDirectory,
      segmentBytes: options.segmentBytes,
      segmentAgeMs: options.segmentAgeMs,
      maxPendingBytes: options.maxPendingBytes,
      onOpen: (segment) => this.#segments.add(segment),
      onWritten: (entry, payload) => this.#recent.add(entry, payload),
      onSealed: (segment) => this.#sealed(segment),
    });
  }

  /** Bytes of finished segments that are not Parquet yet; it grows when conversions fail or do not keep up. */
  get backlogBytes(): number {
    return this.#converter.backlogBytes;
  }

  append(entry: PredictionEntry): Promise<void> {
    if (this.#stopped) return Promise.reject(new AppError("SHUTTING_DOWN", "The prediction log is closed."));
    try {
      this.#accept(entry);
    } catch (error) {
      return Promise.reject(error as Error);
    }
    return this.#writer.append(entry);
  }

  async find(id: string): Promise<Prediction | null> {
    if (!isId("prediction", id)) return null;
    const recent = this.#recent.find(id);
    if (recent !== null) return loggedPrediction(recent);
    await this.#recovered;
    const entry = await findInSegments(this.#options.fileSystem, this.#segments, id);
    if (entry !== null) return loggedPrediction(entry);
    const search = async (files: readonly ParquetFile[]): Promise<Prediction | null> => (files.length === 0 ? null : this.#options.archive.find(files.map((file) => file.path), id));
    return this.#inParquet(() => this.#index.at(timeOfId(id)), search);
  }

  async list(filter: PredictionFilter): Promise<Prediction[]> {
    if (filter.limit <= 0) return [];
    for (const bound of ["before", "after", "shadowOf"] as const) {
      if (filter[bound] === undefined || isId("prediction", filter[bound])) continue;
      throw new AppError("INVALID_REQUEST", "Predictions are listed before, after or beside the id of one.", { problems: [{ path: bound, message: "is not an id" }] });
    }
    await this.#recovered;
    const newest = new NewestFirst<Prediction>(filter.limit);
    const recent = this.#recent.list(filter);
    for (const entry of recent.entries) newest.add(entry.id, loggedPrediction(entry));
    if (recent.complete) return newest.values();
    for (const segment of this.#segmentsOf(filter.model)) {
      const range = segment.models.get(filter.model)!;
      if (newest.lowest !== null && range.maxId < newest.lowest) continue;
      if (filter.after !== undefined && range.maxId <= filter.after) continue;
      if (filter.before !== undefined && range.minId >= filter.before) continue;
      for (const entry of await selectFromSegment(this.#options.fileSystem, segment, filter, newest)) newest.add(entry.id, loggedPrediction(entry));
    }
    const until = Math.max(newest.lowest === null ? 0 : timeOfId(newest.lowest), filter.after === undefined ? 0 : timeOfId(filter.after));
    const before = filter.before === undefined ? Number.POSITIVE_INFINITY : timeOfId(filter.before);
    const candidates = (): ParquetFile[] =>
      this.#index.ofModel(filter.model).filter((file) => file.lastTime >= until && file.firstTime <= before && (filter.version ?? file.version) === file.version);
    const search = (files: readonly ParquetFile[]): Promise<Prediction[]> => (files.length === 0 ? Promise.resolve([]) : this.#options.archive.list(files, filter));
    for (const prediction of await this.#inParquet(candidates, search)) newest.add(prediction.id, prediction);
    return newest.values();
  }

  /** Where a version's predictions of a time are, unsealed ones included; see `readPlaces`. */
  async within<Result>(range: PredictionRange, read: (places: PredictionPlaces) => Promise<Result>): Promise<Result> {
    await this.#recovered;
    return readPlaces(this.#index, this.#segments, range, read);
  }

  /** Throws INTERNAL when something could not be turned into Parquet; it stays readable and is tried again. */
  async flush(): Promise<void> {
    await this.#recovered;
    await this.#writer.flush();
    const failure = await this.#converter.drain();
    if (failure !== undefined) throw new AppError("INTERNAL", "Some predictions could not be turned into Parquet.", { cause: failure });
  }

  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    clearInterval(this.#timer);
    await this.#writer.flush();
    this.#options.archive.hasten();
    // What the time does not suffice for is converted after the next start; killing a conversion is safe.
    let late = false;
    const deadline = setTimeout(() => {
      late = true;
      void this.#options.archive.close();
    }, this.#options.stopWithinMs);
    await this.#recovered;
    await this.#converter.drain(() => !late);
    await this.#compacting;
    clearTimeout(deadline);
    await this.#options.archive.close();
  }

  /** Joins the small Parquet files of days that are over; `maintain` does it every ten minutes. */
  compact(): Promise<void> {
    this.#compacting = this.#compacting.then(() => this.#recovered).then(() => (this.#stopped ? undefined : this.#compaction.run()));
    return this.#compacting;
  }

  /** Removes Parquet files of a model whose predictions were all made before `before` (epoch milliseconds); answers how many. */
  async prune(model: string, before: number): Promise<number> {
    await this.#recovered;
    this.#pruned.set(model, before);
    this.#recent.forget(model, before);
    let removed = 0;
    for (const file of this.#index.ofModel(model)) {
      if (file.lastTime >= before) continue;
      this.#index.remove(file);
      await this.#options.fileSystem.remove(file.path);
      removed++;
    }
    // A segment that cannot be converted goes when nobody wants any of its predictions.
    for (const segment of this.#segments) {
      if (!segment.setAside) continue;
      if (![...segment.models].every(([name, range]) => timeOfId(range.maxId) < (this.#pruned.get(name) ?? 0))) continue;
      this.#segments.delete(segment);
      await this.#converter.remove(segment);
    }
    return removed;
  }

  /** Syncs, seals and converts what is due. A timer calls it every `syncEveryMs`. */
  async maintain(): Promise<void> {
    await this.#writer.maintain();
    await this.#recovered;
    if (this.#stopped) return;
    this.#converter.maintain();
    if (this.#compaction.isDue()) void this.compact();
  }

  /** Compaction may take files away under a search, and retention too; what is in the index by then is searched again. */
  async #inParquet<Result>(candidates: () => readonly ParquetFile[], search: (files: readonly ParquetFile[]) => Promise<Result>): Promise<Result> {
    const files = candidates();
    const result = await search(files);
    return files.every((file) => this.#index.has(file.path)) ? result : search(candidates());
  }

  async #start(): Promise<void> {
    const { fileSystem, directory } = this.#options;
    const segmentDirectory = join(directory, "prediction-segments");
    try {
      await this.#compaction.recover();
      // Only then: the staging folder holds the file that a compaction was about to publish.
      await emptyStaging(fileSystem, join(segmentDirectory, "staging"));
    } catch (cause) {
      this.#options.logger.error("prediction-log.staging-failed", { cause });
    }
    this.#recovered = this.#recover(await leftSegments(fileSystem, segmentDirectory));
    this.#timer = setInterval(() => void this.maintain(), this.#options.syncEveryMs);
    // The log alone keeps no process alive.
    this.#timer.unref();
  }

  /** Never rejects: what cannot be read is left where it is. */
  async #recover(segments: readonly Segment[]): Promise<void> {
    const { fileSystem, logger } = this.#options;
    for (const segment of segments) {
      try {
        await recoverSegment(fileSystem, segment, logger);
      } catch (cause) {
        logger.error("prediction-log.unreadable", { segment: segment.id, cause });
        continue;
      }
      this.#segments.add(segment);
      this.#sealed(segment);
      for (const [model, range] of segment.models) this.#recent.raiseFloor(model, range.maxId);
    }
    try {
      await this.#index.load(fileSystem, this.#parquetRoot);
    } catch (cause) {
      logger.error("prediction-log.index-failed", { cause });
    }
    for (const model of this.#index.models()) this.#recent.raiseFloor(model, lastIdOf(this.#index.ofModel(model)[0]!.lastTime));
  }

  #sealed(segment: Segment): void {
    if (segment.entries > 0) {
      this.#converter.add(segment);
      return;
    }
    this.#segments.delete(segment);
    void this.#converter.remove(segment);
  }

  /** Newest first by the newest prediction of the model. */
  #segmentsOf(model: string): Segment[] {
    const maxId = (segment: Segment): string => segment.models.get(model)!.maxId;
    return [...this.#segments].filter((segment) => segment.models.has(model)).sort((left, right) => (maxId(left) < maxId(right) ? 1 : -1));
  }

  /** Names become folders and ids decide where to search, so what is neither never enters the log. */
  #accept(entry: PredictionEntry): void {
    if (!isId("prediction", entry.id)) throw new AppError("INVALID_NAME", "A prediction without a proper id cannot be logged.");
    for (const [name, what] of [[entry.model, "model name"], [entry.version, "version"]] as const) {
      if (this.#acceptedNames.has(name)) continue;
      assertSafeName(name, what);
      this.#acceptedNames.add(name);
    }
  }
}
