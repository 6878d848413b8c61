import { createReadStream, createWriteStream } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ReadableStream as NodeReadableStream } from "node:stream/web";
import { createTarPacker } from "modern-tar";

/** What tools leave in a folder and no model needs. */
const passedOver = new Set([".git", "__pycache__", ".ipynb_checkpoints", ".DS_Store", ".cache"]);

/**
 * Writes the files of a folder into a tar file, by path and without times: the same folder makes the same bytes. Links are
 * passed over.
 */
export async function packFolder(folder: string, target: string): Promise<void> {
  const { readable, controller } = createTarPacker();
  const written = pipeline(Readable.fromWeb(readable as NodeReadableStream<Uint8Array>), createWriteStream(target, { mode: 0o600 }));
  try {
    for (const path of await filesBelow(folder, folder)) {
      const { size } = await stat(join(folder, path));
      const writer = controller.add({ name: path.split(sep).join("/"), size, type: "file", mode: 0o600, mtime: new Date(0) }).getWriter();
      // A file that grows meanwhile would break the archive: no more than was announced is read.
      if (size > 0) for await (const chunk of createReadStream(join(folder, path), { end: size - 1 })) await writer.write(chunk as Uint8Array);
      await writer.close();
    }
    controller.finalize();
  } catch (error) {
    controller.error(error);
  }
  await written;
}

async function filesBelow(root: string, folder: string): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (passedOver.has(entry.name)) continue;
    const path = join(folder, entry.name);
    if (entry.isDirectory()) found.push(...(await filesBelow(root, path)));
    else if (entry.isFile()) found.push(relative(root, path));
  }
  return found.sort();
}
