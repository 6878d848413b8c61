import type { Duplex } from "node:stream";
import type { ErrorCode } from "../core/error-catalogue.ts";
import { commonHeaderText } from "./write-answer.ts";

/** So long a caller may take to read why, and to close its side: who never does keeps no connection. */
const lingerMs = 5000;

export function refuse(socket: Duplex, text: string): void {
  socket.end(text);
  const timer = setTimeout(() => socket.destroy(), lingerMs).unref();
  socket.once("close", () => clearTimeout(timer));
}

/** An answer to what never became a request. */
export function rawRefusal(status: string, message: string, code: ErrorCode = "INVALID_REQUEST"): string {
  const body = JSON.stringify({ error: { code, message, hint: "Send requests as the reference at /docs describes.", problems: [] } });
  return `HTTP/1.1 ${status}\r\nContent-Type: application/json\r\nX-Error-Code: ${code}\r\n${commonHeaderText}Connection: close\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}
