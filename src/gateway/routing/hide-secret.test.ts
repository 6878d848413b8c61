import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { hideSecret } from "./hide-secret.ts";

describe("a provider's secret in its own words", () => {
  it("is hidden, whole and by its parts, and a word in place of a key is not looked for", () => {
    assert.equal(hideSecret("Key sk-very-secret is wrong: sk-very-secret", "sk-very-secret"), "Key *** is wrong: ***");
    assert.equal(hideSecret("AKIAEXAMPLEKEY and wJalrXUtnFEMI", "AKIAEXAMPLEKEY:wJalrXUtnFEMI:eu"), "*** and ***");
    for (const secret of [null, "", "none", "a:b"]) assert.equal(hideSecret("a model has none", secret), "a model has none");
  });

  it("is hidden in base64 wherever it stands in what was encoded, in an address, and where a message was cut within it", () => {
    const key = "Zq7.private+entry/4711?";
    for (const before of ["", ":", "a:", "user:", "Bearer "]) {
      for (const encoding of ["base64", "base64url"] as const) {
        const told = hideSecret(`You sent ${Buffer.from(`${before}${key} and more`).toString(encoding)}.`, key);
        assert.match(told, /^You sent [\w+/-]*\*\*\*[\w+/=-]*\.$/, `${encoding} behind ${before}`);
        assert.match(hideSecret(Buffer.from(before + key).toString(encoding), key), /\*\*\*/);
      }
    }
    assert.equal(hideSecret(`https://h/v1?key=${encodeURIComponent(key)}&a=1`, key), "https://h/v1?key=***&a=1");
    for (let length = 4; length < key.length; length++) assert.equal(hideSecret(`unknown: ${key.slice(0, length)}...`, key), "unknown: ***...");
    assert.equal(hideSecret("It went on...", key), "It went on...");
  });
});
