import { randomBytes } from "node:crypto";
import { dirname, join } from "node:path";
import { z } from "zod";
import { publishDurably, syncFile, writeFileDurably } from "../durable-file.ts";
import type { ParquetFolders } from "./parquet-folders.ts";
import { parquetFile, type ParquetFile } from "./parquet-index.ts";

const dayMs = 86_400_000;
/** A prediction may reach its segment, and the segment Parquet, some time after its day is over. */
const restMs = 3_600_000;
const everyMs = 600_000;
const retryMs = 10_000;
/** Larger files are large enough. */
const maxInputBytes = 256 * 1024 * 1024;

/** What a compaction is about to do, on disk before it does any of it. */
const Intent = z.object({ staged: z.string(), path: z.string(), replaces: z.array(z.string()) });
type Intent = z.infer<typeof Intent>;

/**
 * Joins the files of one version and one day (UTC) that is over into one, since a reader pays for every file. No rename
 * replaces many names at once, so the intent is written first, and a start after a crash carries it out: nothing is lost
 * or stays doubled. Between the rename and the removals, for a moment or until a failing disk is well, somebody who reads
 * the folder from outside may see rows twice; the log's own searches do not.
 */
export class ParquetCompaction {
  readonly #options: ParquetFolders;
  readonly #intentPath: string;
  /** An intent that may be on disk must be carried out, never replaced by another one. */
  #unfinished: { intent: Intent; written: boolean; onPublished: () => void } | null = null;
  #nextRun: number;

  constructor(options: ParquetFolders) {
    this.#options = options;
    this.#intentPath = join(options.segmentDirectory, "compaction.json");
    this.#nextRun = options.clock.monotonic() + everyMs;
  }

  /** Carries out what a process before this one intended; to be called before the staging folder is emptied. */
  async recover(): Promise<void> {
    const { fileSystem } = this.#options;
    const facts = await fileSystem.facts(this.#intentPath);
    if (facts === null) return;
    const file = await fileSystem.open(this.#intentPath, "read");
    const content = Buffer.alloc(facts.bytes);
    try {
      await file.read(content, 0);
    } finally {
      await file.close();
    }
    const intent = Intent.parse(JSON.parse(content.toString("utf8")));
    // The index is read after this.
    this.#unfinished = { intent, written: true, onPublished: () => undefined };
    await this.#finish();
  }

  /** True when it is time to look for files again. */
  isDue(): boolean {
    return this.#options.clock.monotonic() >= this.#nextRun;
  }

  /** Joins what there is to join. Never rejects: what fails is tried again after the next interval. */
  async run(): Promise<void> {
    this.#nextRun = this.#options.clock.monotonic() + everyMs;
    try {
      await this.#finish();
      for (const model of this.#options.index.models()) {
        for (const files of await this.#groups(model)) await this.#join(files);
      }
    } catch (cause) {
      this.#options.logger.warn("prediction-log.compaction-failed", { cause });
      // Half-way through, rows may be doubled for readers from outside.
      if (this.#unfinished !== null) this.#nextRun = this.#options.clock.monotonic() + retryMs;
    }
  }

  /** Files of one version and day, oldest first, where there are several. */
  async #groups(model: string): Promise<ParquetFile[][]> {
    const groups = new Map<string, ParquetFile[]>();
    for (const file of this.#options.index.ofModel(model).reverse()) {
      const day = Math.floor(file.firstTime / dayMs);
      if (Math.floor(file.lastTime / dayMs) !== day || (day + 1) * dayMs + restMs > this.#options.clock.now()) continue;
      const facts = await this.#options.fileSystem.facts(file.path);
      if (facts === null || facts.bytes > maxInputBytes) continue;
      const key = `${file.version} ${day}`;
      groups.set(key, [...(groups.get(key) ?? []), file]);
    }
    return [...groups.values()].filter((files) => files.length > 1);
  }

  async #join(files: readonly ParquetFile[]): Promise<void> {
    const { fileSystem, directories, archive, index, parquetRoot, staging, logger } = this.#options;
    const { model, version, firstTime } = files[0]!;
    await directories.ensure(staging);
    const { path: staged, ...facts } = await archive.merge({ files: files.map((file) => file.path), staging, model, version });
    const joined = parquetFile(parquetRoot, { ...facts, source: `day-${new Date(firstTime).toISOString().slice(0, 10)}-${randomBytes(4).toString("hex")}` });
    await syncFile(fileSystem, staged);
    // Its name is new and it stays in the staging folder, so from here on its absence means that it was renamed.
    await fileSystem.syncDirectory(staging);
    this.#unfinished = {
      intent: { staged, path: joined.path, replaces: files.map((file) => file.path) },
      written: false,
      onPublished() {
        for (const file of files) index.remove(file);
        index.add([joined]);
      },
    };
    await this.#finish();
    logger.info("prediction-log.compacted", { model, version, files: files.length });
  }

  /** Does what is left of the unfinished compaction; every step may have been done before. */
  async #finish(): Promise<void> {
    const { fileSystem, segmentDirectory } = this.#options;
    const unfinished = this.#unfinished;
    if (unfinished === null) return;
    const { staged, path, replaces } = unfinished.intent;
    if (!unfinished.written) await writeFileDurably(fileSystem, this.#intentPath, Buffer.from(JSON.stringify(unfinished.intent)));
    unfinished.written = true;
    if ((await fileSystem.facts(staged)) !== null) await publishDurably(fileSystem, staged, path);
    if ((await fileSystem.facts(path)) !== null) {
      unfinished.onPublished();
      for (const replaced of replaces) await fileSystem.remove(replaced);
      await fileSystem.syncDirectory(dirname(path));
    }
    await fileSystem.remove(this.#intentPath);
    await fileSystem.syncDirectory(segmentDirectory);
    this.#unfinished = null;
  }
}
