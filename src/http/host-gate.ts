import type { IncomingMessage } from "node:http";
import { AppError } from "../core/errors.ts";

/**
 * Refuses what a page of another site, or DNS rebinding, could send to a server on loopback: an unknown or doubled Host,
 * an absolute-form target, and unsafe methods that a browser started on another origin.
 */
export class HostGate {
  readonly #hosts: ReadonlySet<string>;
  readonly #secure: boolean;

  /**
   * `hosts` are exact `name:port` values, in lower case. `secure`: browsers come over TLS, so a page without it is another's,
   * unless it is on this machine.
   */
  constructor(hosts: Iterable<string>, { secure }: { secure: boolean } = { secure: false }) {
    this.#hosts = new Set(hosts);
    this.#secure = secure;
  }

  /** Throws HOST_REFUSED or CROSS_SITE_REFUSED. */
  check(request: IncomingMessage): void {
    const host = request.headers.host;
    if (host === undefined || !this.#hosts.has(host.toLowerCase()) || hostCount(request.rawHeaders) !== 1) {
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

function hostCount(rawHeaders: readonly string[]): number {
  let count = 0;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]!;
    if (name.length === 4 && name.toLowerCase() === "host") count++;
  }
  return count;
}
