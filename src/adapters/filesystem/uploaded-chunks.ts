import type { Readable } from "node:stream";
import { AppError } from "../../core/errors.ts";

/** What is uploaded, piece by piece. The stream stays open when reading stops early, so that the door can still answer on its connection. Throws BODY_INCOMPLETE. */
export async function* uploadedChunks(content: Readable): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of content.iterator({ destroyOnReturn: false }) as AsyncIterable<string | Uint8Array>) {
      yield typeof chunk === "string" ? Buffer.from(chunk) : chunk;
    }
  } catch (cause) {
    if (cause instanceof AppError) throw cause;
    throw new AppError("BODY_INCOMPLETE", "The upload ended before its end.", { cause });
  }
}
