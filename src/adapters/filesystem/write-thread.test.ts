import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";
import { ManualClock } from "../../core/clock.ts";
import { WriteThread } from "./write-thread.ts";

describe("WriteThread", () => {
  let clock: ManualClock;
  let thread: WriteThread;

  beforeEach(() => {
    clock = new ManualClock();
    thread = new WriteThread(clock);
  });

  function pauseAfter(milliseconds: number): number {
    thread.here(() => clock.advance(milliseconds));
    for (let pause = 0; ; pause++) {
      if (!thread.isPool) return pause;
      clock.advance(1);
    }
  }

  it("stays with the calling thread while writes are quick", () => {
    for (const milliseconds of [0, 1, 10]) assert.equal(pauseAfter(milliseconds), 0);
  });

  it("leaves it for fifty times as long as a slow write held it, ten seconds at most", () => {
    assert.equal(pauseAfter(11), 550);
    assert.equal(pauseAfter(100), 5000);
    assert.equal(pauseAfter(200), 10_000);
    assert.equal(pauseAfter(60_000), 10_000);
  });

  it("holds it for a fiftieth of the time on a disk that is always slow", () => {
    let held = 0;
    for (let writes = 0; writes < 20; writes++) {
      pauseAfter(30);
      held += 30;
    }
    assert.ok(held / clock.monotonic() <= 1 / 50, `${held} of ${clock.monotonic()} ms`);
  });

  it("throws what the write does", () => {
    assert.throws(() => thread.here(() => { throw new Error("full"); }), /full/);
    assert.equal(thread.isPool, false);
  });
});
