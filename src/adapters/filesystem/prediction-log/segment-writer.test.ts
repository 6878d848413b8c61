import assert from "node:assert/strict";
import { statSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { LogScenario, TextArchive } from "../../../../test/kit/prediction-log-scenario.ts";
import { AppError } from "../../../core/errors.ts";
import type { PredictionEntry } from "../../../serving/index.ts";
import type { FileSystem, OpenFile } from "../file-system.ts";
import { nodeFileSystem } from "../node-file-system.ts";
import type { SegmentPredictionLog } from "./segment-prediction-log.ts";

/** The real file system with its calls counted, and writes that a test can hold back or slow down. */
class WatchedFileSystem {
  calls: string[] = [];
  beforeWrite: (() => Promise<void>) | undefined;
  onWriteNow: (() => void) | undefined;

  readonly fileSystem: FileSystem = {
    ...nodeFileSystem,
    open: async (path, mode) => {
      const file = await nodeFileSystem.open(path, mode);
      if (mode !== "create" || !path.endsWith(".segment")) return file;
      return {
        write: async (data: Uint8Array) => {
          this.calls.push("write");
          await this.beforeWrite?.();
          await file.write(data);
        },
        writeNow: (data: Uint8Array) => {
          this.calls.push("writeNow");
          this.onWriteNow?.();
          file.writeNow(data);
        },
        sync: () => {
          this.calls.push("sync");
          return file.sync();
        },
        read: file.read.bind(file),
        truncate: file.truncate.bind(file),
        facts: file.facts.bind(file),
        close: file.close.bind(file),
      } satisfies OpenFile;
    },
  };

  /** Calls since the last time this was asked. */
  take(): string[] {
    return this.calls.splice(0);
  }
}

describe("SegmentPredictionLog: writing, sealing, converting", () => {
  let directory: string;
  let scenario: LogScenario;
  let watched: WatchedFileSystem;
  let log: SegmentPredictionLog;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "slipway-writer-"));
    scenario = new LogScenario(directory);
    watched = new WatchedFileSystem();
  });
  afterEach(async () => {
    await log.stop();
    await rm(directory, { recursive: true, force: true });
  });

  const appendAll = (entries: readonly PredictionEntry[]): Promise<unknown> => Promise.all(entries.map((entry) => log.append(entry)));
  const some = (count: number, change: Partial<PredictionEntry> = {}): PredictionEntry[] => Array.from({ length: count }, () => scenario.entry(change));
  const stored = async (): Promise<string[]> => (await log.list({ model: "flights", limit: 10_000 })).map((prediction) => prediction.id);

  it("writes what arrives together with one write", async () => {
    log = await scenario.open({ fileSystem: watched.fileSystem });
    await appendAll(some(1));
    assert.deepEqual(watched.take(), ["write", "write"], "the segment's mark and the first group");
    await appendAll(some(32));
    assert.deepEqual(watched.take(), ["writeNow"]);
  });

  it("syncs at maintenance what was written since the last sync, and nothing else", async () => {
    log = await scenario.open({ fileSystem: watched.fileSystem });
    await appendAll(some(1));
    watched.take();
    await log.maintain();
    await log.maintain();
    assert.deepEqual(watched.take(), ["sync"]);
    await appendAll(some(1));
    await log.maintain();
    assert.deepEqual(watched.take(), ["writeNow", "sync"]);
  });

  it("sends writes through the thread pool while the disk is slow", async () => {
    log = await scenario.open({ fileSystem: watched.fileSystem });
    await appendAll(some(1));
    watched.take();
    watched.onWriteNow = () => scenario.clock.advance(11);
    await appendAll(some(1));
    await appendAll(some(1));
    assert.deepEqual(watched.take(), ["writeNow", "write"]);
    scenario.clock.advance(10_000);
    await appendAll(some(1));
    assert.deepEqual(watched.take(), ["writeNow"]);
    assert.equal((await stored()).length, 4);
  });

  it("refuses predictions while too many bytes wait for the disk, and takes them again afterwards", async () => {
    log = await scenario.open({ fileSystem: watched.fileSystem, maxPendingBytes: 2000 });
    const gate = Promise.withResolvers<void>();
    watched.beforeWrite = () => gate.promise;
    const waiting: Promise<void>[] = [];
    const refused: unknown[] = [];
    for (const entry of some(50)) waiting.push(log.append(entry).catch((error: unknown) => void refused.push(error)));
    gate.resolve();
    await Promise.all(waiting);
    assert.ok(refused.length > 30 && refused.length < 50, `${refused.length} of 50 refused`);
    for (const error of refused) assert.ok(error instanceof AppError && error.code === "QUEUE_FULL" && error.retryAfterSeconds === 1);
    await appendAll(some(1));
    assert.equal((await stored()).length, 51 - refused.length);
  });

  it("seals a segment when it is large enough", async () => {
    log = await scenario.open({ segmentBytes: 1000 });
    for (const entry of some(20)) await log.append(entry);
    assert.ok(scenario.segments().length > 2);
    assert.equal((await stored()).length, 20);
  });

  it("seals a segment when it is old enough, and never an empty one", async () => {
    log = await scenario.open({ segmentAgeMs: 60_000 });
    scenario.clock.advance(120_000);
    await log.maintain();
    assert.deepEqual(scenario.segments(), []);
    await appendAll(some(1));
    scenario.clock.advance(59_000);
    await log.maintain();
    await appendAll(some(1));
    assert.equal(scenario.segments().length, 1);
    scenario.clock.advance(2_000);
    await log.maintain();
    await appendAll(some(1));
    await log.flush();
    assert.equal(scenario.parquetFiles().length, 2);
    assert.equal((await stored()).length, 3);
  });

  it("tries a conversion that fails three times, then sets it aside until the next start, and never stops logging", async () => {
    const archive = new TextArchive();
    let attempts = 0;
    const broken = Object.assign(Object.create(archive) as TextArchive, { convert: () => Promise.reject(new Error(`attempt ${++attempts}`)) });
    log = await scenario.open({ archive: broken });
    const entries = some(3);
    await appendAll(entries);
    assert.equal(log.backlogBytes, 0, "a segment that is still written to is no backlog");
    await assert.rejects(log.flush(), { code: "INTERNAL" });
    assert.equal(log.backlogBytes, statSync(scenario.segments()[0]!).size);
    const failures = (): number => scenario.logger.count("prediction-log.conversion-failed") + scenario.logger.count("prediction-log.set-aside");
    const maintainUntil = async (wanted: number): Promise<void> => {
      await log.maintain();
      while (failures() < wanted) await new Promise(setImmediate);
      assert.equal(attempts, wanted);
    };
    // Neither before its time nor after the last time is anything tried: the counts that follow would show it.
    await maintainUntil(1);
    scenario.clock.advance(1_000);
    await maintainUntil(2);
    await maintainUntil(2);
    scenario.clock.advance(10_000);
    await maintainUntil(3);
    assert.equal(scenario.logger.count("prediction-log.set-aside"), 1);
    scenario.clock.advance(3_600_000);
    await maintainUntil(3);
    await log.flush();
    assert.equal(attempts, 3);
    await appendAll(some(1));
    assert.equal((await stored()).length, 4);
    assert.equal((await log.find(entries[0]!.id))?.id, entries[0]!.id);
    await log.stop();
    log = await scenario.open();
    await log.flush();
    assert.equal(log.backlogBytes, 0);
    assert.deepEqual(scenario.segments(), []);
    assert.deepEqual(scenario.idsInFiles().sort(), (await stored()).sort());
  });

  it("gives up at stop when the conversion takes too long; the next start has everything", async () => {
    const archive = new TextArchive();
    const { promise, reject } = Promise.withResolvers<never>();
    promise.catch(() => undefined);
    const endless = Object.assign(Object.create(archive) as TextArchive, { convert: () => promise, close: () => Promise.resolve(reject(new Error("closed"))) });
    log = await scenario.open({ archive: endless, stopWithinMs: 1 });
    await appendAll(some(5));
    await log.stop();
    log = await scenario.open();
    assert.equal((await stored()).length, 5);
  });

  it("removes the files that retention has given up, of that model alone", async () => {
    log = await scenario.open();
    const old = [...some(2), ...some(1, { model: "fraud" })];
    await appendAll(old);
    await log.flush();
    scenario.clock.advance(1000);
    const young = some(2);
    // A file goes when all of it is too old.
    const border = scenario.clock.now();
    await appendAll(young);
    await log.flush();
    assert.equal(await log.prune("flights", border), 1);
    assert.equal(await log.prune("flights", border), 0);
    assert.deepEqual((await stored()).sort(), young.map((entry) => entry.id));
    assert.equal(await log.find(old[0]!.id), null);
    assert.equal((await log.find(old[2]!.id))?.model, "fraud");
    assert.equal(scenario.parquetFiles().length, 2);
  });

  it("removes a segment that cannot be converted when retention has given up all of it", async () => {
    const broken = Object.assign(Object.create(new TextArchive()) as TextArchive, { convert: () => Promise.reject(new Error("never")) });
    log = await scenario.open({ archive: broken });
    await appendAll([...some(1), ...some(1, { model: "fraud" })]);
    for (let attempt = 0; attempt < 3; attempt++) await assert.rejects(log.flush());
    scenario.clock.advance(1000);
    await log.prune("flights", scenario.clock.now());
    assert.equal(scenario.segments().length, 1);
    await log.prune("fraud", scenario.clock.now());
    assert.equal(scenario.segments().length, 0);
  });

  it("answers a page from memory alone as long as memory has it", async () => {
    log = await scenario.open({ recentBytesPerModel: 64 * 1024 });
    const entries = some(20);
    await appendAll(entries);
    await log.flush();
    await rm(join(directory, "predictions"), { recursive: true });
    assert.deepEqual(await stored(), entries.map((entry) => entry.id).reverse());
  });

  it("finds and lists what a compaction moves away in the middle of the search", async () => {
    class MovingArchive extends TextArchive {
      move: (() => Promise<void>) | undefined;
      override async find(...search: Parameters<TextArchive["find"]>): ReturnType<TextArchive["find"]> {
        await this.#moveOnce();
        return super.find(...search);
      }
      override async list(...search: Parameters<TextArchive["list"]>): ReturnType<TextArchive["list"]> {
        await this.#moveOnce();
        return super.list(...search);
      }
      async #moveOnce(): Promise<void> {
        const { move } = this;
        this.move = undefined;
        await move?.();
      }
    }
    const archive = new MovingArchive();
    log = await scenario.open({ archive, recentBytesPerModel: 16 });
    const entries: PredictionEntry[] = [];
    const twoFilesOfADay = async (): Promise<void> => {
      for (const entry of some(2)) {
        await log.append(entry);
        await log.flush();
        entries.push(entry);
      }
      scenario.clock.advance(2 * 86_400_000);
    };
    await twoFilesOfADay();
    archive.move = () => log.compact();
    assert.equal((await log.find(entries[0]!.id))?.id, entries[0]!.id);
    assert.equal(scenario.parquetFiles().length, 1);
    await twoFilesOfADay();
    archive.move = () => log.compact();
    assert.deepEqual(await stored(), entries.map((entry) => entry.id).reverse());
    assert.equal(scenario.parquetFiles().length, 2);
  });

  it("keeps one large prediction from pushing the others out of memory, and finds it on disk", async () => {
    log = await scenario.open({ recentBytesPerModel: 16 * 1024 });
    const small = some(5);
    await appendAll(small);
    const large = scenario.entry({ rows: 1, inputs: [{ name: "image", datatype: "UINT8", shape: [1, 3_000_000], data: new Uint8Array(3_000_000).fill(7) }] });
    await log.append(large);
    const found = await log.find(large.id);
    assert.equal(found?.inputs[0]?.data?.length, 3_000_000);
    assert.deepEqual(await stored(), [large.id, ...small.map((entry) => entry.id).reverse()]);
  });
});
