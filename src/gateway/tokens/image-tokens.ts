import type { ImagePart, MediaSource } from "../conversation/chat-request.ts";

export interface ImageSize {
  width: number;
  height: number;
}

/** What an image costs whose size is not known (an address, a file of the provider, a format that is not read): 1024 by 1024 in high detail. */
const tokensOfUnknownImage = 765;

/**
 * Tokens of an image as OpenAI counts those of gpt-4o: 85 in low detail; else it is fitted into 2048 by 2048, its shorter side to 768, and each tile of 512 by 512 costs 170, beside 85.
 * Source: "Images and vision", platform.openai.com. Others count otherwise: Anthropic takes width * height / 750, at most some 1600.
 */
export function imageTokens(part: ImagePart): number {
  if (part.detail === "low") return 85;
  const size = part.source.kind === "data" ? imageSize(part.source) : null;
  if (size === null) return tokensOfUnknownImage;
  const fit = Math.min(1, 2048 / Math.max(size.width, size.height));
  const scale = fit * Math.min(1, 768 / (Math.min(size.width, size.height) * fit));
  return 85 + 170 * Math.ceil((size.width * scale) / 512) * Math.ceil((size.height * scale) / 512);
}

/** Size in pixels by the header of a PNG, GIF, WebP or JPEG; null where it tells none. Reads the first 64 KiB at most. */
export function imageSize(source: Extract<MediaSource, { kind: "data" }>): ImageSize | null {
  // PNG, GIF and WebP tell at once; only JPEG hides its size behind what cameras write.
  const head = Buffer.from(source.base64.slice(0, 64), "base64");
  const size = head[0] === 0xff && head[1] === 0xd8 ? jpegSize(Buffer.from(source.base64.slice(0, 87_384), "base64")) : headSize(head);
  return size !== null && size.width > 0 && size.height > 0 ? size : null;
}

function headSize(head: Buffer): ImageSize | null {
  if (head.length < 30) return null;
  if (head.readUInt32BE(0) === 0x89504e47 && head.toString("latin1", 12, 16) === "IHDR") return { width: head.readUInt32BE(16), height: head.readUInt32BE(20) };
  if (head.toString("latin1", 0, 4) === "GIF8") return { width: head.readUInt16LE(6), height: head.readUInt16LE(8) };
  if (head.toString("latin1", 0, 4) !== "RIFF" || head.toString("latin1", 8, 12) !== "WEBP") return null;
  switch (head.toString("latin1", 12, 16)) {
    case "VP8 ":
      return { width: head.readUInt16LE(26) & 0x3fff, height: head.readUInt16LE(28) & 0x3fff };
    case "VP8L": {
      const bits = head.readUInt32LE(21);
      return { width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 };
    }
    case "VP8X":
      return { width: head.readUIntLE(24, 3) + 1, height: head.readUIntLE(27, 3) + 1 };
    default:
      return null;
  }
}

/** The size stands in the first frame header (SOF0 to SOF15 but for the three that are none). */
function jpegSize(bytes: Buffer): ImageSize | null {
  let at = 2;
  while (at + 9 <= bytes.length) {
    if (bytes[at] !== 0xff) return null;
    const marker = bytes[at + 1] as number;
    if (marker === 0xff) {
      at++;
      continue;
    }
    if (marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc) return { width: bytes.readUInt16BE(at + 7), height: bytes.readUInt16BE(at + 5) };
    const length = bytes.readUInt16BE(at + 2);
    if (length < 2) return null;
    at += 2 + length;
  }
  return null;
}
