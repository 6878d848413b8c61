import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from "node:crypto";
import { AppError } from "./errors.ts";

const formatVersion = 1;
const keyIdBytes = 8;
const nonceBytes = 12;
const tagBytes = 16;
const headBytes = 1 + keyIdBytes + nonceBytes;

interface BoxKey {
  id: Buffer;
  key: Uint8Array;
}

/**
 * Seals secrets for storage outside of this process: AES-256-GCM with a random nonce. A sealed secret says which key
 * sealed it and opens only for the purpose it was sealed for, so that one moved into another row is refused.
 *
 * Bytes: format version (1), key id (8), nonce (12), ciphertext, tag (16). Each purpose has a key of its own, derived
 * from the given one by HKDF-SHA-256, so that a busy purpose does not use up the nonces of the others.
 */
export class SecretBox {
  readonly #current: BoxKey;
  readonly #keys: readonly BoxKey[];

  /** Keys have 32 bytes. `old` ones are read with and never sealed with. */
  constructor(current: Uint8Array, old: readonly Uint8Array[] = []) {
    this.#keys = [current, ...old].map(boxKey);
    this.#current = this.#keys[0]!;
  }

  /** `purpose` is the kind of secret, such as `webhook`; `owner` names the one thing that it is of, such as the webhook's id. */
  seal(secret: string, purpose: string, owner: string): Uint8Array {
    const head = Buffer.concat([Buffer.of(formatVersion), this.#current.id, randomBytes(nonceBytes)]);
    const cipher = createCipheriv("aes-256-gcm", derivedKey(this.#current, purpose), head.subarray(-nonceBytes)).setAAD(associatedData(head, purpose, owner));
    const text = Buffer.concat([cipher.update(secret, "utf8"), cipher.final()]);
    return Buffer.concat([head, text, cipher.getAuthTag()]);
  }

  /** Throws SECRET_UNREADABLE when the key is not here, when a bit has changed, or when it was sealed for something else. */
  open(sealed: Uint8Array, purpose: string, owner: string): string {
    const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength);
    const key = bytes.length >= headBytes + tagBytes && bytes[0] === formatVersion ? this.#keyOf(bytes) : undefined;
    if (key === undefined) throw new AppError("SECRET_UNREADABLE", "A stored secret was sealed with a key that this server does not have.");
    const head = bytes.subarray(0, headBytes);
    try {
      const decipher = createDecipheriv("aes-256-gcm", derivedKey(key, purpose), head.subarray(-nonceBytes), { authTagLength: tagBytes });
      decipher.setAAD(associatedData(head, purpose, owner)).setAuthTag(bytes.subarray(-tagBytes));
      return Buffer.concat([decipher.update(bytes.subarray(headBytes, -tagBytes)), decipher.final()]).toString("utf8");
    } catch (cause) {
      throw new AppError("SECRET_UNREADABLE", "A stored secret is not as it was sealed.", { cause });
    }
  }

  /** Whether an old key sealed it: whoever has it open anyway may seal it again. */
  isOld(sealed: Uint8Array): boolean {
    return !this.#current.id.equals(sealed.subarray(1, 1 + keyIdBytes));
  }

  #keyOf(bytes: Buffer): BoxKey | undefined {
    const id = bytes.subarray(1, 1 + keyIdBytes);
    return this.#keys.find((key) => key.id.equals(id));
  }
}

function boxKey(key: Uint8Array): BoxKey {
  if (key.byteLength !== 32) throw new RangeError("A key of a SecretBox has 32 bytes.");
  return { id: createHash("sha256").update("slipway secret key id\0").update(key).digest().subarray(0, keyIdBytes), key };
}

function derivedKey({ key }: BoxKey, purpose: string): Buffer {
  return Buffer.from(hkdfSync("sha256", key, "", `slipway secret of ${purpose}`, 32));
}

/** As JSON no two pairs of texts give the same bytes. */
function associatedData(head: Uint8Array, purpose: string, owner: string): Buffer {
  return Buffer.concat([head, Buffer.from(JSON.stringify([purpose, owner]))]);
}
