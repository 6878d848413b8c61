import type { IncomingMessage, ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { HttpAnswer } from "../core/route.ts";

/** On every answer that is not the console's. */
const commonHeaders = {
  "X-Content-Type-Options": "nosniff",
  "Cache-Control": "no-store",
  "X-Frame-Options": "deny",
  "Referrer-Policy": "no-referrer",
  "Cross-Origin-Resource-Policy": "same-origin",
} as const;

const commonHeaderList = Object.entries(commonHeaders).flat();

/** Sends `200` with a JSON document, or the HttpAnswer as it is. `close` ends the connection after the answer. */
export async function writeAnswer(request: IncomingMessage, response: ServerResponse, result: unknown, close: boolean): Promise<void> {
  if (response.destroyed) return;
  const withoutBody = request.method === "HEAD";
  if (!(result instanceof HttpAnswer)) {
    return sendBuffer(response, 200, ["Content-Type", "application/json"], [Buffer.from(JSON.stringify(result))], withoutBody, close);
  }
  const headers: string[] = [];
  for (const name in result.headers) headers.push(name, result.headers[name]!);
  const { body } = result;
  if (body instanceof Readable) {
    response.writeHead(result.status, mergeHeaders(headers, close));
    if (withoutBody) {
      body.destroy();
      response.end();
    } else {
      await pipeline(body, response).catch(() => response.destroy()); // the caller left, or the source broke: the cut connection says so
    }
    return;
  }
  const chunks = body === null ? [] : typeof body === "string" ? [Buffer.from(body)] : body instanceof Uint8Array ? [body] : body;
  sendBuffer(response, result.status, headers, chunks, withoutBody, close);
}

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
  response.writeHead(status, mergeHeaders(headers, close));
  if (withoutBody || chunks.length === 0) {
    response.end();
  } else if (chunks.length === 1) {
    response.end(chunks[0]);
  } else {
    response.cork();
    for (const chunk of chunks) response.write(chunk);
    response.end();
  }
}

/** The answer's own headers win over the common ones. */
function mergeHeaders(headers: string[], close: boolean): string[] {
  const own = new Set<string>();
  for (let index = 0; index < headers.length; index += 2) own.add(headers[index]!.toLowerCase());
  for (let index = 0; index < commonHeaderList.length; index += 2) {
    if (!own.has(commonHeaderList[index]!.toLowerCase())) headers.push(commonHeaderList[index]!, commonHeaderList[index + 1]!);
  }
  if (close) headers.push("Connection", "close");
  return headers;
}
