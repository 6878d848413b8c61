import type { IncomingMessage } from "node:http";
import { AppError } from "../core/errors.ts";

/**
 * Refuses what a page of another site, or DNS rebinding, could send to a server on loopback: an unknown or doubled Host,
 * an absolute-form target, and unsafe methods that a browser started on another origin.
 */
export class HostGate {
  readonly #hosts: ReadonlySet<string>;

  /** `hosts` are exact `name:port` values, in lower case. */
  constructor(hosts: Iterable<string>) {
    this.#hosts = new Set(hosts);
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
    const separator = origin.indexOf("://");
    return separator > 0 && this.#hosts.has(origin.slice(separator + 3).toLowerCase());
  }
}

/** The names by which a server on loopback may be called. */
export function loopbackHosts(port: number): string[] {
  const names = ["localhost", "127.0.0.1", "[::1]"];
  const withPort = names.map((name) => `${name}:${port}`);
  return port === 80 ? [...withPort, ...names] : withPort;
}

function hostCount(rawHeaders: readonly string[]): number {
  let count = 0;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]!;
    if (name.length === 4 && name.toLowerCase() === "host") count++;
  }
  return count;
}
