import { Agent, request, type OutgoingHttpHeaders } from "node:http";
import { connect } from "node:net";

export interface HttpReply {
  status: number;
  headers: Record<string, string>;
  text: string;
}

/** However slow the machine, an answer that takes longer is a hang. */
export const hangMs = 60_000;

/** Sends requests over a few kept connections; a connection that is cut before its answer rejects. */
export class HttpCaller {
  readonly #agent: Agent;
  readonly #port: number;

  constructor(port: number, connections = 8) {
    this.#port = port;
    this.#agent = new Agent({ keepAlive: true, maxSockets: connections });
  }

  send(method: string, path: string, headers: OutgoingHttpHeaders = {}, body?: Uint8Array | string): Promise<HttpReply> {
    return this.#send(method, path, headers, body, true);
  }

  close(): void {
    this.#agent.destroy();
  }

  #send(method: string, path: string, headers: OutgoingHttpHeaders, body: Uint8Array | string | undefined, mayRepeat: boolean): Promise<HttpReply> {
    return new Promise((resolve, reject) => {
      const outgoing = request({ host: "127.0.0.1", port: this.#port, agent: this.#agent, method, path, headers, timeout: hangMs }, (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", reject);
        response.on("end", () => {
          resolve({ status: response.statusCode!, headers: response.headers as Record<string, string>, text: Buffer.concat(chunks).toString() });
        });
      });
      outgoing.on("timeout", () => outgoing.destroy(new Error(`no answer to ${method} ${path} within ${hangMs} ms`)));
      outgoing.on("error", (error: NodeJS.ErrnoException) => {
        // A kept connection that was closed after its last answer carried nothing of this request: HTTP lets a client repeat it.
        if (mayRepeat && outgoing.reusedSocket && error.code === "ECONNRESET") resolve(this.#send(method, path, headers, body, false));
        else reject(error);
      });
      outgoing.end(body);
    });
  }
}

/** Writes bytes to a connection of their own and answers with all that comes back until it is closed; "" when nothing did. */
export function sendRaw(port: number, bytes: Uint8Array | string, options: { halfClose?: boolean } = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    const socket = connect({ host: "127.0.0.1", port, allowHalfOpen: true });
    const timer = setTimeout(() => {
      socket.destroy();
      reject(new Error(`the connection still stood after ${hangMs} ms; it had brought ${JSON.stringify(Buffer.concat(chunks).toString().slice(0, 300))}`));
    }, hangMs);
    const done = (): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(Buffer.concat(chunks).toString());
    };
    socket.on("connect", () => {
      socket.write(bytes);
      if (options.halfClose) socket.end();
    });
    socket.on("data", (chunk: Buffer) => chunks.push(chunk));
    socket.on("end", done);
    socket.on("error", done);
  });
}

/** Status, headers and body of a raw answer; null for bytes that are none. */
export function parseRaw(text: string): HttpReply | null {
  const match = /^HTTP\/1\.1 ([0-9]{3}) /.exec(text);
  if (match === null) return null;
  const headEnd = text.indexOf("\r\n\r\n");
  const headers: Record<string, string> = {};
  for (const line of text.slice(0, headEnd).split("\r\n").slice(1)) {
    const separator = line.indexOf(":");
    headers[line.slice(0, separator).toLowerCase()] = line.slice(separator + 1).trim();
  }
  return { status: Number(match[1]), headers, text: text.slice(headEnd + 4) };
}
