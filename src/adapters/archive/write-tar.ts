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
      const writer = controller.add({ name: path, size: bytes, type: "file", mode: 0o600, mtime: new Date(0) }).getWriter();
      for await (const chunk of content) await writer.write(chunk);
      await writer.close();
    }
    controller.finalize();
  }
}
