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
      throw new AppError("EGRESS_REFUSED", "This is not a URL.", { cause });
    }
    if (url.protocol !== "https:" && url.protocol !== "http:") throw new AppError("EGRESS_REFUSED", "Only https addresses are called.");
    if (url.username !== "" || url.password !== "") throw new AppError("EGRESS_REFUSED", "The address holds a user name or a password; leave them out.");
    // The parser has turned every spelling of an address (decimal, octal, hexadecimal, short) into the plain one.
    const hostname = url.hostname.replace(/^\[|\]$/g, "").replace(/\.$/, "");
    const port = url.port !== "" ? Number(url.port) : url.protocol === "https:" ? 443 : 80;
    const host = addressBytes(hostname)?.length === 16 ? `[${hostname}]` : hostname;
    const destination = { url, hostname, port, named: this.#names.has(hostname) || this.#names.has(`${host}:${port}`) };
    const literal = addressBytes(hostname);
    if (literal !== null) this.assertAllowed(destination, [hostname]);
    else if (url.protocol === "http:" && !destination.named && this.#blocks.length === 0) throw withoutTls();
    return destination;
  }

  /** Judges what the name resolved to: one address that is refused is enough. Throws EGRESS_REFUSED. */
  assertAllowed({ url, named }: Destination, addresses: readonly string[]): void {
    const judged = addresses.map((address) => {
      const bytes = addressBytes(address);
      if (bytes === null) return { allowed: false, listed: false };
      const listed = inAnyBlock(bytes, this.#blocks) || (named && mayBeNamed(bytes));
      return { allowed: listed || isPublicAddress(bytes), listed };
    });
    if (judged.some(({ allowed }) => !allowed)) throw new AppError("EGRESS_REFUSED", "The address is not on the public internet.");
    if (url.protocol === "http:" && !judged.every(({ listed }) => listed)) throw withoutTls();
  }
}

function withoutTls(): AppError {
  return new AppError("EGRESS_REFUSED", "Only https addresses are called.");
}
