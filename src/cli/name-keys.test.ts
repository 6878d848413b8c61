import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ApiClient } from "../core/api-client.ts";
import { nameKeys } from "./name-keys.ts";

/** A server with two keys, and how often it was asked for them. */
function withKeys(answer: () => unknown = () => ({ keys: [{ id: "key_1", name: "nightly", revokedAt: null }, { id: "key_2", name: "ci", revokedAt: 5 }] })): { api: Pick<ApiClient, "get">; asked: string[] } {
  const asked: string[] = [];
  return { asked, api: { get: (path: string) => (asked.push(path), Promise.resolve().then(answer)) as Promise<never> } };
}

describe("nameKeys", () => {
  it("puts names before keys, wherever they stand, and says which are revoked", async () => {
    const { api, asked } = withKeys();
    const entries = [{ sequence: 4, actor: "key:key_1", object: "key:key_2" }, { sequence: 5, actor: "local", object: "gateway-key:key_1", detail: { by: ["key:key_2", null, true] } }];
    assert.deepEqual(await nameKeys({ entries }, api), {
      entries: [{ sequence: 4, actor: "nightly (key:key_1)", object: "ci (revoked, key:key_2)" }, { sequence: 5, actor: "local", object: "nightly (gateway-key:key_1)", detail: { by: ["ci (revoked, key:key_2)", null, true] } }],
    });
    assert.deepEqual(asked, ["/api/keys"]);
  });

  it("leaves everything else as it is, and asks for no keys where there are none", async () => {
    const { api, asked } = withKeys();
    const result = { entries: [{ actor: "user:usr_1", object: "model:key:key_1", detail: {}, time: 3 }], next: null };
    assert.equal(await nameKeys(result, api), result);
    assert.deepEqual(asked, []);
  });

  it("leaves keys that it cannot name", async () => {
    const { api } = withKeys();
    assert.deepEqual(await nameKeys(["key:key_3"], api), ["key:key_3"]);
    const refusing = withKeys(() => assert.fail("refused"));
    assert.deepEqual(await nameKeys(["key:key_1"], refusing.api), ["key:key_1"]);
  });
});
