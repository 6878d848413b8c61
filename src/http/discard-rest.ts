import type { IncomingMessage } from "node:http";

/** What is still arriving of a refused body is read and thrown away, within these bounds: a caller who is cut off while sending never sees the answer. */
const discardedBytes = 256 << 20;
const discardMs = 10_000;

export function discardRest(request: IncomingMessage): void {
  let left = discardedBytes;
  request.removeAllListeners("data");
  const timer = setTimeout(() => request.socket.destroy(), discardMs).unref();
  request.on("data", (chunk: Buffer) => {
    left -= chunk.length;
    if (left < 0) request.socket.destroy();
  });
  request.once("close", () => clearTimeout(timer));
  request.resume();
}
