import { isIPv4, isIPv6 } from "node:net";

/** Bytes of an address: 4 or 16. Null for what is none in the plain notation; a zone of IPv6 is left out. */
export function addressBytes(text: string): Uint8Array | null {
  const bare = text.split("%", 1)[0]!;
  if (isIPv4(bare)) return Uint8Array.from(bare.split("."), Number);
  return isIPv6(bare) ? bytesOfIpv6(bare) : null;
}

function bytesOfIpv6(text: string): Uint8Array {
  const tail = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(text);
  const pair = (high: string, low: string): string => ((Number(high) << 8) | Number(low)).toString(16);
  const plain = tail === null ? text : `${tail[1]!}${pair(tail[2]!, tail[3]!)}:${pair(tail[4]!, tail[5]!)}`;
  const [head, rest] = plain.split("::");
  const groups = (part: string | undefined): string[] => (part === undefined || part === "" ? [] : part.split(":"));
  const left = groups(head);
  const right = groups(rest);
  const all = [...left, ...Array.from({ length: 8 - left.length - right.length }, () => "0"), ...right];
  return Uint8Array.from(all.flatMap((group) => [Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 0xff]));
}

/** A block of addresses: its first bits. */
export interface AddressBlock {
  bytes: Uint8Array;
  bits: number;
}

/** `10.0.0.0/8`, or one address. Null for anything else. */
export function addressBlock(text: string): AddressBlock | null {
  const [address = "", bits, ...rest] = text.split("/");
  const bytes = addressBytes(address.replace(/^\[|\]$/g, ""));
  if (bytes === null || rest.length > 0) return null;
  return { bytes, bits: bits === undefined ? bytes.length * 8 : Number(bits) };
}

export function inBlock(address: Uint8Array, { bytes, bits }: AddressBlock): boolean {
  if (address.length !== bytes.length) return false;
  for (let bit = 0; bit < bits; bit += 8) {
    const mask = bits - bit >= 8 ? 0xff : (0xff << (8 - (bits - bit))) & 0xff;
    if ((address[bit >> 3]! & mask) !== (bytes[bit >> 3]! & mask)) return false;
  }
  return true;
}

const blocks = (texts: readonly string[]): AddressBlock[] => texts.map((text) => addressBlock(text)!);

/** What is not on the public internet, by IANA's registry of special-purpose addresses of IPv4. */
const specialIpv4 = blocks([
  "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
  "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
]);

/** Public addresses of IPv6 are all of this block; whatever is outside of it needs no list. */
const globalIpv6 = addressBlock("2000::/3")!;
/** Protocol assignments (Teredo among them), documentation, 6to4. */
const specialIpv6 = blocks(["2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"]);

/** Addresses that carry one of IPv4 in their last bytes, and are judged by it. */
const embeddingIpv6 = blocks(["::ffff:0:0/96", "64:ff9b::/96"]);

/** Links, groups, and where clouds keep the credentials of machines: no name is a reason to go there, an explicit block is. */
const neverByName = blocks(["0.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "240.0.0.0/4", "::/128", "fe80::/10", "ff00::/8", "fd00:ec2::/32"]);

/** The address that a packet to this one reaches in the end. */
function reached(address: Uint8Array): Uint8Array {
  return embeddingIpv6.some((block) => inBlock(address, block)) ? address.subarray(12) : address;
}

export function isPublicAddress(address: Uint8Array): boolean {
  const target = reached(address);
  if (target.length === 4) return !specialIpv4.some((block) => inBlock(target, block));
  return inBlock(target, globalIpv6) && !specialIpv6.some((block) => inBlock(target, block));
}

/** Whether a host that the configuration allows by its name may have this address. */
export function mayBeNamed(address: Uint8Array): boolean {
  const target = reached(address);
  return !neverByName.some((block) => inBlock(target, block));
}

/** Whether one of the blocks holds the address, or the one of IPv4 in it. */
export function inAnyBlock(address: Uint8Array, allowed: readonly AddressBlock[]): boolean {
  const target = reached(address);
  return allowed.some((block) => inBlock(address, block) || inBlock(target, block));
}
