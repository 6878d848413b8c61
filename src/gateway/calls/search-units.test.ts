import assert from "node:assert/strict";
import { it } from "node:test";
import { rerankTokens, searchUnitsOf } from "./search-units.ts";

const units = (documents: readonly string[], extra: object = {}) => searchUnitsOf({ query: "q", documents, topN: null, extra: { ...extra } });

it("searchUnitsOf counts pieces of documents, a hundred to a unit", () => {
  assert.deepEqual(units(["short"]), { estimate: 1, most: 1 });
  assert.deepEqual(units(new Array<string>(100).fill("short")), { estimate: 1, most: 1 });
  assert.deepEqual(units(new Array<string>(101).fill("short")), { estimate: 2, most: 2 });
  // Long documents are read up to 4,096 tokens: nine pieces each.
  assert.equal(units(new Array<string>(100).fill("x".repeat(100_000))).most, 9);
  assert.equal(units(new Array<string>(100).fill("x".repeat(100_000)), { max_tokens_per_doc: 400 }).most, 1);
});

it("rerankTokens counts the question with each document", () => {
  assert.equal(rerankTokens({ query: "12345", documents: ["1", "22", "333"] }, (text) => text.length), 3 * 5 + 6);
});
