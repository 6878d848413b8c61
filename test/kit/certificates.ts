import { generateKeyPairSync, randomBytes, sign, X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import { addressBytes } from "../../src/adapters/egress/address-policy.ts";

/** DER of one element: its tag, its length, its content. */
function element(tag: number, ...parts: Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  const head = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.of(tag, ...head), content]);
}

const sequence = (...parts: Uint8Array[]): Buffer => element(0x30, ...parts);
const set = (...parts: Uint8Array[]): Buffer => element(0x31, ...parts);
const octets = (...parts: Uint8Array[]): Buffer => element(0x04, ...parts);
const context = (tag: number, ...parts: Uint8Array[]): Buffer => element(0xa0 | tag, ...parts);

function objectId(text: string): Buffer {
  const [first = 0, second = 0, ...rest] = text.split(".").map(Number);
  const bytes = [first * 40 + second, ...rest.flatMap((part) => (part < 128 ? [part] : part < 16384 ? [0x80 | (part >> 7), part & 0x7f] : [0x80 | (part >> 14), 0x80 | ((part >> 7) & 0x7f), part & 0x7f]))];
  return element(0x06, Uint8Array.from(bytes));
}

function time(milliseconds: number): Buffer {
  return element(0x18, Buffer.from(`${new Date(milliseconds).toISOString().replace(/[-:T]|\.\d+/g, "")}`));
}

const ecdsaWithSha256 = sequence(objectId("1.2.840.10045.4.3.2"));

/**
 * A self-signed certificate for these names and addresses with a new P-256 key, both in PEM: for tests of TLS on any
 * machine, without openssl and without keys in the repository.
 */
export function makeCertificate(hosts: readonly string[], validity: { from?: number; to?: number } = {}): { certificate: string; key: string; fingerprint: string } {
  const { from = Date.now() - 3_600_000, to = Date.now() + 3_600_000 } = validity;
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const name = sequence(set(sequence(objectId("2.5.4.3"), element(0x0c, Buffer.from(hosts[0]!)))));
  const alternatives = hosts.map((host) => (isIP(host) === 0 ? element(0x82, Buffer.from(host)) : element(0x87, addressBytes(host)!)));
  const extensions = [
    sequence(objectId("2.5.29.17"), octets(sequence(...alternatives))),
    sequence(objectId("2.5.29.19"), element(0x01, Buffer.of(0xff)), octets(sequence(element(0x01, Buffer.of(0xff))))),
  ];
  const serial = Buffer.concat([Buffer.of(0x40), randomBytes(15)]);
  const toBeSigned = sequence(
    context(0, element(0x02, Buffer.of(2))), element(0x02, serial), ecdsaWithSha256, name, sequence(time(from), time(to)), name,
    publicKey.export({ type: "spki", format: "der" }), context(3, sequence(...extensions)),
  );
  const certificate = sequence(toBeSigned, ecdsaWithSha256, element(0x03, Buffer.of(0), sign("sha256", toBeSigned, privateKey)));
  const pem = `-----BEGIN CERTIFICATE-----\n${certificate.toString("base64").replace(/(.{64})/g, "$1\n").trim()}\n-----END CERTIFICATE-----\n`;
  return { certificate: pem, key: String(privateKey.export({ type: "pkcs8", format: "pem" })), fingerprint: new X509Certificate(pem).fingerprint256 };
}
