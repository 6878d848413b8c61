import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { actorWords } from "./key-names.ts";

describe("actorWords", () => {
  const keys = [{ id: "key_2", name: "nightly", revokedAt: null }, { id: "key_1", name: "nightly", revokedAt: 5 }];

  it("names keys, and says of one that it was revoked", () => {
    assert.deepEqual(["key:key_2", "key:key_1"].map((actor) => actorWords(actor, keys)), ["nightly", "nightly (revoked)"]);
  });

  it("names people who sign in", () => {
    assert.equal(actorWords("user:usr_1", keys, [{ id: "usr_1", name: "Ann" }]), "Ann");
  });

  it("leaves others as they are, and keys and people that the reader does not see", () => {
    for (const actor of ["local", "user:usr_1", "key:key_3", "key:nightly", "key_2"]) assert.equal(actorWords(actor, keys), actor);
  });
});
