import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { readPageToken, writePageToken } from "./page-token.ts";

describe("page tokens", () => {
  it("lead on in their own search alone", () => {
    const token = writePageToken("after ü", ["runs", "a"]);
    assert.equal(readPageToken(token, ["runs", "a"]), "after ü");
    for (const wrong of [token, "x", "!!", `${token}`.slice(2)]) assert.throws(() => readPageToken(wrong, ["runs", "b"]), { code: "INVALID_PARAMETER" });
  });

  it("are absent at the end and at the beginning", () => {
    assert.equal(writePageToken(null, []), undefined);
    assert.deepEqual([readPageToken(undefined, []), readPageToken("", [])], [null, null]);
  });
});
