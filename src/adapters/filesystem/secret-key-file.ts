import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { open, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { AppError } from "../../core/errors.ts";
import { systemErrorCode } from "./file-system.ts";
import { nodeFileSystem } from "./node-file-system.ts";

const fileName = "secret.key";

/**
 * The key of stored secrets, 32 bytes, in `secret.key` of the data directory: made once, readable by its owner alone.
 * Throws CONFIG_INVALID when the file is damaged, or others may read it.
 */
export async function readOrMakeSecretKey(directory: string): Promise<Uint8Array> {
  const path = join(directory, fileName);
  const found = await readKey(path);
  if (found !== null) return found;
  let file: FileHandle;
  try {
    file = await open(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600);
  } catch (cause) {
    // Somebody made it in between.
    const other = systemErrorCode(cause) === "EEXIST" ? await readKey(path) : null;
    if (other !== null) return other;
    throw new AppError("CONFIG_INVALID", `The data directory takes no ${fileName}.`, { cause });
  }
  const key = randomBytes(32);
  try {
    await file.write(`${key.toString("base64")}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  await nodeFileSystem.syncDirectory(directory);
  return key;
}

async function readKey(path: string): Promise<Uint8Array | null> {
  let file: FileHandle;
  try {
    // A link would let whoever can write the directory choose the key.
    file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch (cause) {
    if (systemErrorCode(cause) === "ENOENT") return null;
    throw new AppError("CONFIG_INVALID", `The file ${fileName} of the data directory cannot be read.`, { cause });
  }
  try {
    const { mode } = await file.stat();
    if ((mode & 0o077) !== 0) throw new AppError("CONFIG_INVALID", `The file ${fileName} of the data directory may be read or written by others: chmod 600 it.`);
    const text = (await file.readFile("utf8")).trim();
    if (!/^[A-Za-z0-9+/]{43}=$/.test(text)) throw new AppError("CONFIG_INVALID", `The file ${fileName} of the data directory holds no key: restore it from a backup. Without it no stored secret can be read.`);
    return Buffer.from(text, "base64");
  } finally {
    await file.close();
  }
}
