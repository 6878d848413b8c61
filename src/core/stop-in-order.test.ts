import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { stopInOrder } from "./stop-in-order.ts";

const never = new Promise<void>(() => undefined);

describe("stopInOrder", () => {
  it("takes each step when the one before has ended", async () => {
    const seen: string[] = [];
    await stopInOrder([
      ["slow", async () => {
        await new Promise((resolve) => setImmediate(resolve));
        seen.push("slow");
      }],
      ["quick", () => seen.push("quick")],
    ]);
    assert.deepEqual(seen, ["slow", "quick"]);
  });

  it("takes them all where some throw, reject or hang, tells each at once, and all at the end", async () => {
    const seen: string[] = [];
    const rings: (() => void)[] = [];
    let putOff = 0;
    const stopping = stopInOrder(
      [
        ["throws", () => {
          throw new Error("one");
        }],
        ["rejects", () => Promise.reject(new Error("two"))], ["hangs", () => never], ["ends", () => seen.push("ended")],
      ],
      { stepMs: 5000, alarm: (milliseconds, ring) => (assert.equal(milliseconds, 5000), rings.push(ring), () => putOff++), onFailure: (name, cause) => seen.push(`${name}: ${(cause as Error).message}`) },
    );
    while (rings.length < 3) await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(seen, ["throws: one", "rejects: two"]);
    rings[2]!();
    await assert.rejects(stopping, (error) => error instanceof AggregateError && error.errors.length === 3 && error.message === "Not ended as it should: throws, rejects, hangs.");
    assert.deepEqual([seen.slice(2), putOff], [["hangs: hangs had not ended after 5000 ms.", "ended"], 4]);
  });

  it("lets a step that fails after it was left fail unheard", async () => {
    const late = Promise.withResolvers<void>();
    await assert.rejects(stopInOrder([["late", () => late.promise]], { alarm: (_milliseconds, ring) => (ring(), () => undefined) }), AggregateError);
    late.reject(new Error("much later"));
    await new Promise((resolve) => setImmediate(resolve));
  });
});
