import { AppError } from "../../core/errors.ts";
import { addressBlock, addressBytes, inAnyBlock, isPublicAddress, mayBeNamed, type AddressBlock } from "./address-policy.ts";

/** A URL that may be asked for, before its name is resolved. */
export interface Destination {
  url: URL;
  /** Without the brackets of IPv6 and without the dot at the end. */
  hostname: string;
  port: number;
  /** The configuration names this host: it may be private, and need not have TLS. */
  named: boolean;
}

/** What a URL that a user set may lead to: public addresses over TLS, and what the configuration allows beside. */
export class DestinationPolicy {
  readonly #names = new Set<string>();
  readonly #blocks: AddressBlock[] = [];

  /** Hosts (`name` or `name:port`), addresses and CIDRs. */
  constructor(allowed: readonly string[]) {
    for (const text of allowed) {
      const block = addressBlock(text);
      if (block === null) this.#names.add(text.toLowerCase());
      else this.#blocks.push(block);
    }
  }

  /** Judges the text. Throws EGRESS_REFUSED. */
  destinationOf(text: string): Destination {
    let url: URL;
    try {
      url = new URL(text);
    } catch (cause) {
      throw new AppError("EGRESS_REFUSED", "This is not a URL: write https://HOST/PATH.", { cause });
    }
    if (url.protocol !== "https:" && url.protocol !== "http:") throw new AppError("EGRESS_REFUSED", `Addresses of ${url.protocol} are not called, only https.`);
    if (url.username !== "" || url.password !== "") throw new AppError("EGRESS_REFUSED", "The address holds a user name or a password; leave them out.");
    // The parser has turned every spelling of an address (decimal, octal, hexadecimal, short) into the plain one.
    const hostname = url.hostname.replace(/^\[|\]$/g, "").replace(/\.$/, "");
    const port = url.port !== "" ? Number(url.port) : url.protocol === "https:" ? 443 : 80;
    const host = addressBytes(hostname)?.length === 16 ? `[${hostname}]` : hostname;
    const destination = { url, hostname, port, named: this.#names.has(hostname) || this.#names.has(`${host}:${port}`) };
    const literal = addressBytes(hostname);
    if (literal !== null) this.assertAllowed(destination, [hostname]);
    else if (url.protocol === "http:" && !destination.named && this.#blocks.length === 0) throw withoutTls(destination);
    return destination;
  }

  /** Judges what the name resolved to: one address that is refused is enough. Throws EGRESS_REFUSED, which names the host as the URL has it and never what it resolved to. */
  assertAllowed(destination: Destination, addresses: readonly string[]): void {
    const { url, named } = destination;
    const judged = addresses.map((address) => {
      const bytes = addressBytes(address);
      if (bytes === null) return { allowed: false, listed: false };
      const listed = inAnyBlock(bytes, this.#blocks) || (named && mayBeNamed(bytes));
      return { allowed: listed || isPublicAddress(bytes), listed };
    });
    if (judged.some(({ allowed }) => !allowed)) throw notPublic(destination);
    if (url.protocol === "http:" && !judged.every(({ listed }) => listed)) throw withoutTls(destination);
  }
}

const setting = "the setting egressAllowed (SLIPWAY_EGRESS_ALLOWED)";

function notPublic({ url, hostname, named }: Destination): AppError {
  const literal = addressBytes(hostname) !== null;
  const why = named
    ? `is named in ${setting}, but leads to an address that is allowed only by itself or its block`
    : `${literal ? "is" : "leads to an address that is"} not on the public internet, and ${setting} names neither ${url.host} nor ${literal ? "a block that holds it" : "the block of that address"}`;
  return new AppError("EGRESS_REFUSED", `${url.host} ${why}.`);
}

function withoutTls({ url }: Destination): AppError {
  return new AppError("EGRESS_REFUSED", `${url.host} is to be called over http, without TLS: write https, or name the host in ${setting}.`);
}
