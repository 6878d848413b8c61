import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { epochMs, ManualClock } from "../core/clock.ts";
import { TimeOrderedIds } from "../core/ids.ts";
import { verdictOf } from "./rollout.fixture.ts";
import type { Verdict } from "./schemas.ts";
import { verdictAt } from "./verdict-at.ts";

describe("verdictAt", () => {
  it("answers the last verdict before a moment, or at it, without its figures", async () => {
    const clock = new ManualClock();
    const ids = new TimeOrderedIds(clock);
    const written: Verdict[] = [];
    for (const decision of ["hold", "promote"] as const) {
      clock.advance(1000);
      written.push(verdictOf(ids.next("verdict"), "rol_1", { time: clock.now(), decision }));
    }
    const verdicts = (rollout: string, { before, limit }: { before?: string; limit: number }): Promise<Verdict[]> =>
      Promise.resolve(written.filter((verdict) => verdict.rollout === rollout && verdict.id < before!).toReversed().slice(0, limit));
    const [first, second] = written.map(({ time }) => time);
    const at = async (time: number): Promise<unknown> => (await verdictAt({ verdicts }, "rol_1", epochMs(time)))?.decision ?? null;
    assert.deepEqual([await at(first! - 1), await at(first!), await at(second! - 1), await at(second!), await at(second! + 1e9)], [null, "hold", "hold", "promote", "promote"]);
    assert.deepEqual(await verdictAt({ verdicts }, "rol_1", epochMs(first!)), {
      id: written[0]!.id, time: first, decision: "hold", reason: "too few", gates: [{ gate: "samples", result: "undecided", candidate: 3, stable: 90, limit: 500, detail: "3 of 500" }],
    });
    assert.equal(await verdictAt({ verdicts }, "rol_2", epochMs(second!)), null);
  });
});
