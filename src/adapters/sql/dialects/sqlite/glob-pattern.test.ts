import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { describe, it } from "node:test";
import fc from "../../../../../test/kit/fast-check.ts";
import { escapeLike } from "../../like-pattern.fixture.ts";
import { globOfLike } from "./glob-pattern.ts";

/** LIKE as the Postgres manual defines it, as a regular expression over code points. */
function likeReference(pattern: string): RegExp {
  let source = "";
  const characters = Array.from(pattern);
  for (let index = 0; index < characters.length; index++) {
    const character = characters[index]!;
    if (character === "%") source += "[^]*";
    else if (character === "_") source += "[^]";
    else source += literal(character === "\\" ? characters[++index]! : character);
  }
  return new RegExp(`^${source}$`, "u");
}

function literal(character: string): string {
  return `\\u{${character.codePointAt(0)!.toString(16)}}`;
}

describe("globOfLike", () => {
  const database = new DatabaseSync(":memory:");
  const glob = database.prepare("select ? glob ? as matches");
  const character = fc.constantFrom("a", "A", "b", "%", "_", "\\", "*", "?", "[", "]", "^", "-", "é", "😀", "\n", ".");
  const text = fc.string({ unit: character, maxLength: 6 });
  const pattern = fc.array(fc.oneof(character.filter((each) => each !== "\\"), character.map((each) => `\\${each}`)), { maxLength: 6 }).map((parts) => parts.join(""));

  it("matches what LIKE matches on Postgres", () => {
    fc.assert(
      fc.property(text, pattern, (value, like) => {
        assert.equal(glob.get(value, globOfLike(like))?.["matches"], likeReference(like).test(value) ? 1 : 0);
      }),
      { numRuns: 2000 },
    );
  });

  it("matches escaped text and nothing else", () => {
    fc.assert(
      fc.property(text, text, (value, other) => {
        assert.equal(glob.get(value, globOfLike(escapeLike(value)))?.["matches"], 1);
        assert.equal(glob.get(other, globOfLike(escapeLike(value)))?.["matches"], other === value ? 1 : 0);
      }),
    );
  });

  it("refuses a pattern that ends with its escape character, as Postgres does", () => {
    assert.throws(() => globOfLike("a\\"), { reason: "misuse" });
  });
});
