import type { Tensor } from "./tensor.ts";

/** Below this size, in bytes, releasing costs more than it spares. */
const worthReleasing = 16 * 1024;

/** No element of a tensor is larger: data that begin at a multiple of it in memory are read where they lie. */
const largestElementBytes = 8;

/** Memory with a padding in front that belongs to nobody. */
const padded = new WeakSet<ArrayBuffer>();

/** New memory, not zeroed, whose byte at `alignedAt` lies at a multiple of 8. */
export function alignedBytes(length: number, alignedAt: number): Buffer<ArrayBuffer> {
  const padding = Number.isSafeInteger(alignedAt) && alignedAt > 0 ? -alignedAt & (largestElementBytes - 1) : 0;
  // What is worth releasing must have memory of its own: Node puts up to half of its pool's size, which differs by release, into the pool.
  const bytes = length < worthReleasing ? Buffer.allocUnsafe(padding + length) : Buffer.allocUnsafeSlow(padding + length);
  if (padding === 0) return bytes;
  if (length >= worthReleasing) padded.add(bytes.buffer);
  return bytes.subarray(padding);
}

/**
 * Frees the memory of bytes that nobody reads any more, at once; they are empty afterwards. Buffers lie outside the engine's
 * heap: left to it, those of five bodies of 3 MB make it mark the whole heap, on every core, and again for the next five.
 * Does nothing where the memory is small, or shared with other buffers. `framing` is the length of what may stand in front of the bytes and was
 * read with them.
 */
export function releaseMemory(bytes: Uint8Array<ArrayBuffer>, framing = 0): void {
  const { buffer, byteOffset, length } = bytes;
  if (length < worthReleasing || buffer.byteLength !== byteOffset + length) return;
  if (byteOffset === 0 || byteOffset === framing || (byteOffset < largestElementBytes && padded.has(buffer))) buffer.transfer(0);
}

/** Frees what of the tensors' numbers has memory of its own. */
export function releaseTensors(tensors: readonly Tensor[]): void {
  for (const { data } of tensors) if (!Array.isArray(data)) releaseMemory(new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength));
}
