import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "../../test/kit/fast-check.ts";
import { localCaller, type Caller } from "./caller.ts";
import { AppError } from "./errors.ts";
import { StreamPlaces } from "./stream-places.ts";

const callerOf = (actor: string): Caller => ({ actor, name: actor, grants: [] });

describe("places for streams", () => {
  it("are 50 for one caller and 200 for all, and come back", () => {
    const places = new StreamPlaces();
    const release = Array.from({ length: 200 }, (_, index) => places.take(callerOf(`key:${index % 4}`)));
    const refused = (actor: string, code: string) =>
      assert.throws(() => places.take(callerOf(actor)), (error) => error instanceof AppError && error.code === code && error.retryAfterSeconds === 5);
    refused("key:0", "TOO_MANY_ATTEMPTS");
    refused("key:other", "QUEUE_FULL");
    release[0]!();
    release[0]!();
    places.take(callerOf("key:0"));
    refused("key:0", "TOO_MANY_ATTEMPTS");
    refused("key:other", "QUEUE_FULL");
  });

  it("are all the caller's of an open server", () => {
    const places = new StreamPlaces();
    for (let count = 0; count < 200; count++) places.take(localCaller);
    assert.throws(() => places.take(localCaller), { code: "QUEUE_FULL" });
  });

  it("are never more than they may be, whoever comes and leaves in whatever order", () => {
    fc.assert(
      fc.property(fc.array(fc.record({ actor: fc.nat({ max: 6 }), leaves: fc.boolean() }), { maxLength: 600 }), (steps) => {
        const places = new StreamPlaces();
        const open: (() => void)[][] = Array.from({ length: 7 }, () => []);
        for (const { actor, leaves } of steps) {
          const own = open[actor]!;
          if (leaves) own.pop()?.();
          else {
            const all = open.reduce((sum, each) => sum + each.length, 0);
            const expected = own.length >= 50 ? "TOO_MANY_ATTEMPTS" : all >= 200 ? "QUEUE_FULL" : undefined;
            if (expected === undefined) own.push(places.take(callerOf(`key:${actor}`)));
            else assert.throws(() => places.take(callerOf(`key:${actor}`)), { code: expected });
          }
        }
      }),
      { numRuns: 30 },
    );
  });
});
