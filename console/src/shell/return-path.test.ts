import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { returnPath } from "./return-path.ts";

describe("returnPath", () => {
  it("keeps the page that was asked for, with its filters", () => {
    assert.equal(returnPath("/models/churn/drift?version=2"), "/models/churn/drift?version=2");
  });

  it("leads nowhere else, and not in a circle", () => {
    for (const wanted of [null, "", "models", "//elsewhere.example", "/\\elsewhere.example", "https://elsewhere.example", "/a\tb", "/sign-in", "/sign-in?returnTo=/x", "/api/session", "javascript:alert(1)"]) {
      assert.equal(returnPath(wanted), "/models", String(wanted));
    }
  });
});
