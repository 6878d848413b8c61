import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import fc from "../../../test/kit/fast-check.ts";
import { lastNearMisses, laterNearMisses, nearMisses, paraphrases } from "./question-pairs.fixture.ts";
import { sameMeaning } from "./same-meaning.ts";

/** Made by all-MiniLM-L6-v2, of length 1, each rounded to 127ths of its greatest component: cosines are right to .001. */
const { vectors } = JSON.parse(readFileSync(new URL("./question-vectors.fixture.json", import.meta.url), "utf8")) as { vectors: Record<string, string> };

function cosine(first: string, second: string): number {
  const [one, other] = [first, second].map((text) => new Int8Array(Buffer.from(vectors[text]!, "base64")));
  let [sum, ones, others] = [0, 0, 0];
  for (let index = 0; index < one!.length; index++) {
    sum += one![index]! * other![index]!;
    ones += one![index]! ** 2;
    others += other![index]! ** 2;
  }
  return sum / Math.sqrt(ones * others);
}

const passing = (set: readonly (readonly [string, string])[], threshold: number): [all: number, same: number] => {
  const near = set.filter(([first, second]) => cosine(first, second) >= threshold);
  return [near.length, near.filter(([first, second]) => sameMeaning(first, second)).length];
};

describe("sameMeaning", () => {
  it("lets through no near miss of the labelled set that embeddings do, and most paraphrases", () => {
    assert.equal(nearMisses.length + paraphrases.length >= 150, true);
    // The figures of docs/gateway-cache.md.
    assert.deepEqual([0.8, 0.85, 0.9, 0.92, 0.95].map((threshold) => passing(nearMisses, threshold)), [[73, 0], [58, 0], [42, 0], [32, 0], [18, 0]]);
    assert.deepEqual([0.8, 0.85, 0.9, 0.92, 0.95].map((threshold) => passing(paraphrases, threshold)), [[77, 48], [75, 48], [71, 45], [64, 42], [50, 36]]);
  });

  it("lets through none of the near misses that were written to get through", () => {
    assert.deepEqual([...laterNearMisses, ...lastNearMisses].filter(([first, second]) => sameMeaning(first, second)), []);
  });

  it("does not mind which of two comes first, and takes every text for itself", () => {
    for (const [first, second] of [...paraphrases, ...nearMisses, ...laterNearMisses]) assert.equal(sameMeaning(first, second), sameMeaning(second, first), `${first} | ${second}`);
    fc.assert(fc.property(fc.string({ unit: "grapheme" }), (text) => sameMeaning(text, text)), { numRuns: 100 });
  });

  it("is lost by any change of a number, a quote, an identifier or a denial, whatever stands around", () => {
    const word = fc.constantFrom("please", "open", "door", "the", "in", "Berlin", "how", "can", "I", "port", "my", "users");
    const swaps = fc.constantFrom(
      ["7", "8"], ["3.1", "3.10"], ["'red'", "'blue'"], ["`x`", "`y`"], ["useState", "useEffect"], ["a_b", "a_c"], ["--quiet", "--quick"], ["not", ""], ["never", ""], ["without", "with"],
      ["enable", "disable"], ["allow", "deny"], ["on", "off"], ["C", "C#"], ["C", "C++"], ["US", "us"], ["5 MB", "5 GB"], ["two", "three"], ["Anna", "Anne"], ["-5", "5"], ["+", "*"], ["東京", "大阪"],
    );
    fc.assert(
      fc.property(fc.array(word, { minLength: 1, maxLength: 6 }), fc.array(word, { maxLength: 6 }), swaps, (before, after, [one, other]) => {
        assert.equal(sameMeaning([...before, one, ...after].join(" "), [...before, other, ...after].join(" ")), false);
      }),
      { numRuns: 300 },
    );
  });

  it("takes other ways to ask for the same", () => {
    for (const [first, second] of [
      ["I can't log in", "I am unable to sign in"], ["Turn on 2FA", "please enable 2FA"], ["10 miles to km", "ten miles to kilometres"], ["What costs 1,000 dollars?", "what costs 1000 dollars"], ["I don’t agree", "I do not agree"],
    ] as const) assert.equal(sameMeaning(first, second), true, `${first} | ${second}`);
  });

  it("tells apart what only a small word tells apart", () => {
    for (const [first, second] of [
      ["Send it from Anna to Bob", "Send it from Bob to Anna"], ["Should I restart it?", "How do I restart it?"], ["Can I restart it?", "How can I restart it?"], ["Is it open?", "Was it open?"], ["Show my orders", "Show her orders"],
      ["Who opened it?", "When was it opened?"], ["Dog bites man", "Man bites dog"], ["How many users?", "How old users?"], ["Take vitamin A", "Take vitamin C"], ["at 9 am", "at 9 pm"], ["Copy from disk", "Copy to disk"],
    ] as const) assert.equal(sameMeaning(first, second), false, `${first} | ${second}`);
  });

  it("takes no longer for texts made to be slow", () => {
    for (const text of ["'".repeat(1000), "a.".repeat(500), "`\"".repeat(500), "-a".repeat(500), "1,".repeat(500), "\u0301".repeat(1000)]) sameMeaning(text, `${text}x`);
  });
});
