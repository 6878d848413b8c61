import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { expiryDays, keyState } from "./key-state.ts";

const day = 86_400_000;

describe("keyState", () => {
  it("tells active, soon ending, expired and revoked keys apart", () => {
    assert.equal(keyState({ revokedAt: null, expiresAt: null }, 0).word, "active");
    assert.equal(keyState({ revokedAt: null, expiresAt: 8 * day }, 0).word, "active");
    assert.equal(keyState({ revokedAt: null, expiresAt: 7 * day }, 1).word, "expires soon");
    assert.equal(keyState({ revokedAt: null, expiresAt: day }, day).word, "expired");
    assert.equal(keyState({ revokedAt: 5, expiresAt: null }, 0).word, "revoked");
  });
});

describe("expiryDays", () => {
  it("takes numbers of days that the server takes, and never", () => {
    assert.equal(expiryDays("90"), 90);
    assert.equal(expiryDays("0.5"), 0.5);
    assert.equal(expiryDays("never"), null);
    for (const text of ["", "0", "-1", "4000", "soon", "Infinity"]) assert.equal(expiryDays(text), undefined, text);
  });
});
