import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { Readable } from "node:stream";
import type { ApiClient, ApiQuery } from "../core/api-client.ts";
import { errorCatalogue, type ErrorCode } from "../core/error-catalogue.ts";
import { AppError, type Problem } from "../core/errors.ts";
import { parseServerSentEvents, type ServerSentEvent } from "../core/server-sent-events.ts";

interface ErrorBody {
  error?: string | { code: string; message: string; problems?: Problem[] };
  /** On MLflow's wire. */
  message?: string;
}

/** ApiClient over the platform's fetch. With an API key, every request shows it. */
export class HttpApiClient implements ApiClient {
  readonly baseUrl: string;
  readonly #apiKey: string | undefined;

  constructor(url: string, options: { apiKey?: string | undefined } = {}) {
    this.baseUrl = url.replace(/\/+$/, "");
    this.#apiKey = options.apiKey;
  }

  get<Result>(path: string, query?: ApiQuery): Promise<Result> {
    return this.#call<Result>("GET", withQuery(path, query));
  }

  send<Result>(method: "POST" | "PUT" | "PATCH" | "DELETE", path: string, body?: unknown, query?: ApiQuery): Promise<Result> {
    return this.#call<Result>(method, withQuery(path, query), body === undefined ? {} : { body: JSON.stringify(body), headers: { "Content-Type": "application/json" } });
  }

  async uploadFile(path: string, onProgress?: (sentBytes: number, totalBytes: number) => void): Promise<{ digest: string; bytes: number }> {
    const found = await stat(path).catch((cause: unknown) => {
      throw new AppError("INVALID_REQUEST", `There is no file ${path}.`, { cause });
    });
    if (!found.isFile()) throw new AppError("INVALID_REQUEST", `${path} is not a file.`);
    const total = found.size;
    let sent = 0;
    const counted = async function* (): AsyncGenerator<Buffer> {
      for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) {
        sent += (chunk as Buffer).length;
        onProgress?.(sent, total);
        yield chunk as Buffer;
      }
    };
    const body = Readable.toWeb(Readable.from(counted())) as unknown as ReadableStream;
    return this.#call("PUT", "/api/blobs", { body, duplex: "half", headers: { "Content-Type": "application/octet-stream" } } as RequestInit);
  }

  async download(method: "GET" | "POST", path: string): Promise<AsyncIterable<Uint8Array>> {
    const response = await this.#fetch(method, path);
    if (response.ok && response.body !== null) return response.body as unknown as AsyncIterable<Uint8Array>;
    throw errorOf((await response.json().catch(() => null)) as ErrorBody | null, response);
  }

  follow(path: string, signal?: AbortSignal): AsyncGenerator<ServerSentEvent> {
    return this.#events("GET", path, {}, signal);
  }

  stream(path: string, body: unknown, signal?: AbortSignal): AsyncGenerator<ServerSentEvent> {
    return this.#events("POST", path, { body: JSON.stringify(body), headers: { "Content-Type": "application/json" } }, signal);
  }

  async *#events(method: string, path: string, { headers, ...init }: RequestInit, signal: AbortSignal | undefined): AsyncGenerator<ServerSentEvent> {
    const response = await this.#fetch(method, path, { ...init, headers: { ...(headers as Record<string, string> | undefined), Accept: "text/event-stream" }, signal: signal ?? null });
    if (!response.ok || response.body === null) throw errorOf((await response.json().catch(() => null)) as ErrorBody | null, response);
    if (!/^text\/event-stream\b/i.test(response.headers.get("content-type") ?? "")) {
      await response.body.cancel();
      throw new AppError("SERVER_UNREACHABLE", `What answers at ${this.baseUrl} sends no stream of events (status ${response.status}).`);
    }
    try {
      yield* parseServerSentEvents(response.body as unknown as AsyncIterable<Uint8Array>);
    } catch (cause) {
      signal?.throwIfAborted();
      if (cause instanceof AppError) throw cause;
      throw new AppError("SERVER_UNREACHABLE", `The connection to ${this.baseUrl} broke.`, { cause });
    }
  }

  async #fetch(method: string, path: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    if (this.#apiKey !== undefined) headers.set("Authorization", `Bearer ${this.#apiKey}`);
    try {
      return await fetch(this.baseUrl + path, { method, ...init, headers });
    } catch (cause) {
      init.signal?.throwIfAborted();
      if (!/^https?:\/\//i.test(this.baseUrl)) throw new AppError("SERVER_UNREACHABLE", `${JSON.stringify(this.baseUrl)} is no address of a server: it begins with http:// or https://, such as http://127.0.0.1:4400.`, { cause });
      throw new AppError("SERVER_UNREACHABLE", `No Slipway answers at ${this.baseUrl}.`, { cause });
    }
  }

  async #call<Result>(method: string, path: string, init: RequestInit = {}): Promise<Result> {
    const response = await this.#fetch(method, path, init);
    const text = await response.text();
    let value: unknown;
    try {
      value = text === "" ? null : JSON.parse(text);
    } catch (cause) {
      throw new AppError("SERVER_UNREACHABLE", `What answers at ${this.baseUrl} is not Slipway (status ${response.status}).`, { cause });
    }
    if (!response.ok) throw errorOf(value as ErrorBody | null, response);
    return value as Result;
  }
}

function withQuery(path: string, query: ApiQuery = {}): string {
  const given = Object.entries(query).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)] as [string, string]]));
  return given.length === 0 ? path : `${path}?${new URLSearchParams(given).toString()}`;
}

/** Every error carries its code in a header; on the wires of others the body is only a text. */
function errorOf(body: ErrorBody | null, response: Response): AppError {
  const given = response.headers.get("x-error-code") ?? "";
  const code = Object.hasOwn(errorCatalogue, given) ? (given as ErrorCode) : response.status === 404 ? "ROUTE_NOT_FOUND" : "INTERNAL";
  const error = body?.error;
  if (error === undefined || typeof error === "string") return new AppError(code, error ?? body?.message ?? `The server answered with status ${response.status}.`);
  // The wires of others have one field for both: who shows an error's hint would show it twice.
  const { hint } = errorCatalogue[code];
  const message = error.message.endsWith(` ${hint}`) ? error.message.slice(0, -hint.length - 1) : error.message;
  return new AppError(code, message, { problems: error.problems ?? [] });
}
