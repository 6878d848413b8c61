import { once } from "node:events";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";

/** Does with a connection what it likes, once a request has come whole. */
export type RawAnswer = (socket: Socket) => void;

/** A provider that writes its answers by hand to the socket: what no library of HTTP would send. */
export class RawProvider {
  answer: RawAnswer = () => undefined;
  /** Called with the head of a request, before its body is read; true where it has answered already. */
  early: (socket: Socket) => boolean = () => false;
  asked = 0;
  readonly #sockets = new Set<Socket>();
  readonly #server: Server = createServer((socket) => {
    this.#sockets.add(socket.on("error", () => undefined).once("close", () => this.#sockets.delete(socket)));
    let received = Buffer.alloc(0);
    socket.on("data", (part: Buffer) => {
      received = Buffer.concat([received, part]);
      const end = received.indexOf("\r\n\r\n");
      if (end < 0) return;
      const length = Number(/content-length: (\d+)/i.exec(received.toString("latin1", 0, end))?.[1] ?? 0);
      if (this.early(socket)) return void socket.pause();
      if (received.length < end + 4 + length) return;
      received = received.subarray(end + 4 + length);
      this.asked++;
      this.answer(socket);
    });
  });

  /** Its address, without a path. */
  async start(): Promise<string> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  stop(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }
}

/** Writes a piece until the other side is gone or so many bytes are out; answers with how many were taken. */
export async function pourRaw(socket: Socket, piece: string | Uint8Array, most: number): Promise<number> {
  const bytes = typeof piece === "string" ? Buffer.from(piece.repeat(Math.max(1, Math.floor(65_536 / piece.length)))) : piece;
  const closed = new Promise((resolve) => socket.once("close", resolve));
  let sent = 0;
  while (sent < most && !socket.destroyed) {
    sent += bytes.length;
    if (!socket.write(bytes)) await Promise.race([new Promise((resolve) => socket.once("drain", resolve)), closed]);
  }
  return sent;
}

/** A byte or a piece each so many milliseconds, until the other side is gone. */
export function drip(socket: Socket, piece: string, everyMs: number): void {
  const timer = setInterval(() => socket.write(piece), everyMs);
  socket.once("close", () => clearInterval(timer));
}
