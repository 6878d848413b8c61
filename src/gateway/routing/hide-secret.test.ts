import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { hideSecret } from "./hide-secret.ts";

describe("a provider's secret in its own words", () => {
  it("is hidden, whole and by its parts, and a word in place of a key is not looked for", () => {
    assert.equal(hideSecret("Key sk-very-secret is wrong: sk-very-secret", "sk-very-secret"), "Key *** is wrong: ***");
    assert.equal(hideSecret("AKIAEXAMPLEKEY and wJalrXUtnFEMI", "AKIAEXAMPLEKEY:wJalrXUtnFEMI:eu"), "*** and ***");
    for (const secret of [null, "", "none", "a:b"]) assert.equal(hideSecret("a model has none", secret), "a model has none");
  });
});
