import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { nearestName } from "./nearest-name.ts";

describe("nearestName", () => {
  const fields = ["perQuery", "day", "month", "requestsPerMinute"];

  it("finds what was mistyped, whatever its capitals", () => {
    assert.equal(nearestName("mnoth", fields), "month");
    assert.equal(nearestName("prot", ["host", "port"]), "port");
    assert.equal(nearestName("moth", fields), "month");
    assert.equal(nearestName("requests_per_minute", fields), "requestsPerMinute");
    assert.equal(nearestName("DAY", fields), "day");
  });

  it("takes nothing else for a slip", () => {
    for (const asked of ["", "budget", "x".repeat(10_000)]) assert.equal(nearestName(asked, fields), null);
  });

  it("answers with the first of those that are as near", () => {
    assert.equal(nearestName("cat", ["bat", "rat"]), "bat");
  });
});
