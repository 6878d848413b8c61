import { hash, randomBytes } from "node:crypto";

const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/** Base-62 digits that 256 bits need. */
const length = 43;

/** What keys start with, so that people and scanners of leaked secrets know one when they see it. */
export const keyPrefix = "slk_";
export const sessionPrefix = "sls_";

/** A new secret: the prefix and 256 random bits in base 62. */
export function newSecret(prefix: string): string {
  let value = BigInt(`0x${randomBytes(32).toString("hex")}`);
  let text = "";
  for (let index = 0; index < length; index++) {
    text = digits[Number(value % 62n)]! + text;
    value /= 62n;
  }
  return prefix + text;
}

const shape = /^[0-9A-Za-z]{43}$/;

/** Whether the text could be a secret with this prefix at all; what could not is refused without a look. */
export function isSecretShaped(prefix: string, text: string): boolean {
  return text.startsWith(prefix) && shape.test(text.slice(prefix.length));
}

/** SHA-256 in hexadecimal: what a secret is looked up by. 256 random bits need no slow hash, and a lookup by hash tells nothing by its time. */
export function secretHash(secret: string): string {
  return hash("sha256", secret, "hex");
}

export function hashBytes(secretHash: string): Uint8Array {
  return Buffer.from(secretHash, "hex");
}
