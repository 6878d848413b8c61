/** Below this size, in bytes, releasing costs more than it spares. */
const worthReleasing = 16 * 1024;

/**
 * Frees the memory of bytes that nobody reads any more, at once; they are empty afterwards. Buffers lie outside the engine's
 * heap: left to it, those of five bodies of 3 MB make it mark the whole heap, on every core, and again for the next five.
 * Does nothing where the memory is small, or shared with other buffers.
 */
export function releaseMemory(bytes: Uint8Array<ArrayBuffer>): void {
  if (bytes.length >= worthReleasing && bytes.buffer.byteLength === bytes.length) bytes.buffer.transfer(0);
}
