import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { epochMs } from "../core/clock.ts";
import { ok } from "../core/doctor-check.ts";
import { examine } from "./examine.ts";

describe("examine", () => {
  it("answers for every check, also one that fails and one that hangs", async () => {
    const results = await examine(
      [
        { name: "well", run: (now) => ok(`It is ${now}.`) },
        { name: "fails", run: () => Promise.reject(new Error("no such thing")) },
        { name: "throws", run: () => { throw new Error("at once"); } },
        { name: "hangs", run: () => new Promise(() => undefined) },
      ],
      epochMs(7),
      20,
    );
    assert.deepEqual(results.map(({ name, state }) => [name, state]), [["well", "ok"], ["fails", "problem"], ["throws", "problem"], ["hangs", "problem"]]);
    assert.equal(results[0]!.finding, "It is 7.");
    assert.match(results[1]!.finding, /no such thing/);
    assert.match(results[3]!.finding, /no answer within 0.02 s/);
  });
});
