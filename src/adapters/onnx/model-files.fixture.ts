import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";

/** A folder for the models of a test file, removed after it. `save` writes one and answers with its path. */
export function modelFiles(): { directory: string; save: (bytes: Uint8Array) => string } {
  const directory = mkdtempSync(join(tmpdir(), "slipway-onnx-"));
  after(() => rmSync(directory, { recursive: true, force: true }));
  let files = 0;
  return {
    directory,
    save: (bytes) => {
      const path = join(directory, `${++files}.onnx`);
      writeFileSync(path, bytes);
      return path;
    },
  };
}
