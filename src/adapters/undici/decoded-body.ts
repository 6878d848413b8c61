import { Readable } from "node:stream";
import { createBrotliDecompress, createGunzip, createInflate } from "node:zlib";
import { AppError } from "../../core/errors.ts";
import type { TransportAnswer } from "../../gateway/routing/upstream-transport.ts";

const decoders = { gzip: createGunzip, "x-gzip": createGunzip, deflate: createInflate, br: createBrotliDecompress };

/**
 * The answer with its body decompressed as it comes, and without the headers that told of the compression. Providers are asked for plain bytes, so this is for those that compress all the same.
 * The body throws what the compressed one threw, and PROVIDER_ANSWER_INVALID where it is not what its header says, or an encoding that nobody asked for.
 */
export function decodedBody({ status, headers, body }: TransportAnswer): TransportAnswer {
  const { "content-encoding": encoding = "", "content-length": _length, ...others } = headers;
  const word = encoding.trim().toLowerCase();
  if (word === "" || word === "identity") return { status, headers, body };
  return { status, headers: others, body: decoded(body, word) };
}

async function* decoded(body: AsyncIterable<Uint8Array>, encoding: string): AsyncGenerator<Uint8Array> {
  const source = Readable.from(body, { objectMode: true });
  try {
    if (!(encoding in decoders)) throw new AppError("PROVIDER_ANSWER_INVALID", "The provider's answer is compressed in a way that it was not asked for.");
    const decoder = decoders[encoding as keyof typeof decoders]();
    source.on("error", (error) => decoder.destroy(error));
    source.pipe(decoder);
    yield* decoder as AsyncIterable<Uint8Array>;
  } catch (cause) {
    if (cause instanceof AppError) throw cause;
    throw new AppError("PROVIDER_ANSWER_INVALID", "The provider's answer is not compressed as it says.", { cause });
  } finally {
    // Ends the exchange where the reader left early.
    source.on("error", () => undefined).destroy();
  }
}
