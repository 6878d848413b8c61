import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "../../test/kit/fast-check.ts";
import { canonicalJson, digestOfText } from "./canonical-json.ts";

describe("canonicalJson", () => {
  it("orders keys by UTF-16 code units at every depth and leaves out undefined members", () => {
    assert.equal(canonicalJson({ b: [{ z: 1, a: null }], a: "x", Ä: true, "€": 1.5, c: undefined }), '{"a":"x","b":[{"a":null,"z":1}],"Ä":true,"€":1.5}');
  });

  it("writes numbers as RFC 8785 does", () => {
    assert.equal(canonicalJson([333333333.33333329, 1e30, 4.5, 2e-3, 0.000000000000000000000000001, -0]), "[333333333.3333333,1e+30,4.5,0.002,1e-27,0]");
  });

  it("refuses what JSON cannot carry", () => {
    for (const value of [NaN, Infinity, undefined, 1n, () => 1, [undefined]]) assert.throws(() => canonicalJson(value), TypeError);
  });

  it("is the same text for every order of keys, and reads back as the same value", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = canonicalJson(value);
        assert.deepEqual(JSON.parse(text), JSON.parse(JSON.stringify(value)));
        assert.equal(canonicalJson(JSON.parse(text)), text);
        if (value !== null && typeof value === "object" && !Array.isArray(value)) {
          const reversed = Object.fromEntries(Object.entries(value).reverse());
          assert.equal(canonicalJson(reversed), text);
        }
      }),
    );
  });

  it("digests the published vector of SHA-256", () => {
    assert.equal(digestOfText("abc"), "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  });
});
