import { CsvLines } from "../core/csv-lines.ts";

/**
 * Whether a row of a CSV file with a header has the value, which has no quotes, in the column. Takes the file in pieces, and of it no more into memory than a line: one of 100,000 rows would hold up all others while it is read.
 * `open` begins at the front each time.
 */
export async function csvColumnHas(open: () => AsyncIterable<Uint8Array>, column: string, value: string): Promise<boolean> {
  // Most files do not have it anywhere, which is quickly seen.
  if (!(await holds(open(), Buffer.from(value)))) return false;
  let place: number | undefined;
  let found = false;
  const lines = new CsvLines({
    visit(cells) {
      if (place === undefined) place = cells.findIndex((cell) => cell.trim() === column);
      else if (cells[place] === value) found = true;
    },
  });
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  let unread = "";
  let enough = 0;
  for await (const chunk of open()) {
    unread += decoder.decode(chunk, { stream: true });
    if (unread.length < enough) continue;
    unread = unread.slice(lines.read(unread, false));
    if (found || place === -1) return found;
    // A long line is read anew when there is twice as much of it, and not with each piece.
    enough = unread.length * 2;
  }
  lines.read(unread + decoder.decode(), true);
  return found;
}

/** Whether the bytes stand somewhere, pieces put together. */
async function holds(chunks: AsyncIterable<Uint8Array>, bytes: Buffer): Promise<boolean> {
  /** What may be the first part of them. */
  let before: Buffer = Buffer.alloc(0);
  for await (const chunk of chunks) {
    const piece = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    const seam = Buffer.concat([before, piece.subarray(0, bytes.length - 1)]);
    if (piece.includes(bytes) || seam.includes(bytes)) return true;
    before = (piece.length < bytes.length ? seam : piece).subarray(1 - bytes.length);
  }
  return false;
}
