import { readFileSync, realpathSync, statSync } from "node:fs";
import { resolve, sep } from "node:path";
import { AppError } from "../../core/errors.ts";

const mostBytes = 64 * 1024;

/** Text of a file of secrets below `folder`, without the line end that editors add; undefined where there is none. Throws INVALID_REQUEST for a place outside, also by a link. */
export function readSecretFile(folder: string | undefined, path: string): string | undefined {
  if (folder === undefined) throw new AppError("INVALID_REQUEST", "Secrets of files need the setting secretFiles: the folder that they are in.");
  let real: string;
  let root: string;
  try {
    root = realpathSync(folder);
    real = realpathSync(resolve(root, path));
  } catch {
    return undefined;
  }
  if (!real.startsWith(root + sep)) throw new AppError("INVALID_REQUEST", "The file of the secret is not in the folder of secrets.");
  const { size } = statSync(real);
  if (size > mostBytes) throw new AppError("INVALID_REQUEST", "The file of the secret is larger than 64 KiB.");
  return readFileSync(real, "utf8").replace(/[\r\n]+$/, "");
}
