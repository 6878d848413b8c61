import { crc32 } from "node:zlib";

/** A value as one line of a file, behind a checksum of it. */
export function checkedLine(value: unknown): string {
  const text = JSON.stringify(value);
  return `${checksumOf(text)} ${text}\n`;
}

/** Null for what a crash cut, or a disk changed. `line` is without its end. */
export function readCheckedLine(line: string): unknown {
  const text = line.slice(9);
  return line.length < 10 || checksumOf(text) !== line.slice(0, 8) ? null : JSON.parse(text);
}

function checksumOf(text: string): string {
  return crc32(text).toString(16).padStart(8, "0");
}
