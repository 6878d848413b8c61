import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import type { ApiClient } from "../core/api-client.ts";
import { packFolder } from "./pack-folder.ts";

/** Uploads a model file, or a folder as one file; the answer is what requests name it by. */
export async function uploadModel(api: ApiClient, path: string, onProgress: (text: string) => void): Promise<{ artifact: string; fileName: string }> {
  // What is not there is told of by the upload itself.
  const found = await stat(path).catch(() => null);
  if (found?.isDirectory() !== true) return { artifact: await uploadFile(api, path, "model", onProgress), fileName: basename(resolve(path)) };
  const directory = await mkdtemp(join(tmpdir(), "slipway-upload-"));
  try {
    const packed = join(directory, "model.tar");
    await packFolder(path, packed);
    return { artifact: await uploadFile(api, packed, "model", onProgress), fileName: `${basename(resolve(path))}.tar` };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Answers with the digest; says each tenth of the way. */
export async function uploadFile(api: ApiClient, path: string, what: string, onProgress: (text: string) => void): Promise<string> {
  let shown = -1;
  const { digest } = await api.uploadFile(path, (sent, total) => {
    const percent = total === 0 ? 100 : Math.floor((sent / total) * 10) * 10;
    if (percent !== shown) onProgress(`Uploading the ${what}: ${(shown = percent)}%`);
  });
  return digest;
}
