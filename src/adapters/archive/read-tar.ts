import { createReadStream } from "node:fs";
import { Readable } from "node:stream";
import type { ReadableWritablePair } from "node:stream/web";
import { createTarDecoder, type ParsedTarEntry } from "modern-tar";
import { AppError } from "../../core/errors.ts";
import type { FoundEntry } from "../../backup/index.ts";

/** The entries of a tar file in their order. Throws BACKUP_INVALID for what is not one, and for one that ends too soon. */
export async function* readTar(file: string): AsyncGenerator<FoundEntry> {
  const source = createReadStream(file, { highWaterMark: 1 << 20 });
  const decoder = createTarDecoder({ strict: true }) as unknown as ReadableWritablePair<ParsedTarEntry, Uint8Array>;
  const reader = Readable.toWeb(source).pipeThrough(decoder).getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const { name, type = "file", size } = value.header;
      yield { path: name, type, bytes: size, content: readable(value.body as unknown as AsyncIterable<Uint8Array>) };
      // Left unread by whoever asked: the decoder stands still until it is.
      if (!value.body.locked) await value.body.cancel().catch(() => undefined);
    }
  } catch (cause) {
    throw damaged(cause);
  } finally {
    await reader.cancel().catch(() => undefined);
    source.destroy();
  }
}

async function* readable(content: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* content;
  } catch (cause) {
    throw damaged(cause);
  }
}

function damaged(cause: unknown): AppError {
  return cause instanceof AppError ? cause : new AppError("BACKUP_INVALID", "The file is not a tar archive, or it is damaged or cut off.", { cause });
}
