import { crc32 } from "node:zlib";

/** A frame as the service writes it. */
export function eventFrame(headers: Record<string, string>, payload: object): Buffer {
  const written = Buffer.concat(Object.entries(headers).map(([name, value]) => {
    const header = Buffer.alloc(4 + name.length + Buffer.byteLength(value));
    header.writeUInt8(name.length, 0);
    header.write(name, 1, "latin1");
    header.writeUInt8(7, 1 + name.length);
    header.writeUInt16BE(Buffer.byteLength(value), 2 + name.length);
    header.write(value, 4 + name.length);
    return header;
  }));
  return eventFrameOf(written, Buffer.from(JSON.stringify(payload)));
}

/** The same of headers as they are written. */
export function eventFrameOf(written: Buffer, body: Buffer): Buffer {
  const bytes = Buffer.alloc(16 + written.length + body.length);
  bytes.writeUInt32BE(bytes.length, 0);
  bytes.writeUInt32BE(written.length, 4);
  bytes.writeUInt32BE(crc32(bytes.subarray(0, 8)), 8);
  written.copy(bytes, 12);
  body.copy(bytes, 12 + written.length);
  bytes.writeUInt32BE(crc32(bytes.subarray(0, -4)), bytes.length - 4);
  return bytes;
}
