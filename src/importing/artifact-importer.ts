import { AppError } from "../core/errors.ts";
import { artifactPathOf, type ArtifactStore } from "../tracking/index.ts";
import type { SourceArtifacts } from "./import-source.ts";
import type { ImportTally } from "./import-tally.ts";

/**
 * Streams files to where the run or logged model here has its artifacts. A file that is there with the same length stays: what an
 * import that was broken off has brought is not brought again.
 */
export async function importArtifacts(store: ArtifactStore, { object, target, source }: { object: string; target: string; source: SourceArtifacts }, tally: ImportTally, signal: AbortSignal): Promise<void> {
  if (source.kind === "missing") return tally.note(object, source.why);
  if (source.kind === "kept") return tally.note(object, `Its artifacts stay at ${source.uri}, where clients read them by themselves.`);
  const root = artifactPathOf(target);
  if (root === null) return tally.note(object, `Its artifacts belong to ${target} here, which is not this server's: they were not copied.`);
  for await (const file of source.files) {
    signal.throwIfAborted();
    const path = `${root}/${file.path}`;
    try {
      if (file.bytes !== null && (await bytesOf(store, path)) === file.bytes) {
        tally.count("artifacts there already");
        continue;
      }
      const { bytes } = await store.write(path, await file.open());
      tally.count("artifacts");
      tally.count("artifact bytes", bytes);
    } catch (error) {
      tally.noteError(`${object}, artifact ${file.path}`, error);
    }
  }
}

async function bytesOf(store: ArtifactStore, path: string): Promise<number | null> {
  try {
    return (await store.stat(path)).bytes;
  } catch (error) {
    if (error instanceof AppError && error.status < 500) return null;
    throw error;
  }
}
