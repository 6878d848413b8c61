import { lookup } from "node:dns/promises";
import { Agent as HttpAgent, request as httpRequest, type ClientRequest, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { isIP } from "node:net";
import type { EgressAnswer, EgressClient, EgressRequest } from "../../core/egress.ts";
import { AppError } from "../../core/errors.ts";
import { DestinationPolicy, type Destination } from "./destination-policy.ts";

/** Every address of a name. */
export type Resolver = (hostname: string) => Promise<readonly string[]>;

export interface NodeEgressClientOptions {
  /** Hosts, addresses and CIDRs beside the public internet. */
  allowed: readonly string[];
  resolve?: Resolver;
  /** Further certificates to trust, in PEM. */
  certificateAuthorities?: readonly string[];
}

/** Addresses of one name that are tried one after the other. */
const maxTries = 3;
const maxHeaderBytes = 16 << 10;

/** What this client sets itself: the destination and the framing are not for callers to choose. */
const ownHeaders = new Set(["host", "connection", "content-length", "transfer-encoding", "upgrade", "te", "trailer", "expect", "proxy-authorization", "keep-alive", "accept-encoding"]);

/** Failures before anything was sent: another address of the same name may answer. */
const unreached = new Set(["ECONNREFUSED", "EHOSTUNREACH", "ENETUNREACH", "EADDRNOTAVAIL", "EHOSTDOWN"]);

const resolveByDns: Resolver = async (hostname) => (await lookup(hostname, { all: true, verbatim: true })).map(({ address }) => address);

/** Requests over connections of their own, to an address that was judged. Agents of its own keep proxies of the environment out. */
export class NodeEgressClient implements EgressClient {
  readonly #policy: DestinationPolicy;
  readonly #resolve: Resolver;
  readonly #authorities: string[] | undefined;

  constructor({ allowed, resolve, certificateAuthorities }: NodeEgressClientOptions) {
    this.#policy = new DestinationPolicy(allowed);
    this.#resolve = resolve ?? resolveByDns;
    this.#authorities = certificateAuthorities === undefined ? undefined : [...certificateAuthorities];
  }

  assertPlausible(url: string): void {
    this.#policy.destinationOf(url);
  }

  async send(request: EgressRequest): Promise<EgressAnswer> {
    const destination = this.#policy.destinationOf(request.url);
    const signal = AbortSignal.any([AbortSignal.timeout(request.timeoutMs), ...(request.signal === undefined ? [] : [request.signal])]);
    try {
      const addresses = await beforeAbort(this.#addressesOf(destination), signal);
      let last: unknown;
      for (const address of addresses.slice(0, maxTries)) {
        try {
          // Whatever the connection does or leaves undone: nobody waits longer than was asked for.
          return await beforeAbort(this.#ask(destination, address, request, signal), signal);
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

  #ask({ url, hostname, port }: Destination, address: string, request: EgressRequest, signal: AbortSignal): Promise<EgressAnswer> {
    const secure = url.protocol === "https:";
    const body = request.body === null ? null : Buffer.from(request.body);
    const headers: Record<string, string> = { Host: url.host, Connection: "close", "Accept-Encoding": "identity", ...(body === null ? {} : { "Content-Length": String(body.length) }) };
    for (const [name, value] of Object.entries(request.headers)) if (!ownHeaders.has(name.toLowerCase())) headers[name] = value;
    const options = { host: address, port, method: request.method, path: `${url.pathname}${url.search}`, headers, signal, maxHeaderSize: maxHeaderBytes };
    return new Promise((resolve, reject) => {
      // Names go into SNI and are what the certificate must hold; an address has no SNI, and must stand in the certificate itself.
      const sent: ClientRequest = secure
        ? httpsRequest({ ...options, agent: new HttpsAgent({ keepAlive: false }), servername: isIP(hostname) === 0 ? hostname : "", ...(this.#authorities === undefined ? {} : { ca: this.#authorities }) })
        : httpRequest({ ...options, agent: new HttpAgent({ keepAlive: false }) });
      sent.on("error", reject);
      // Without a listener a change of protocol ends the connection, and says so to nobody.
      sent.on("upgrade", (response, socket) => {
        socket.destroy();
        resolve(answerOf(response, new Uint8Array()));
      });
      sent.on("response", (response) => {
        readAnswer(response, request.maxResponseBytes).then(resolve, reject).finally(() => sent.destroy());
      });
      sent.end(body ?? undefined);
    });
  }
}

async function readAnswer(response: IncomingMessage, maxBytes: number): Promise<EgressAnswer> {
  const chunks: Buffer[] = [];
  let length = 0;
  if (maxBytes > 0) {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      length += chunk.length;
      if (length >= maxBytes) break;
    }
  }
  return answerOf(response, new Uint8Array(Buffer.concat(chunks, length).subarray(0, maxBytes)));
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
