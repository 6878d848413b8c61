import { createReadStream } from "node:fs";
import { Readable } from "node:stream";
import type { ReadableWritablePair } from "node:stream/web";
import { createTarDecoder, type ParsedTarEntry } from "modern-tar";
import { AppError } from "../../core/errors.ts";
import type { Artifact, BlobStore } from "../../registry/index.ts";
import { modelEnding } from "./bare-model-file.ts";

const maxFiles = 10_000;

export interface UploadedFile {
  digest: string;
  bytes: number;
  fileName: string;
  path: string;
}

/** The files of an upload: a bare model is itself, a folder comes as a tar file. Null for anything else. Throws MODEL_FILE_INVALID. */
export async function uploadedFiles(file: UploadedFile, blobs: BlobStore): Promise<Artifact[] | null> {
  if (/\.tar$/i.test(file.fileName)) return unpacked(file.path, blobs);
  if (/\.txt$/i.test(file.fileName)) return [{ path: await lightgbmName(file), digest: file.digest, bytes: file.bytes }];
  return modelEnding(file.fileName) === null ? null : [{ path: file.fileName, digest: file.digest, bytes: file.bytes }];
}

/** LightGBM's models are texts: of all texts, those that begin as one. */
async function lightgbmName({ path, fileName }: UploadedFile): Promise<string> {
  const [head] = (await createReadStream(path, { end: 4 }).toArray()) as Buffer[];
  if (!/^tree\s/.test(head?.toString("latin1") ?? "")) throw new AppError("MODEL_FILE_INVALID", `${fileName.slice(0, 100)} is a text and no model of LightGBM.`);
  return fileName.replace(/\.txt$/i, ".lightgbm");
}

async function unpacked(path: string, blobs: BlobStore): Promise<Artifact[]> {
  const files: Artifact[] = [];
  const source = createReadStream(path, { highWaterMark: 1 << 20 });
  const decoder = createTarDecoder({ strict: true }) as unknown as ReadableWritablePair<ParsedTarEntry, Uint8Array>;
  const reader = Readable.toWeb(source).pipeThrough(decoder).getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      const { name, type = "file" } = value.header;
      if (type === "file") {
        if (files.length >= maxFiles) throw new AppError("MODEL_FILE_INVALID", `The folder has more than ${maxFiles} files.`);
        // Links and devices are passed over; paths are judged when the files are put into a folder, and when they are given.
        files.push({ path: relativePath(name), ...(await blobs.put(Readable.from(value.body as unknown as AsyncIterable<Uint8Array>))) });
      }
      if (!value.body.locked) await value.body.cancel().catch(() => undefined);
    }
  } catch (cause) {
    if (cause instanceof AppError) throw cause;
    throw new AppError("MODEL_FILE_INVALID", "The file is not a tar archive, or it is damaged or cut off.", { cause });
  } finally {
    await reader.cancel().catch(() => undefined);
    source.destroy();
  }
  return files;
}

function relativePath(name: string): string {
  const path = name.replace(/^(\.\/)+/, "");
  if (path.startsWith("/") || path.split("/").some((part) => part === "" || part === "..")) throw new AppError("MODEL_FILE_INVALID", "The archive has a file whose path leads out of its folder.");
  return path;
}
