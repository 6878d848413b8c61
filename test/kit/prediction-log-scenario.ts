import { randomUUID } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { nodeFileSystem } from "../../src/adapters/filesystem/node-file-system.ts";
import { decodeEntry } from "../../src/adapters/filesystem/prediction-log/entry-codec.ts";
import { loggedPrediction } from "../../src/adapters/filesystem/prediction-log/logged-prediction.ts";
import type { PredictionArchive, StagedFile } from "../../src/adapters/filesystem/prediction-log/prediction-archive.ts";
import { matches } from "../../src/adapters/filesystem/prediction-log/recent-predictions.ts";
import { scanSegment } from "../../src/adapters/filesystem/prediction-log/segment-file.ts";
import { type PredictionLogOptions, SegmentPredictionLog } from "../../src/adapters/filesystem/prediction-log/segment-prediction-log.ts";
import { ManualClock } from "../../src/core/clock.ts";
import { type Id, timeOfId, TimeOrderedIds } from "../../src/core/ids.ts";
import type { Logger } from "../../src/core/logger.ts";
import type { Prediction, PredictionEntry } from "../../src/serving/index.ts";

/** Files of JSON in the place of Parquet: what is tested with it is when files come and go, hundreds of times over. */
export class TextArchive implements PredictionArchive {
  hasten(): void {}

  async convert({ segmentPath, bytes, staging }: Parameters<PredictionArchive["convert"]>[0]): Promise<StagedFile[]> {
    const versions = new Map<string, Prediction[]>();
    await scanSegment(nodeFileSystem, segmentPath, { bytes, verify: true }, (payload) => {
      const prediction = loggedPrediction(decodeEntry(payload));
      const key = `${prediction.model} ${prediction.version}`;
      versions.set(key, [...(versions.get(key) ?? []), prediction]);
    });
    return [...versions.values()].map((predictions) => this.#write(staging, predictions));
  }

  merge({ files, staging }: Parameters<PredictionArchive["merge"]>[0]): Promise<StagedFile> {
    return Promise.resolve(this.#write(staging, files.flatMap(readTextFile)));
  }

  find(files: readonly string[], id: string): Promise<Prediction | null> {
    return Promise.resolve(files.flatMap(readTextFile).find((prediction) => prediction.id === id) ?? null);
  }

  list(files: Parameters<PredictionArchive["list"]>[0], filter: Parameters<PredictionArchive["list"]>[1]): Promise<Prediction[]> {
    const all = files.flatMap(({ path }) => readTextFile(path)).filter(({ id, version, outcome, assignment }) => matches(filter, { id, version, outcome, shadowOf: assignment?.shadowOf ?? null }));
    return Promise.resolve(all.sort((left, right) => (left.id < right.id ? 1 : -1)).slice(0, filter.limit));
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #write(staging: string, predictions: readonly Prediction[]): StagedFile {
    const path = join(staging, `${randomUUID()}.parquet`);
    writeFileSync(path, JSON.stringify(predictions));
    const times = predictions.map(({ id }) => timeOfId(id)).sort((left, right) => left - right);
    return { path, model: predictions[0]!.model, version: predictions[0]!.version, firstTime: times[0]!, lastTime: times.at(-1)! };
  }
}

export function readTextFile(path: string): Prediction[] {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as Prediction[];
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
    throw error;
  }
}

/** Keeps the names of events, and their fields, for a test to look at. */
export class RecordingLogger implements Logger {
  readonly events: { event: string; fields: Readonly<Record<string, unknown>> }[] = [];
  info = (event: string, fields = {}): void => void this.events.push({ event, fields });
  warn = this.info;
  error = this.info;

  count(event: string): number {
    return this.events.filter((one) => one.event === event).length;
  }
}

/** Makes predictions and opens logs with a clock that stands still, for one directory. */
export class LogScenario {
  readonly clock = new ManualClock();
  readonly logger = new RecordingLogger();
  readonly #ids = new TimeOrderedIds(this.clock);
  readonly directory: string;

  constructor(directory: string) {
    this.directory = directory;
  }

  open(options: Partial<PredictionLogOptions> = {}): Promise<SegmentPredictionLog> {
    return SegmentPredictionLog.open({
      directory: this.directory,
      clock: this.clock,
      logger: this.logger,
      archive: new TextArchive(),
      signatureOf: () => null,
      recentBytesPerModel: 2048,
      // Tests call `maintain` themselves.
      syncEveryMs: 2 ** 30,
      ...options,
    });
  }

  entry(change: Partial<PredictionEntry> = {}): PredictionEntry {
    this.clock.advance(1);
    return {
      id: this.id(),
      time: this.clock.now(),
      model: "flights",
      version: "1",
      requestId: null,
      rows: 2,
      outcome: "ok",
      timing: { queueUs: 1, runUs: 2, totalUs: 3, batchRows: 2 },
      inputs: [{ name: "x", datatype: "FP32", shape: [2], data: Float32Array.of(0.5, 1.5) }],
      outputs: [{ name: "y", datatype: "BYTES", shape: [2], data: ["late", "on time"] }],
      ...change,
    };
  }

  id(): Id<"prediction"> {
    return this.#ids.next("prediction");
  }

  segments(): string[] {
    return filesBelow(join(this.directory, "prediction-segments")).filter((path) => path.endsWith(".segment"));
  }

  parquetFiles(): string[] {
    return filesBelow(join(this.directory, "predictions")).filter((path) => path.endsWith(".parquet"));
  }

  /** Ids in all published files of a TextArchive, as often as they are there. */
  idsInFiles(): string[] {
    return this.parquetFiles().flatMap(readTextFile).map((prediction) => prediction.id);
  }
}

function filesBelow(directory: string): string[] {
  try {
    const entries = readdirSync(directory, { recursive: true, withFileTypes: true });
    return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name)).sort();
  } catch {
    return [];
  }
}
