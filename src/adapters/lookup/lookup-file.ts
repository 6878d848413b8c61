import { elementSize, typedArrayOf, type Datatype, type NumericData } from "../../core/tensor.ts";

/**
 * The searchable form of a table: the file is what is in memory while it serves.
 *
 *     8 bytes   "SLPLKP1\n"
 *     8 bytes   length of the header, little-endian
 *     header    LookupHeader as JSON, filled up with spaces to a multiple of 8
 *     sections  each at a multiple of 8, where the header says, little-endian
 *
 * A numeric column is one section, its elements. A column of texts is two: rows + 1 positions of 32 bits, and the bytes in UTF-8. The slots are a hash
 * table with open addressing and linear probing: 0 for none, else the row plus one.
 */
export const lookupMagic = "SLPLKP1\n";

export interface LookupColumn {
  name: string;
  datatype: Datatype;
  /** Position and bytes of its elements, or of the positions of its texts. */
  at: number;
  bytes: number;
  /** Of texts. */
  textAt?: number;
  textBytes?: number;
}

export interface LookupHeader {
  rows: number;
  keys: LookupColumn[];
  values: LookupColumn[];
  slots: { at: number; count: number };
}

/** What a table turned out to be. */
export interface LookupShape {
  rows: number;
  bytes: number;
  keys: { name: string; datatype: Datatype; example: number | string | boolean }[];
  values: { name: string; datatype: Datatype }[];
}

/** A column in memory. */
export type ColumnData = { datatype: Exclude<Datatype, "BYTES">; data: NumericData } | { datatype: "BYTES"; ends: Uint32Array; text: Buffer };

export function alignedTo8(length: number): number {
  return Math.ceil(length / 8) * 8;
}

/** Slots for so many rows: at most half of them are taken. */
export function slotCount(rows: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(8, rows * 2)));
}

/** Columns of a file that was read whole; `bytes` starts at a multiple of 8. */
export function columnOf({ datatype, at, bytes, textAt = 0, textBytes = 0 }: LookupColumn, file: Buffer): ColumnData {
  if (datatype === "BYTES") {
    return { datatype, ends: new Uint32Array(file.buffer, file.byteOffset + at, bytes / 4), text: file.subarray(textAt, textAt + textBytes) };
  }
  return { datatype, data: new typedArrayOf[datatype](file.buffer as ArrayBuffer, file.byteOffset + at, bytes / elementSize[datatype]) };
}

/** A mixed hash of 32 bits of the key of one row; equal keys have equal hashes whichever table they come from. */
export function keyHash(keys: readonly ColumnData[], row: number): number {
  let hash = 0x811c9dc5;
  for (const key of keys) {
    if (key.datatype === "BYTES") {
      const end = key.ends[row + 1]!;
      for (let at = key.ends[row]!; at < end; at++) hash = Math.imul(hash ^ key.text[at]!, 0x01000193);
      hash = Math.imul(hash ^ 0xff, 0x01000193);
      continue;
    }
    const value = key.data[row]!;
    const low = typeof value === "bigint" ? Number(BigInt.asUintN(32, value)) : value;
    const high = typeof value === "bigint" ? Number(BigInt.asUintN(32, value >> 32n)) : 0;
    hash = mixed(Math.imul(hash ^ low, 0x85ebca6b) ^ high);
  }
  return mixed(hash);
}

function mixed(hash: number): number {
  hash ^= hash >>> 16;
  hash = Math.imul(hash, 0x7feb352d);
  hash ^= hash >>> 15;
  hash = Math.imul(hash, 0x846ca68b);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** Whether two rows have the same key; both tables have the same columns. */
export function sameKey(left: readonly ColumnData[], leftRow: number, right: readonly ColumnData[], rightRow: number): boolean {
  for (let index = 0; index < left.length; index++) {
    const [a, b] = [left[index]!, right[index]!];
    if (a.datatype === "BYTES" && b.datatype === "BYTES") {
      const [aStart, aEnd, bStart, bEnd] = [a.ends[leftRow]!, a.ends[leftRow + 1]!, b.ends[rightRow]!, b.ends[rightRow + 1]!];
      if (aEnd - aStart !== bEnd - bStart || a.text.compare(b.text, bStart, bEnd, aStart, aEnd) !== 0) return false;
    } else if (a.datatype !== "BYTES" && b.datatype !== "BYTES" && a.data[leftRow] !== b.data[rightRow]) return false;
  }
  return true;
}

/** The row with the key that `wanted` has in its row, -1 where there is none. */
export function findRow(slots: Uint32Array, keys: readonly ColumnData[], wanted: readonly ColumnData[], wantedRow: number): number {
  const mask = slots.length - 1;
  for (let slot = keyHash(wanted, wantedRow) & mask; ; slot = (slot + 1) & mask) {
    const taken = slots[slot]!;
    if (taken === 0) return -1;
    if (sameKey(keys, taken - 1, wanted, wantedRow)) return taken - 1;
  }
}
