/** One request to an address that a user of Slipway chose. */
export interface EgressRequest {
  method: "GET" | "POST" | "PUT" | "DELETE";
  /** As the user gave it. https, or http where the configuration allows the host. */
  url: string;
  /** Host, lengths and connection headers are the client's own and ignored here. */
  headers: Readonly<Record<string, string>>;
  body: Uint8Array | string | null;
  /** For everything: names, connection, and the whole answer. Milliseconds. */
  timeoutMs: number;
  /** What of the answer's body is read; the rest is cut off. Bytes. */
  maxResponseBytes: number;
  /** Asked for each piece of the answer, with the length that has come. The destination waits with the rest until there is room; what it rejects with ends the request. */
  roomFor?: (length: number) => Promise<void> | undefined;
  signal?: AbortSignal;
}

export interface EgressAnswer {
  /** Also 3xx: redirects are never followed. */
  status: number;
  headers: Readonly<Record<string, string>>;
  /** The first `maxResponseBytes` of the body, as they came. */
  body: Uint8Array;
}

/** An answer whose body comes as it is read. Whoever has it reads it to the end or closes it. */
export interface EgressStream {
  status: number;
  headers: Readonly<Record<string, string>>;
  /** Fails with EGRESS_FAILED when the destination falls silent for the request's `timeoutMs`, or ends before the length that it gave. */
  body: AsyncIterable<Uint8Array>;
  close(): void;
}

/**
 * The only way to a URL that a user set (webhooks, base URLs, images). It resolves the name once, judges every address,
 * and connects to exactly one that it judged: neither a second look-up nor a redirect can lead elsewhere.
 */
export interface EgressClient {
  /**
   * Throws EGRESS_REFUSED for a destination that the policy forbids (nothing was sent), EGRESS_FAILED when the
   * destination did not answer: unknown name, no connection, a certificate that does not hold, no answer in time.
   */
  send(request: EgressRequest): Promise<EgressAnswer>;
  /** For answers of any size. `timeoutMs` is for the time until the answer begins, and for each silence after. Throws as `send`. */
  open(request: Omit<EgressRequest, "maxResponseBytes" | "roomFor">): Promise<EgressStream>;
  /** Throws EGRESS_REFUSED for what is refused already by its text, without a look-up: for the moment when a URL is entered. */
  assertPlausible(url: string): void;
}
