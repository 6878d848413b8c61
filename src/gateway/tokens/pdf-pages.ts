import { inflateSync } from "node:zlib";

/** Of all object streams of one file, unpacked: a page takes some 200 bytes there. */
const mostUnpacked = 8 << 20;
/** Object streams that are looked at. */
const mostStreams = 1000;

/**
 * How many pages a PDF has, by its own objects: pages that are named, or the count of its page tree, whichever is more (what an older state of the file left behind counts too). Null where nothing can be read: it is
 * encrypted, packed in a way that is not deflate, larger than 8 MiB unpacked, or no PDF.
 * Source: ISO 32000-1, 7.5.7 (object streams), 7.7.3 (page tree).
 */
export function pdfPages(base64: string): number | null {
  const bytes = Buffer.from(base64, "base64");
  const text = bytes.toString("latin1");
  if (!text.slice(0, 1024).includes("%PDF-") || /\/Encrypt\b/.test(text)) return null;
  let pages = pagesOf(text);
  let counted = countOf(text);
  let left = mostUnpacked;
  let streams = 0;
  for (let at = text.indexOf("/ObjStm"); at !== -1; at = text.indexOf("/ObjStm", at + 1)) {
    const start = text.indexOf("stream", at);
    if (start === -1) break;
    if (++streams > mostStreams || left <= 0) return null;
    const from = start + "stream".length + (text[start + 6] === "\r" ? 2 : 1);
    try {
      const end = text.indexOf("endstream", from);
      const unpacked = inflateSync(bytes.subarray(from, end === -1 ? undefined : end), { maxOutputLength: left, finishFlush: 2 }).toString("latin1");
      left -= unpacked.length;
      pages += pagesOf(unpacked);
      counted = Math.max(counted, countOf(unpacked));
    } catch {
      return null;
    }
  }
  const found = Math.max(pages, counted);
  return found === 0 ? null : found;
}

function pagesOf(text: string): number {
  return text.match(/\/Type\s*\/Page(?![A-Za-z0-9])/g)?.length ?? 0;
}

/** The root of the page tree has the largest count; outlines, which have one too, only make it larger. */
function countOf(text: string): number {
  let most = 0;
  for (const [, digits] of text.matchAll(/\/Count\s+(\d{1,9})(?!\d)/g)) most = Math.max(most, Number(digits));
  return most;
}
