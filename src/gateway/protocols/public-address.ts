import { BlockList, isIPv4, isIPv6 } from "node:net";

/** What is not on the public internet, by IANA's registries of special-purpose addresses. */
const special = new BlockList();
const ofVersion4 = [
  ["0.0.0.0", 8], ["10.0.0.0", 8], ["100.64.0.0", 10], ["127.0.0.0", 8], ["169.254.0.0", 16], ["172.16.0.0", 12], ["192.0.0.0", 24], ["192.0.2.0", 24], ["192.88.99.0", 24], ["192.168.0.0", 16],
  ["198.18.0.0", 15], ["198.51.100.0", 24], ["203.0.113.0", 24], ["224.0.0.0", 3],
] as const;
const ofVersion6 = [["2001::", 23], ["2001:db8::", 32], ["2002::", 16], ["3fff::", 20]] as const;
for (const [address, bits] of ofVersion4) special.addSubnet(address, bits, "ipv4");
for (const [address, bits] of ofVersion6) special.addSubnet(address, bits, "ipv6");
/** Public addresses of version 6 are all in here; those that carry one of version 4 are not. */
const global = new BlockList();
global.addSubnet("2000::", 3, "ipv6");

/**
 * Whether an address that a caller gave, for a provider to fetch, can be one of the internet: a server of models within the own network must not be sent to its neighbours. Names are judged by what they
 * are, not by what they lead to, since who fetches looks them up.
 */
export function mayBePublic(address: string): boolean {
  const url = URL.parse(address);
  if (url === null) return false;
  // Node writes 0x7f.1 and 2130706433 as 127.0.0.1.
  const host = url.hostname.replace(/^\[|\]$/g, "").replace(/\.$/, "").toLowerCase();
  if (isIPv4(host)) return !special.check(host, "ipv4");
  if (isIPv6(host)) return global.check(host, "ipv6") && !special.check(host, "ipv6");
  return host.includes(".") && !/\.(localhost|local|internal|intranet|lan|home|corp|home\.arpa)$/.test(host);
}
