import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "../../test/kit/fast-check.ts";
import { oldGenerationGrowth } from "../../test/kit/old-generation.ts";
import { ChurnSet, type ChurnMember } from "./churn-set.ts";

interface Numbered extends ChurnMember {
  number: number;
}

const numbered = (number: number): Numbered => ({ number, place: -1 });

describe("ChurnSet", () => {
  it("holds what a Set holds", () => {
    const step = fc.record({ add: fc.boolean(), member: fc.nat(7) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const members = Array.from({ length: 8 }, (_, number) => numbered(number));
        const set = new ChurnSet<Numbered>();
        const model = new Set<Numbered>();
        for (const { add, member } of steps) {
          const chosen = members[member]!;
          if (add) {
            set.add(chosen);
            model.add(chosen);
          } else assert.equal(set.delete(chosen), model.delete(chosen));
          assert.equal(set.size, model.size);
          assert.deepEqual(new Set(set.values()), model);
        }
      }),
    );
  });

  it("may change while its members are walked over", () => {
    const set = new ChurnSet<Numbered>();
    const members = [0, 1, 2].map(numbered);
    for (const member of members) set.add(member);
    for (const member of set.values()) set.delete(member);
    assert.equal(set.size, 0);
    assert.deepEqual(members.map(({ place }) => place), [-1, -1, -1]);
  });

  it("keeps nothing alive that has left, also after a full garbage collection", () => {
    const set = new ChurnSet<ChurnMember & { load: number[] }>();
    const live: (ChurnMember & { load: number[] })[] = [];
    // About 50 MB, through many young collections; with a Set most of it reaches the old generation.
    const kept = oldGenerationGrowth((count) => {
      for (let index = 0; index < count; index++) {
        const member = { load: new Array<number>(64).fill(index), place: -1 };
        set.add(member);
        live.push(member);
        if (live.length > 32) set.delete(live.shift()!);
      }
    });
    assert.ok(kept < 2e6, `${kept} bytes were kept`);
  });
});
