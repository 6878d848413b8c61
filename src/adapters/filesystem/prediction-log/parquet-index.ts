import { join } from "node:path";
import { epochMs, type EpochMs } from "../../../core/clock.ts";
import { isSafeName } from "../../../core/names.ts";
import type { FileSystem } from "../file-system.ts";

/** A published Parquet file. Its name alone says what it can hold, so that no search opens a file in vain. */
export interface ParquetFile {
  path: string;
  model: string;
  version: string;
  /** What it was made of: a segment's id, or the day of a compaction. */
  source: string;
  firstTime: EpochMs;
  lastTime: EpochMs;
}

const filePattern = /^(.+)\.([0-9]+)-([0-9]+)\.parquet$/;

/** `DIR/model=<name>/version=<v>`: the folders that Spark, DuckDB and pyarrow read as columns. */
export function parquetDirectory(root: string, model: string, version: string): string {
  return join(root, `model=${model}`, `version=${version}`);
}

/** `<source>.<time of the oldest>-<time of the newest>.parquet`, times in milliseconds. The same content gets the same name. */
export function parquetFile(root: string, file: Omit<ParquetFile, "path">): ParquetFile {
  const name = `${file.source}.${file.firstTime}-${file.lastTime}.parquet`;
  return { ...file, path: join(parquetDirectory(root, file.model, file.version), name) };
}

/** Which Parquet files there are, in memory. */
export class ParquetIndex {
  readonly #byModel = new Map<string, Map<string, ParquetFile>>();

  add(files: readonly ParquetFile[]): void {
    for (const file of files) {
      const ofModel = this.#byModel.get(file.model) ?? new Map<string, ParquetFile>();
      this.#byModel.set(file.model, ofModel);
      ofModel.set(file.path, file);
    }
  }

  remove(file: ParquetFile): void {
    this.#byModel.get(file.model)?.delete(file.path);
  }

  has(path: string): boolean {
    for (const files of this.#byModel.values()) if (files.has(path)) return true;
    return false;
  }

  /** Newest first. */
  ofModel(model: string): ParquetFile[] {
    return [...(this.#byModel.get(model)?.values() ?? [])].sort((left, right) => right.lastTime - left.lastTime);
  }

  /** Files of any model that may hold a prediction of this time. */
  at(time: EpochMs): ParquetFile[] {
    const found: ParquetFile[] = [];
    for (const files of this.#byModel.values()) {
      for (const file of files.values()) if (file.firstTime <= time && time <= file.lastTime) found.push(file);
    }
    return found;
  }

  models(): string[] {
    return [...this.#byModel.keys()];
  }

  /** Reads the names of all files below the root. */
  async load(fileSystem: FileSystem, root: string): Promise<void> {
    for (const modelFolder of await fileSystem.list(root)) {
      const model = modelFolder.startsWith("model=") ? modelFolder.slice("model=".length) : "";
      if (!isSafeName(model)) continue;
      for (const versionFolder of await fileSystem.list(join(root, modelFolder))) {
        const version = versionFolder.startsWith("version=") ? versionFolder.slice("version=".length) : "";
        if (!isSafeName(version)) continue;
        const directory = parquetDirectory(root, model, version);
        for (const name of await fileSystem.list(directory)) {
          const parts = filePattern.exec(name);
          if (parts === null) continue;
          const [, source, first, last] = parts as unknown as [string, string, string, string];
          this.add([{ path: join(directory, name), model, version, source, firstTime: epochMs(Number(first)), lastTime: epochMs(Number(last)) }]);
        }
      }
    }
  }
}

/** An id that no prediction of this millisecond exceeds. */
export function lastIdOf(time: EpochMs): string {
  let text = "";
  for (let rest: number = time, index = 0; index < 10; index++, rest = Math.floor(rest / 32)) text = "0123456789abcdefghjkmnpqrstvwxyz"[rest % 32]! + text;
  return `prd_${text}${"z".repeat(16)}`;
}
