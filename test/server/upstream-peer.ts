import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface PeerRequest {
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

export type PeerAnswer = { status?: number; headers?: Record<string, string>; body?: unknown; bytes?: Uint8Array | string } | "hang" | "close" | "half";

/** A server of models that answers as a test says, and remembers what it was asked. `body` is answered as JSON, `bytes` as it is. */
export class UpstreamPeer {
  readonly requests: PeerRequest[] = [];
  answer: (request: PeerRequest) => PeerAnswer;
  connections = 0;
  /** Requests that the other side gave up. */
  abandoned = 0;
  readonly #server: Server;

  constructor(answer: (request: PeerRequest) => PeerAnswer) {
    this.answer = answer;
    this.#server = createServer((incoming, response) => {
      const parts: Buffer[] = [];
      incoming.on("data", (part: Buffer) => parts.push(part));
      incoming.on("error", () => undefined);
      incoming.on("end", () => {
        const request = { method: incoming.method!, path: incoming.url!, headers: incoming.headers, body: Buffer.concat(parts) };
        this.requests.push(request);
        this.#write(this.answer(request), response);
      });
      response.on("close", () => {
        if (!response.writableFinished) this.abandoned++;
      });
    });
    this.#server.on("connection", () => this.connections++);
  }

  async listen(): Promise<string> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Bodies of requests for predictions, the newest last. */
  get posted(): PeerRequest[] {
    return this.requests.filter(({ method }) => method === "POST");
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  #write(answer: PeerAnswer, response: ServerResponse): void {
    if (answer === "hang") return;
    if (answer === "close") return void response.socket?.destroy();
    if (answer === "half") {
      response.writeHead(200, { "content-type": "application/json", "content-length": "1000" });
      response.write('{"outputs":[');
      return void setImmediate(() => response.socket?.destroy());
    }
    const { status = 200, headers = {}, body, bytes } = answer;
    response.writeHead(status, { "content-type": "application/json", ...headers });
    response.end(bytes ?? (body === undefined ? "" : JSON.stringify(body)));
  }
}
