import { Readable } from "node:stream";
import type { ReadableStream as NodeReadableStream } from "node:stream/web";
import { createTarPacker } from "modern-tar";
import type { ArchiveEntry } from "../../backup/index.ts";

/** The entries as a tar stream, one after the other, with what is in memory bounded. */
export function writeTar(entries: AsyncIterable<ArchiveEntry>): Readable {
  const { readable, controller } = createTarPacker();
  void fill().catch((error: unknown) => controller.error(error));
  return Readable.fromWeb(readable as NodeReadableStream<Uint8Array>);

  async function fill(): Promise<void> {
    for await (const { path, bytes, content } of entries) {
      const header = { name: path, size: bytes, type: "file" as const, mode: 0o600, mtime: new Date(0) };
      const writer = controller.add(isPlain(path) ? header : { ...header, pax: { path } }).getWriter();
      for await (const chunk of content) await writer.write(chunk);
      await writer.close();
    }
    controller.finalize();
  }
}

/**
 * The old fields of a header have no encoding, and a name that is divided between them may lose its first character when
 * it is read (U+FEFF): all but short ASCII goes into a record, which is UTF-8 by definition.
 */
function isPlain(path: string): boolean {
  return path.length <= 100 && /^[\u0020-\u007e]*$/.test(path);
}
