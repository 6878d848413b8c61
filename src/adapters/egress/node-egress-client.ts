import { lookup } from "node:dns/promises";
import type { Agent, ClientRequest, IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { isIP } from "node:net";
import type { EgressAnswer, EgressClient, EgressRequest, EgressStream } from "../../core/egress.ts";
import { AppError } from "../../core/errors.ts";
import { DestinationPolicy, type Destination } from "./destination-policy.ts";

// Not imported: an import reads every export, and with them Node loads its WebSocket, 3 MiB that nothing here uses.
const { Agent: HttpAgent, request: httpRequest } = process.getBuiltinModule("node:http");

/** Every address of a name. */
export type Resolver = (hostname: string) => Promise<readonly string[]>;

export interface NodeEgressClientOptions {
  /** Hosts, addresses and CIDRs beside the public internet. */
  allowed: readonly string[];
  resolve?: Resolver;
  /** Further certificates to trust, in PEM. */
  certificateAuthorities?: readonly string[];
  /**
   * Connections are kept for half a minute and used again, each for the address that was judged and for no other. A kept connection that the
   * destination closed in the same moment is no failure: the request is sent again over a new one, so requests must bear that.
   */
  keepConnections?: boolean;
}

/** A kept connection takes no more than this of silence. */
const keptMs = 30_000;

/** Addresses of one name that are tried one after the other. */
const maxTries = 3;
const maxHeaderBytes = 16 << 10;

/** What this client sets itself: the destination and the framing are not for callers to choose. */
const ownHeaders = new Set(["host", "connection", "content-length", "transfer-encoding", "upgrade", "te", "trailer", "expect", "proxy-authorization", "keep-alive", "accept-encoding"]);

/** Failures before anything was sent: another address of the same name may answer. */
const unreached = new Set(["ECONNREFUSED", "EHOSTUNREACH", "ENETUNREACH", "EADDRNOTAVAIL", "EHOSTDOWN"]);

export const resolveByDns: Resolver = async (hostname) => (await lookup(hostname, { all: true, verbatim: true })).map(({ address }) => address);

/** Requests over connections of their own unless they are to be kept, to an address that was judged. Agents of its own keep proxies of the environment out. */
export class NodeEgressClient implements EgressClient {
  readonly #policy: DestinationPolicy;
  readonly #resolve: Resolver;
  readonly #authorities: string[] | undefined;
  readonly #kept: { http: Agent; https: HttpsAgent } | undefined;

  constructor({ allowed, resolve, certificateAuthorities, keepConnections = false }: NodeEgressClientOptions) {
    this.#policy = new DestinationPolicy(allowed);
    this.#resolve = resolve ?? resolveByDns;
    this.#authorities = certificateAuthorities === undefined ? undefined : [...certificateAuthorities];
    const kept = { keepAlive: true, timeout: keptMs, maxFreeSockets: 256 };
    this.#kept = keepConnections ? { http: new HttpAgent(kept), https: new HttpsAgent(kept) } : undefined;
  }

  /** Ends the connections that are kept. */
  close(): void {
    this.#kept?.http.destroy();
    this.#kept?.https.destroy();
  }

  assertPlausible(url: string): void {
    this.#policy.destinationOf(url);
  }

  async send(request: EgressRequest): Promise<EgressAnswer> {
    const signal = AbortSignal.any([AbortSignal.timeout(request.timeoutMs), ...(request.signal === undefined ? [] : [request.signal])]);
    return this.#reach(request, signal, (response) => readAnswer(response, request).finally(() => response.destroy()));
  }

  async open(request: Omit<EgressRequest, "maxResponseBytes" | "roomFor">): Promise<EgressStream> {
    // Ends the wait for the head alone; the body has a limit of its own.
    const silence = new AbortController();
    const timer = setTimeout(() => silence.abort(new Error("The destination did not answer in time.")), request.timeoutMs);
    const ended = request.signal === undefined ? silence.signal : AbortSignal.any([silence.signal, request.signal]);
    try {
      return await this.#reach(request, ended, (response) => Promise.resolve(streamOf(response, request.timeoutMs)));
    } finally {
      clearTimeout(timer);
    }
  }

  /** `take` gets the answer when its head is there. */
  async #reach<Answer>(request: Omit<EgressRequest, "maxResponseBytes">, signal: AbortSignal, take: (response: IncomingMessage) => Promise<Answer>): Promise<Answer> {
    const destination = this.#policy.destinationOf(request.url);
    try {
      const addresses = await beforeAbort(this.#addressesOf(destination), signal);
      let last: unknown;
      for (const address of addresses.slice(0, maxTries)) {
        try {
          // Whatever the connection does or leaves undone: nobody waits longer than was asked for.
          return await beforeAbort(this.#askAgain(destination, address, request, signal).then(take), signal);
        } catch (error) {
          last = error;
          if (!unreached.has((error as NodeJS.ErrnoException).code ?? "")) break;
        }
      }
      throw last;
    } catch (cause) {
      if (cause instanceof AppError) throw cause;
      throw new AppError("EGRESS_FAILED", signal.aborted ? "The destination did not answer in time." : reasonOf(cause), { cause });
    }
  }

  async #addressesOf(destination: Destination): Promise<readonly string[]> {
    const { hostname } = destination;
    const addresses = isIP(hostname) === 0 ? await this.#resolve(hostname) : [hostname];
    if (addresses.length === 0) throw new AppError("EGRESS_FAILED", "The name of the destination has no address.");
    this.#policy.assertAllowed(destination, addresses);
    return addresses;
  }

  /** Over a kept connection where there is one; over a new one when that was closed meanwhile. */
  async #askAgain(...[destination, address, request, signal]: Asking): Promise<IncomingMessage> {
    if (this.#kept === undefined) return this.#ask(destination, address, request, signal);
    try {
      return await this.#ask(destination, address, request, signal, this.#kept);
    } catch (error) {
      if (!(error instanceof ClosedMeanwhile)) throw error;
      return this.#ask(destination, address, request, signal);
    }
  }

  /** Answers when the head is there. Whoever takes the answer reads it or destroys it. */
  #ask({ url, hostname, port }: Destination, address: string, request: Asking[2], signal: AbortSignal, kept?: { http: Agent; https: HttpsAgent }): Promise<IncomingMessage> {
    const secure = url.protocol === "https:";
    const body = request.body === null ? null : Buffer.from(request.body);
    const headers: Record<string, string> = { Host: url.host, ...(kept === undefined ? { Connection: "close" } : {}), "Accept-Encoding": "identity", ...(body === null ? {} : { "Content-Length": String(body.length) }) };
    for (const [name, value] of Object.entries(request.headers)) if (!ownHeaders.has(name.toLowerCase())) headers[name] = value;
    const options = { host: address, port, method: request.method, path: `${url.pathname}${url.search}`, headers, signal, maxHeaderSize: maxHeaderBytes };
    return new Promise((resolve, reject) => {
      // Names go into SNI and are what the certificate must hold; an address has no SNI, and must stand in the certificate itself.
      const sent: ClientRequest = secure
        ? httpsRequest({ ...options, agent: kept?.https ?? new HttpsAgent({ keepAlive: false }), servername: isIP(hostname) === 0 ? hostname : "", ...(this.#authorities === undefined ? {} : { ca: this.#authorities }) })
        : httpRequest({ ...options, agent: kept?.http ?? new HttpAgent({ keepAlive: false }) });
      sent.on("error", (error: NodeJS.ErrnoException) => {
        const closed = sent.reusedSocket && (error.code === "ECONNRESET" || error.code === "EPIPE");
        reject(closed ? new ClosedMeanwhile(error.message, { cause: error }) : error);
      });
      // Without a listener a change of protocol ends the connection, and says so to nobody.
      sent.on("upgrade", (response, socket) => {
        socket.destroy();
        resolve(response);
      });
      sent.on("response", resolve);
      sent.end(body ?? undefined);
    });
  }
}

type Asking = [destination: Destination, address: string, request: Omit<EgressRequest, "maxResponseBytes">, signal: AbortSignal];

/** A kept connection ended before any of an answer came. */
class ClosedMeanwhile extends Error {}

async function readAnswer(response: IncomingMessage, { maxResponseBytes: maxBytes, roomFor }: Pick<EgressRequest, "maxResponseBytes" | "roomFor">): Promise<EgressAnswer> {
  const chunks: Buffer[] = [];
  let length = 0;
  // The connection of a changed protocol is closed already.
  if (maxBytes > 0 && response.statusCode !== 101) {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      length += chunk.length;
      if (length >= maxBytes) break;
      const room = roomFor?.(length);
      if (room !== undefined) await room;
    }
  }
  return answerOf(response, new Uint8Array(Buffer.concat(chunks, length).subarray(0, maxBytes)));
}

/** The body as it comes. A pause of the reader is no silence of the destination. */
function streamOf(response: IncomingMessage, silenceMs: number): EgressStream {
  async function* body(): AsyncGenerator<Uint8Array> {
    const reading = response[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
    try {
      for (;;) {
        const timer = setTimeout(() => response.destroy(new Error("silent")), silenceMs);
        const next = await reading.next().finally(() => clearTimeout(timer));
        if (next.done === true) return;
        yield next.value;
      }
    } catch (cause) {
      throw new AppError("EGRESS_FAILED", "The destination broke off its answer.", { cause });
    } finally {
      response.destroy();
    }
  }
  const { status, headers } = answerOf(response, new Uint8Array());
  return { status, headers, body: body(), close: () => response.destroy() };
}

function answerOf({ statusCode = 0, headers }: IncomingMessage, body: Uint8Array): EgressAnswer {
  return { status: statusCode, headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)])), body };
}

/** Some work cannot be taken back, such as the look-up of a name; nobody waits for it longer. */
function beforeAbort<Value>(work: Promise<Value>, signal: AbortSignal): Promise<Value> {
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(signal.reason as Error);
    if (signal.aborted) return stop();
    signal.addEventListener("abort", stop, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", stop));
  });
}

/** In words that say nothing of this machine. */
function reasonOf(cause: unknown): string {
  const code = (cause as NodeJS.ErrnoException | null)?.code ?? "";
  if (code === "ENOTFOUND" || code === "EAI_AGAIN" || code === "ENODATA") return "The name of the destination cannot be resolved.";
  if (/CERT|SELF_SIGNED|UNABLE_TO_VERIFY|ALTNAME|SSL|TLS/.test(code)) return "The certificate of the destination does not hold.";
  if (code === "ECONNREFUSED") return "The destination takes no connection.";
  return "The destination ended the connection without an answer.";
}
