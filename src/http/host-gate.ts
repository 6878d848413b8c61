import type { IncomingMessage } from "node:http";
import { AppError } from "../core/errors.ts";
import { targetAmbiguity } from "./request-target.ts";

/**
 * Refuses what a page of another site, or DNS rebinding, could send to a server on loopback: an unknown or doubled Host,
 * an absolute-form target, and unsafe methods that a browser started on another origin.
 */
export class HostGate {
  readonly #hosts: ReadonlySet<string>;
  readonly #isAny: boolean;
  readonly #secure: boolean;
  /** Connections on which something came that others may read otherwise: what stands behind it may be a part of it. */
  #refused: WeakSet<object> | undefined;

  /**
   * `hosts` are exact `name:port` values, in lower case; `any` for a door that nobody knows by a name, and that shows nothing to a cookie. `secure`: browsers come over TLS, so a page without it is another's,
   * unless it is on this machine.
   */
  constructor(hosts: Iterable<string> | "any", { secure }: { secure: boolean } = { secure: false }) {
    this.#isAny = hosts === "any";
    this.#hosts = new Set(hosts === "any" ? [] : hosts);
    this.#secure = secure;
  }

  /** Throws INVALID_REQUEST for what a proxy in front may have read otherwise, HOST_REFUSED or CROSS_SITE_REFUSED. */
  check(request: IncomingMessage): void {
    const why = this.#refused?.has(request.socket) === true ? "It came behind one that could not be taken." : ambiguityOf(request);
    if (why !== null) {
      (this.#refused ??= new WeakSet()).add(request.socket);
      throw new AppError("INVALID_REQUEST", `The request cannot be taken. ${why}`);
    }
    const host = request.headers.host;
    if (host === undefined || !(this.#isAny || this.#hosts.has(host.toLowerCase())) || countOf("host", request.rawHeaders) !== 1) {
      throw new AppError("HOST_REFUSED", "This server does not answer for the host that the request names.");
    }
    if (request.url === undefined || request.url.charCodeAt(0) !== 47) {
      throw new AppError("HOST_REFUSED", "This server takes only targets that start with a slash.");
    }
    const { method } = request;
    if (method === "GET" || method === "HEAD") return;
    const site = request.headers["sec-fetch-site"];
    if (site !== undefined && site !== "same-origin" && site !== "none") {
      throw new AppError("CROSS_SITE_REFUSED", "A page of another site sent this request.");
    }
    const origin = request.headers.origin;
    if (origin !== undefined && !this.#isOwnOrigin(origin)) {
      throw new AppError("CROSS_SITE_REFUSED", "The request comes from another origin.");
    }
  }

  /**
   * Whether a page of this server itself sent the request, or for a safe method, nobody says that another did. A cookie
   * counts only then: browsers send it whoever asks them to.
   */
  mayCarryCookie(request: IncomingMessage): boolean {
    const site = request.headers["sec-fetch-site"];
    if (request.method === "GET" || request.method === "HEAD") return site === undefined || site === "same-origin" || site === "none";
    const { origin } = request.headers;
    return site === "same-origin" || (origin !== undefined && this.#isOwnOrigin(origin));
  }

  #isOwnOrigin(origin: string): boolean {
    const match = /^(https?):\/\/(.+)$/.exec(origin.toLowerCase());
    if (match === null || !this.#hosts.has(match[2]!)) return false;
    return match[1] === "https" || !this.#secure || loopbackName.test(match[2]!);
  }
}

const loopbackName = /^(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/;

/** The names by which a server may be called on its own machine; without the port where that is a scheme's own. */
export function loopbackHosts(port: number): string[] {
  const names = ["localhost", "127.0.0.1", "[::1]"];
  const withPort = names.map((name) => `${name}:${port}`);
  return port === 80 || port === 443 ? [...withPort, ...names] : withPort;
}

/** One request, one meaning: of two keys one side takes the first and another the last, and a length that two sides find otherwise makes two requests of one. Null where there is one. */
function ambiguityOf({ headers, rawHeaders, httpVersionMajor, httpVersionMinor, url = "" }: IncomingMessage): string | null {
  const coding = headers["transfer-encoding"];
  if (httpVersionMajor !== 1) return "It says that it is of another version than HTTP/1.";
  if (coding !== undefined && (httpVersionMinor === 0 || coding.toLowerCase() !== "chunked")) return "The only Transfer-Encoding that this server reads is chunked, of HTTP/1.1.";
  if (headers.authorization !== undefined && countOf("authorization", rawHeaders) > 1) return "It has more than one Authorization header.";
  if (headers.expect !== undefined && headers.expect.toLowerCase() !== "100-continue") return "It expects of this server what it does not do.";
  return targetAmbiguity(url);
}

function countOf(name: string, rawHeaders: readonly string[]): number {
  let count = 0;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const one = rawHeaders[index]!;
    if (one.length === name.length && one.toLowerCase() === name) count++;
  }
  return count;
}
