import type { ServerSentEvent } from "./server-sent-events.ts";

/** Calls a running Slipway. Failures come back as AppError with the server's code, message and problems. */
export interface ApiClient {
  readonly baseUrl: string;
  get<Result>(path: string, query?: Record<string, string | number | undefined>): Promise<Result>;
  send<Result>(method: "POST" | "PUT" | "PATCH" | "DELETE", path: string, body?: unknown): Promise<Result>;
  /** The body of the answer as it arrives; fails when the connection ends before it does. */
  download(method: "GET" | "POST", path: string): Promise<AsyncIterable<Uint8Array>>;
  /** Server-sent events as they arrive, until the stream ends; a connection that breaks fails with SERVER_UNREACHABLE. */
  follow(path: string, signal?: AbortSignal): AsyncIterable<ServerSentEvent>;
  /** Streams a local file to `PUT /api/blobs` and answers with its digest. */
  uploadFile(path: string, onProgress?: (sentBytes: number, totalBytes: number) => void): Promise<{ digest: string; bytes: number }>;
}
