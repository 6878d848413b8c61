import type { ServerSentEvent } from "./server-sent-events.ts";

/** What stands behind the `?` of an address; what is undefined is left out. */
export type ApiQuery = Readonly<Record<string, string | number | undefined>>;

/** Calls a running Slipway. Failures come back as AppError with the server's code, message and problems. */
export interface ApiClient {
  readonly baseUrl: string;
  get<Result>(path: string, query?: ApiQuery): Promise<Result>;
  send<Result>(method: "POST" | "PUT" | "PATCH" | "DELETE", path: string, body?: unknown, query?: ApiQuery): Promise<Result>;
  /** The body of the answer as it arrives; fails when the connection ends before it does. */
  download(method: "GET" | "POST", path: string): Promise<AsyncIterable<Uint8Array>>;
  /** Server-sent events as they arrive, until the stream ends; a connection that breaks fails with SERVER_UNREACHABLE. */
  follow(path: string, signal?: AbortSignal): AsyncIterable<ServerSentEvent>;
  /**
   * As `follow`, of what the server answers to a POST with this body. An answer that is no stream of events fails with SERVER_UNREACHABLE, as one that breaks off does; whether a stream that ends had all it should is known to who knows its
   * protocol. Throws the signal's reason when it aborts; who stops reading ends the request.
   */
  stream(path: string, body: unknown, signal?: AbortSignal): AsyncIterable<ServerSentEvent>;
  /** Streams a local file to `PUT /api/blobs` and answers with its digest. */
  uploadFile(path: string, onProgress?: (sentBytes: number, totalBytes: number) => void): Promise<{ digest: string; bytes: number }>;
}
