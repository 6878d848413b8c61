import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setImmediate as settled } from "node:timers/promises";
import { ApiFailure } from "./api.ts";
import { ResourceCache } from "./resource-cache.ts";

/** A cache under a clock that the test moves, and loads that it answers by hand. */
function setUp() {
  const clock = { now: 10_000 };
  const cache = new ResourceCache(() => clock.now);
  const loads: { key: string; signal: AbortSignal; resolve: (data: unknown) => void; reject: (error: unknown) => void }[] = [];
  const load = (key: string) => (signal: AbortSignal) => new Promise<unknown>((resolve, reject) => loads.push({ key, signal, resolve, reject }));
  const show = (key: string): (() => void) => cache.subscribe(key, load(key), () => undefined);
  return { clock, cache, loads, show };
}

describe("ResourceCache", () => {
  it("fetches once for all who ask in the same moment", async () => {
    const { cache, loads, show } = setUp();
    show("/a");
    show("/a");
    await settled();
    assert.equal(loads.length, 1);
    loads[0]!.resolve("data");
    await settled();
    assert.deepEqual(cache.snapshot("/a"), { data: "data", error: undefined, fetchedAt: 10_000, pending: false });
    show("/a");
    assert.equal(loads.length, 1);
  });

  it("fetches again when a change arrives while an answer from before is on its way", async () => {
    const { cache, loads, show } = setUp();
    show("/a");
    await settled();
    cache.invalidate((key) => key === "/a");
    loads[0]!.resolve("before");
    await settled();
    assert.equal(loads.length, 2);
    loads[1]!.resolve("after");
    await settled();
    assert.equal(cache.snapshot("/a").data, "after");
    assert.equal(loads.length, 2);
  });

  it("gives up a call that is stuck when it is asked for anew, and takes no answer of it", async () => {
    const { cache, loads, show } = setUp();
    show("/a");
    await settled();
    cache.restart("/a");
    await settled();
    assert.deepEqual([loads.length, loads[0]!.signal.aborted, loads[1]!.signal.aborted], [2, true, false]);
    loads[1]!.resolve("anew");
    await settled();
    loads[0]!.resolve("stuck");
    await settled();
    assert.deepEqual([cache.snapshot("/a").data, cache.snapshot("/a").pending, loads.length], ["anew", false, 2]);
    cache.restart("/a");
    await settled();
    cache.restart("/a");
    loads[2]!.reject(loads[2]!.signal.reason);
    await settled();
    assert.deepEqual(cache.snapshot("/a"), { data: "anew", error: undefined, fetchedAt: 10_000, pending: true });
  });

  it("does not begin a call that was given up while it waited for its turn", async () => {
    const { cache, loads, show } = setUp();
    for (let index = 0; index < 5; index++) show(`/${index}`);
    show("/a");
    await settled();
    cache.restart("/a");
    for (const load of [...loads]) load.resolve("data");
    await settled();
    await settled();
    assert.deepEqual(loads.map(({ key }) => key).filter((key) => key === "/a"), ["/a"]);
  });

  it("keeps what it had when the server is silent, and drops it when the thing is gone", async () => {
    const { cache, loads, show } = setUp();
    show("/a");
    await settled();
    loads[0]!.resolve("data");
    await settled();
    cache.refresh("/a");
    await settled();
    loads[1]!.reject(new ApiFailure(0, { code: "SERVER_UNREACHABLE", message: "" }));
    await settled();
    assert.deepEqual([cache.snapshot("/a").data, cache.snapshot("/a").error?.code], ["data", "SERVER_UNREACHABLE"]);
    cache.refresh("/a");
    await settled();
    loads[2]!.reject(new ApiFailure(404, { code: "MODEL_NOT_FOUND", message: "" }));
    await settled();
    assert.equal(cache.snapshot("/a").data, undefined);
  });

  it("makes five calls at once, and the rest in their turn", async () => {
    const { loads, show } = setUp();
    for (let index = 0; index < 12; index++) show(`/${index}`);
    await settled();
    assert.equal(loads.length, 5);
    for (let index = 0; index < 12; index++) {
      loads[index]!.resolve(index);
      await settled();
    }
    assert.equal(loads.length, 12);
  });

  it("forgets what nobody looks at when it changes, or when there is too much of it", async () => {
    const { cache, loads, show } = setUp();
    const leave = show("/a");
    await settled();
    loads[0]!.resolve("data");
    await settled();
    leave();
    assert.equal(cache.snapshot("/a").data, "data");
    cache.invalidate(() => true);
    assert.equal(cache.snapshot("/a").data, undefined);
    for (let index = 0; index < 100; index++) {
      const leaveOne = show(`/${index}`);
      await settled();
      loads.at(-1)!.resolve(index);
      await settled();
      leaveOne();
    }
    assert.deepEqual([cache.snapshot("/0").data, cache.snapshot("/99").data], [undefined, 99]);
  });
});
