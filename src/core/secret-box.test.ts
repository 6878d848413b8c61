import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { describe, it } from "node:test";
import fc from "../../test/kit/fast-check.ts";
import { AppError } from "./errors.ts";
import { SecretBox } from "./secret-box.ts";

const unreadable = (error: unknown): boolean => error instanceof AppError && error.code === "SECRET_UNREADABLE";

describe("SecretBox", () => {
  const key = randomBytes(32);
  const box = new SecretBox(key);

  it("opens what it sealed, for the same purpose and owner only", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", maxLength: 200 }), fc.string(), fc.string(), fc.string(), (secret, purpose, owner, other) => {
        const sealed = box.seal(secret, purpose, owner);
        assert.equal(new SecretBox(key).open(sealed, purpose, owner), secret);
        if (other !== owner) assert.throws(() => box.open(sealed, purpose, other), unreadable);
        if (other !== purpose) assert.throws(() => box.open(sealed, other, owner), unreadable);
        if (owner !== "") assert.throws(() => box.open(sealed, `${purpose}${owner}`, ""), unreadable);
      }),
      { numRuns: 50 },
    );
  });

  it("refuses a change of any bit, and any cut", () => {
    const sealed = box.seal("a secret", "webhook", "whk_1");
    for (let bit = 0; bit < sealed.length * 8; bit++) {
      const changed = Uint8Array.from(sealed);
      changed[bit >> 3]! ^= 1 << (bit & 7);
      assert.throws(() => box.open(changed, "webhook", "whk_1"), unreadable, `bit ${bit}`);
    }
    for (let length = 0; length < sealed.length; length++) assert.throws(() => box.open(sealed.subarray(0, length), "webhook", "whk_1"), unreadable);
    assert.equal(box.open(sealed, "webhook", "whk_1"), "a secret");
  });

  it("never seals the same twice, and shows nothing of the secret", () => {
    const sealed = new Set(Array.from({ length: 100 }, () => Buffer.from(box.seal("canary canary", "p", "o")).toString("hex")));
    assert.equal(sealed.size, 100);
    for (const text of sealed) assert.ok(!Buffer.from(text, "hex").toString("latin1").includes("canary"));
  });

  it("reads with old keys, seals with the new one, and says which need it", () => {
    const sealed = box.seal("secret", "p", "o");
    const rotated = new SecretBox(randomBytes(32), [randomBytes(32), key]);
    assert.equal(rotated.open(sealed, "p", "o"), "secret");
    assert.deepEqual([rotated.isOld(sealed), rotated.isOld(rotated.seal("secret", "p", "o")), box.isOld(sealed)], [true, false, false]);
    assert.throws(() => box.open(rotated.seal("secret", "p", "o"), "p", "o"), unreadable);
    assert.throws(() => new SecretBox(randomBytes(32)).open(sealed, "p", "o"), unreadable);
  });

  it("takes keys of 32 bytes only", () => {
    for (const length of [0, 16, 31, 33]) assert.throws(() => new SecretBox(randomBytes(length)), RangeError);
  });
});
