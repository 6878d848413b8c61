import { crc32 } from "node:zlib";

/** JSON as one line of a file, behind a checksum of it. */
export function checkedLine(text: string): string {
  return `${checksumOf(text)} ${text}\n`;
}

/** The JSON; null for what a crash cut, or a disk changed. `line` is without its end. */
export function readCheckedLine(line: string): string | null {
  const text = line.slice(9);
  return line.length < 10 || checksumOf(text) !== line.slice(0, 8) ? null : text;
}

function checksumOf(text: string): string {
  return crc32(text).toString(16).padStart(8, "0");
}
