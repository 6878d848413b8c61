import type { IncomingMessage, ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { HttpAnswer, isStreamed, type StreamedBody } from "../core/route.ts";

/**
 * On every answer that is not the console's: none is a page. A browser that is led to one (a file that somebody stored, a
 * text with somebody's words) runs nothing of it, shows it in no frame, and guesses no other type.
 */
const commonHeaderList = [
  "X-Content-Type-Options", "nosniff",
  "Cache-Control", "no-store",
  "X-Frame-Options", "deny",
  "Referrer-Policy", "no-referrer",
  "Content-Security-Policy", "sandbox; default-src 'none'; frame-ancestors 'none'",
  "Cross-Origin-Opener-Policy", "same-origin",
  "Cross-Origin-Resource-Policy", "same-origin",
] as const;

/** The same for answers that are written by hand. */
export const commonHeaderText = Array.from({ length: commonHeaderList.length / 2 }, (_, index) => `${commonHeaderList[2 * index]!}: ${commonHeaderList[2 * index + 1]!}\r\n`).join("");

/** Sends `200` with a JSON document, or the HttpAnswer as it is. `close` ends the connection after the answer. */
export async function writeAnswer(request: IncomingMessage, response: ServerResponse, result: unknown, close: boolean): Promise<void> {
  if (response.destroyed) {
    if (result instanceof HttpAnswer && isStreamed(result.body)) abandon(result.body);
    return;
  }
  const withoutBody = request.method === "HEAD";
  if (!(result instanceof HttpAnswer)) {
    return sendBuffer(response, 200, ["Content-Type", "application/json"], [Buffer.from(JSON.stringify(result))], withoutBody, close);
  }
  const headers: string[] = [];
  for (const name in result.headers) headers.push(name, result.headers[name]!);
  for (const cookie of result.cookies) headers.push("Set-Cookie", cookie);
  const { body } = result;
  if (isStreamed(body)) {
    response.writeHead(result.status, withCommonHeaders(headers, close));
    if (withoutBody) {
      abandon(body);
      response.end();
    } else if (!(body instanceof Readable)) {
      await writePieces(response, body[Symbol.asyncIterator]());
    } else {
      await pipeline(body, response).catch(() => response.destroy()); // the caller left, or the source broke: the cut connection says so
    }
    return;
  }
  const chunks = body === null ? [] : typeof body === "string" ? [Buffer.from(body)] : body instanceof Uint8Array ? [body] : body;
  sendBuffer(response, result.status, headers, chunks, withoutBody, close);
}

/** Nobody will read it: what stands behind it, such as an open file, is given back, and what it fails with concerns nobody. */
function abandon(body: StreamedBody): void {
  if (body instanceof Readable) body.on("error", () => undefined).destroy();
  else void Promise.resolve(body[Symbol.asyncIterator]().return?.()).catch(() => undefined);
}

/** Each piece goes out as it comes; a caller who reads slowly is waited for, and one who leaves ends the iterator. */
async function writePieces(response: ServerResponse, pieces: AsyncIterator<Uint8Array | string>): Promise<void> {
  let wake: (() => void) | null = null;
  const settled = (): void => wake?.();
  const left = (): void => {
    settled();
    // Where a piece is waited for, this is what ends the wait.
    if (!response.writableEnded) void Promise.resolve(pieces.return?.()).catch(() => undefined);
  };
  response.on("drain", settled).once("close", left);
  try {
    for (;;) {
      const { done, value } = await pieces.next();
      if (response.destroyed) return;
      if (done === true) return void response.end();
      if (response.write(value)) continue;
      await new Promise<void>((resolve) => (wake = resolve));
      wake = null;
    }
  } catch {
    response.destroy(); // the source broke: the cut connection says so
  } finally {
    response.off("drain", settled);
  }
}

/** Up to this length a body goes out in one string with its headers: one system call less than bytes of their own. */
const longestJoinedBytes = 8192;

function sendBuffer(
  response: ServerResponse,
  status: number,
  headers: string[],
  chunks: readonly Uint8Array[],
  withoutBody: boolean,
  close: boolean,
): void {
  let length = 0;
  for (const chunk of chunks) length += chunk.byteLength;
  headers.push("Content-Length", String(length));
  response.writeHead(status, withCommonHeaders(headers, close));
  if (withoutBody || length === 0) {
    response.end();
  } else if (length <= longestJoinedBytes) {
    // latin1 is one byte for one character, whatever the bytes mean.
    response.end((chunks.length === 1 ? asBuffer(chunks[0]!) : Buffer.concat(chunks, length)).toString("latin1"), "latin1");
  } else {
    response.cork();
    for (const chunk of chunks) response.write(chunk);
    response.end();
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** No answer sets one of these itself. */
function withCommonHeaders(headers: string[], close: boolean): string[] {
  headers.push(...commonHeaderList);
  if (close) headers.push("Connection", "close");
  return headers;
}
