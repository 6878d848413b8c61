import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "../../../test/kit/fast-check.ts";
import { LinearPattern } from "./linear-pattern.ts";
import { PatternError } from "./parse-pattern.ts";

/** Random patterns of everything that both engines know. */
const { pattern } = fc.letrec<{ pattern: string }>((tie) => ({
  pattern: fc.oneof(
    { maxDepth: 4, depthIdentifier: "pattern" },
    fc.constantFrom("a", "b", "B", "é", "1", ".", "\\d", "\\w", "\\W", "\\s", "[ab]", "[^a]", "[a-c1]", "[\\d-]", "\\b", "\\B", "^", "$", "\\.", "\\u0062", "\\x61", "\\p{L}", "ab", "😀", ""),
    fc.tuple(tie("pattern"), tie("pattern")).map(([one, other]) => one + other),
    fc.tuple(tie("pattern"), tie("pattern")).map(([one, other]) => `(?:${one}|${other})`),
    fc.tuple(tie("pattern"), fc.constantFrom("*", "+", "?", "{2}", "{1,3}", "{2,}", "*?", "+?")).map(([one, mark]) => `(${one})${mark}`),
  ),
}));
const text = fc.string({ unit: fc.constantFrom("a", "A", "b", "c", "é", "É", "1", "_", "-", ".", " ", "\n", "😀"), maxLength: 12 });

describe("linear patterns", () => {
  it("agree with the language's own, for any pattern and text, in one piece and in many", () => {
    fc.assert(fc.property(pattern, fc.array(text, { minLength: 1, maxLength: 4 }), (source, texts) => {
      // V8 finds \B between the halves of a pair of surrogates, where ECMA-262 does not look (AdvanceStringIndex).
      fc.pre(!source.includes("\\B") || !texts.join("").includes("😀"));
      const own = new RegExp(source, "iu");
      const linear = new LinearPattern(source);
      for (const value of texts) assert.equal(linear.refuses(value), own.test(value), `/${source}/ on ${JSON.stringify(value)}`);
      const run = linear.begin();
      let found = false;
      for (const value of texts) for (const unit of value.split("")) found = run.push(unit) || found;
      assert.equal(run.end() || found, own.test(texts.join("")), `/${source}/ on pieces of ${JSON.stringify(texts.join(""))}`);
    }), { numRuns: 200 });
  });

  it("refuse what needs more than linear time, or is malformed, and say where", () => {
    for (const [source, message] of [
      ["(a)\\1", /back-references/], ["(?<n>a)\\k<n>", /back-references/], ["a(?=b)", /looking ahead/], ["(?<!a)b", /looking ahead and behind/], ["(a", /not closed at character 3/], ["a)", /closes nothing/], ["[a", /not closed/],
      ["*a", /nothing to repeat/], ["a**", /nothing to repeat/], ["a{3,2}", /ends before/], ["a{2000}", /repetitions/], ["((a{500}){500})", /too large/], ["[z-a]", /ends before/], ["\\p{Nonsense}", /unknown property/], ["\\q", /unknown escape/], ["a\\", /backslash/],
      ["(".repeat(60) + ")".repeat(60), /groups in each other/],
    ] as const) assert.throws(() => new LinearPattern(source), (error) => error instanceof PatternError && message.test(error.message), source);
  });

  it("take hostile patterns over a long text within their bound of work", () => {
    const hostile = "a".repeat(200_000) + "!";
    for (const source of ["(a+)+$", "(a|a)+$", "(a|aa)+$", "(.*a){20}$", "^(([a-z])+.)+[A-Z]([a-z])+$", "(x+x+)+y"]) {
      const run = new LinearPattern(source).begin();
      assert.equal(run.push(hostile) || run.end(), false, source);
      assert.equal(run.isExhausted, false, source);
    }
  });

  it("give up, and say so, where a pattern meets ever new sets of ways", () => {
    let seed = 1;
    let value = "";
    for (let index = 0; index < 20_000; index++) {
      seed = (seed * 48271) % 2147483647;
      value += seed % 2 === 0 ? "a" : "b";
    }
    const run = new LinearPattern("a[ab]{900}c").begin();
    assert.equal(run.push(value), false);
    assert.equal(run.isExhausted, true);
  });

  it("know how long a match can be, and when none is under way", () => {
    assert.equal(new LinearPattern("ab{1,3}(c|dd)").longestMatch, 6);
    assert.equal(new LinearPattern("a+").longestMatch, Infinity);
    const run = new LinearPattern("secret project").begin();
    run.push("the sec");
    assert.equal(run.isResting, false);
    run.push("ond");
    assert.equal(run.isResting, true);
    assert.equal(run.push(" SECRET Project"), false);
    assert.equal(run.end(), true);
  });
});
