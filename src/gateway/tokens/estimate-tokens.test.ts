import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import fc from "../../../test/kit/fast-check.ts";
import { countTokens } from "./count-tokens.ts";
import { estimateTokens, mostTokens } from "./estimate-tokens.ts";
import { encodingOf, loadEncoding, type CountPiece } from "./token-encoding.ts";

/** Sentences and fragments of what prompts are made of. */
const fragments = [
  "The quick brown fox jumps over the lazy dog, and then it sleeps for a while. ", "Please summarise the following report in three sentences.\n", "internationalization of responsibilities ",
  "export function read(path: string): Promise<Row[]> {\n  return this.#rows.get(path) ?? [];\n}\n", "def f(x):\n    return [y ** 2 for y in x if y % 3 == 0]\n", '{"id":17,"name":"Ada","tags":["a","b"],"score":0.25}',
  "吾輩は猫である。名前はまだ無い。", "データベースへの接続に失敗しました。", "请检查您的设置,然后重试。", "자연어 처리는 중요한 분야이다. ", "Не удалось подключиться к базе данных. ",
  "Die Verbindung zur Datenbank ist fehlgeschlagen. ", "يرجى التحقق من الإعدادات. ", "कृपया अपनी सेटिंग जांचें। ", "กรุณาตรวจสอบการตั้งค่า", "😀🎉👩‍👩‍👧‍👦🇩🇪 ", "dGhpcyBpcyBzb21lIHRleHQgaW4gYmFzZTY0IHdpdGggbnVtYmVycyAxMjM0NTY3ODkw", "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
  "2026-11-21T21:33:10.123Z INFO status=200 ms=1.25 path=/v1/chat/completions\n", "| a | b |\n| --- | --- |\n", "<|endoftext|><|im_start|>", "        ", "\n\n\n", "3.14159265358979",
];

describe("estimate of tokens", () => {
  let countPiece: CountPiece;
  before(async () => {
    countPiece = await loadEncoding("o200k");
  });

  it("is at least 0.6 of the exact count and at most three times as much, and the bound is never below", () => {
    for (const fragment of fragments) {
      const exact = countPiece(fragment.repeat(3));
      const estimate = estimateTokens(fragment.repeat(3));
      assert.ok(estimate >= 0.6 * exact && (exact < 8 || estimate <= 3 * exact), `${fragment}: ${estimate} for ${exact}`);
    }
    const text = fc.array(fc.constantFrom(...fragments), { minLength: 1, maxLength: 30 }).map((parts) => parts.join(""));
    fc.assert(fc.property(text, (value) => {
      const exact = countPiece(value);
      assert.ok(estimateTokens(value) >= 0.6 * exact);
      assert.ok(mostTokens(value) >= exact);
    }), { numRuns: 60 });
  });

  it("never goes over the bound's promise with any text at all", () => {
    const anything = fc.array(fc.oneof(fc.integer({ min: 0, max: 0x10ffff }), fc.integer({ min: 0, max: 0xff })), { maxLength: 40 }).map((codes) => String.fromCodePoint(...codes));
    fc.assert(fc.property(anything, (value) => assert.ok(mostTokens(value) >= countPiece(value))), { numRuns: 100 });
  });

  it("counts special tokens as the text that they are", () => {
    assert.ok(countPiece("<|endoftext|>") > 3);
    assert.equal(countPiece("Say <|endoftext|> and <|im_start|>") > 8, true);
    assert.equal(countPiece(""), 0);
    assert.equal(countPiece("hello world"), 2);
  });

  it("counts in pieces what one piece would count, where words are of usual length", () => {
    const prose = fc.array(fc.constantFrom(...fragments.slice(0, 5), "Die Verbindung ist fehlgeschlagen. ", "word ", "12 "), { minLength: 100, maxLength: 250 }).map((parts) => parts.join(""));
    fc.assert(fc.property(prose, (value) => assert.deepEqual(countTokens(value, countPiece), { tokens: countPiece(value), exact: true })), { numRuns: 15 });
  });

  it("hands over no long word in one piece, and says that its count is not exact", () => {
    const longest: number[] = [];
    const count = (text: string): number => {
      longest.push(Math.max(...text.split(/[^a-z]/).map(({ length }) => length)));
      return Math.ceil(text.length / 8);
    };
    const { tokens, exact } = countTokens("a".repeat(100_000), count);
    assert.equal(exact, false);
    assert.ok(Math.max(...longest) <= 64);
    assert.ok(tokens >= 12_500);
    // A pair of surrogates is not cut.
    countTokens("x" + "😀".repeat(1000), (piece) => {
      assert.ok(piece.isWellFormed());
      return 1;
    });
  });

  it("stops counting when the work is done that it may do, and estimates the rest in proportion", () => {
    let counted = 0;
    const text = "字".repeat(200_000);
    const { tokens, exact } = countTokens(text, (piece) => {
      counted += piece.length;
      return piece.length;
    }, 1_000_000);
    assert.equal(exact, false);
    assert.ok(counted < 5000, String(counted));
    assert.ok(Math.abs(tokens - text.length) < 2000, String(tokens));
  });

  it("knows which models have the older vocabulary", () => {
    for (const model of ["gpt-4", "gpt-4-turbo", "gpt-4-0613", "openai/gpt-3.5-turbo", "gpt-35-turbo", "text-embedding-3-small"]) assert.equal(encodingOf(model), "cl100k", model);
    for (const model of ["gpt-4o", "gpt-4o-mini", "gpt-4.1", "gpt-4.5-preview", "gpt-5", "o3", "claude-sonnet-4-5"]) assert.equal(encodingOf(model), "o200k", model);
  });
});
