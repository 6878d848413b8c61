import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SerialRead } from "./serial-read.ts";

/** Each reading sees the world as it is when it begins, and ends when it is told. */
function readings() {
  const begun: { seen: number; end: (failure?: Error) => void }[] = [];
  const world = { now: 0, held: -1 };
  const reads = new SerialRead(async () => {
    const seen = world.now;
    await new Promise<void>((resolve, reject) => begun.push({ seen, end: (failure) => (failure === undefined ? resolve() : reject(failure)) }));
    world.held = seen;
  });
  return { begun, world, reads };
}
const settled = async (): Promise<void> => {
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
};

describe("readings one after the other", () => {
  it("hold at last what was there when somebody asked last, however long the first one takes", async () => {
    const { begun, world, reads } = readings();
    const first = reads.request();
    world.now = 1;
    const others = [reads.request(), reads.request()];
    await settled();
    assert.equal(begun.length, 1);
    begun[0]!.end();
    await first;
    await settled();
    world.now = 2;
    const last = reads.request();
    begun[1]!.end();
    await Promise.all(others);
    assert.equal(world.held, 1);
    await settled();
    begun[2]!.end();
    await last;
    assert.deepEqual([world.held, begun.map(({ seen }) => seen)], [2, [0, 1, 2]]);
  });

  it("fail for those alone who asked for the one that fails", async () => {
    const { begun, world, reads } = readings();
    const first = reads.request();
    world.now = 1;
    const second = reads.request();
    begun[0]!.end(new Error("away"));
    await assert.rejects(first, /away/);
    await settled();
    begun[1]!.end();
    await second;
    assert.equal(world.held, 1);
    void reads.request();
    assert.equal(begun.length, 3);
  });
});
