import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";
import { Limits } from "../schemas.ts";
import { Admission, type AdmissionRequest, type Ticket } from "./admission.ts";
import { DistantLimitStore } from "./distant-limit-store.fixture.ts";
import { limitsLeft, type LimitsLeft } from "./limits-left.ts";
import type { LimitedParty } from "./limited-call.ts";
import { ManualTimers, settled } from "./manual-timers.fixture.ts";
import { MemoryLimitStore } from "./memory-limit-store.ts";

const party = (id: string, limits: Partial<Limits>): LimitedParty => ({ id, limits: Limits.parse(limits) });
const never = new AbortController().signal;

for (const distance of ["near", "distant"] as const) {
  describe(`What limits leave, as told with a ${distance} store`, () => {
    let timers: ManualTimers;
    let distant: DistantLimitStore;
    let admission: Admission;
    beforeEach(() => {
      timers = new ManualTimers();
      distant = new DistantLimitStore(new MemoryLimitStore({ clock: timers.clock }));
      admission = new Admission({ store: distance === "near" ? distant.near : distant, clock: timers.clock, instance: "here", shared: distance === "distant", startTimer: timers.start });
    });

    const requestOf = (request: Partial<AdmissionRequest>): AdmissionRequest => ({ tokens: 100, deadline: timers.clock.monotonic() + 60_000, signal: never, ...request });
    const enter = async (request: Partial<AdmissionRequest>): Promise<Ticket> => admission.enter(requestOf(request));
    /** What a call is told that is refused with the code. */
    const refused = async (request: Partial<AdmissionRequest>, code = "RATE_LIMITED"): Promise<LimitsLeft | null> => {
      const asked = requestOf(request);
      try {
        await admission.enter(asked);
      } catch (error) {
        assert.equal((error as { code: string }).code, code);
        return admission.leftAfter(error, asked);
      }
      return assert.fail("it was let in");
    };

    it("is of each measure that of the party that has least left, after the call", async () => {
      const [key, route] = [party("a", { requestsPerMinute: 60, tokensPerMinute: 1000 }), party("r", { requestsPerMinute: 30, tokensPerMinute: 60_000 })];
      assert.deepEqual((await enter({ key, route })).left(), { requests: { limit: 30, remaining: 29, resetMs: 2000 }, tokens: { limit: 1000, remaining: 900, resetMs: 6000 } });
      // Another key takes of the route's requests alone.
      assert.deepEqual((await enter({ key: party("b", { requestsPerMinute: 5 }), route })).left(), { requests: { limit: 5, remaining: 4, resetMs: 12_000 }, tokens: { limit: 60_000, remaining: 59_800, resetMs: 200 } });
      await timers.pass(1000);
      assert.deepEqual((await enter({ key, route })).left(), { requests: { limit: 30, remaining: 27, resetMs: 5000 }, tokens: { limit: 1000, remaining: 816, resetMs: 11_000 } });
    });

    it("is of one kind of party alone where that is asked for, also on a refusal of another", async () => {
      const [model, provider] = [party("p/m", { requestsPerMinute: 1, tokensPerMinute: 500 }), party("p", { requestsPerMinute: 60, tokensPerMinute: 6000 })];
      assert.deepEqual((await enter({ model, provider })).left("provider"), { requests: { limit: 60, remaining: 59, resetMs: 1000 }, tokens: { limit: 6000, remaining: 5900, resetMs: 1000 } });
      assert.deepEqual((await enter({ model: party("p/n", { requestsPerMinute: 9 }) })).left("provider"), { requests: null, tokens: null });
      const asked = requestOf({ model, provider });
      const error = await Promise.resolve().then(() => admission.enter(asked)).then(() => assert.fail("it was let in"), (thrown: unknown) => thrown);
      assert.deepEqual((await admission.leftAfter(error, asked, "provider"))?.requests, { limit: 60, remaining: 59, resetMs: 1000 });
      assert.equal((await admission.leftAfter(error, asked))?.requests?.limit, 1);
    });

    it("is null of what nothing counts", async () => {
      assert.deepEqual((await enter({ key: party("a", {}) })).left(), { requests: null, tokens: null });
      assert.deepEqual((await enter({ key: party("a", { concurrency: 3 }) })).left(), { requests: null, tokens: null });
      assert.deepEqual((await enter({ key: party("a", { tokensPerMinute: 100.5 }) })).left(), { requests: null, tokens: { limit: 100, remaining: 0, resetMs: 59_702 } });
      const key = party("b", { concurrency: 1 });
      await enter({ key });
      assert.equal(await refused({ key }), null);
    });

    it("is told to a call that they refuse, by rates as by places and behind others that wait, and costs it nothing", async () => {
      const key = party("a", { requestsPerMinute: 3, tokensPerMinute: 600, concurrency: 2 });
      const left = { requests: { limit: 3, remaining: 1, resetMs: 40_000 }, tokens: { limit: 600, remaining: 400, resetMs: 20_000 } };
      const tickets = [await enter({ key }), await enter({ key })];
      assert.deepEqual(await refused({ key }), left);
      for (const ticket of tickets) ticket.leave();
      await settled();
      assert.deepEqual(await refused({ key, tokens: 500 }), left);
      assert.deepEqual((await enter({ key })).left().requests, { limit: 3, remaining: 0, resetMs: 60_000 });
      // A call in debt has none left, not less.
      const other = party("b", { tokensPerMinute: 100 });
      await enter({ key: other, tokens: 250 });
      assert.deepEqual(await refused({ key: other }), { requests: null, tokens: { limit: 100, remaining: 0, resetMs: 150_000 } });
    });

    it("is of each caller its own where several wait for one route", async () => {
      const route = party("r", { requestsPerMinute: 60, concurrency: 1, queue: 1, queueMs: 5000 });
      const ticket = await enter({ route });
      const waiting = refused({ route, key: party("waits", { requestsPerMinute: 10 }) });
      await settled();
      assert.deepEqual((await refused({ route, key: party("comes", { requestsPerMinute: 7 }) }, "GATEWAY_OVERLOADED"))?.requests, { limit: 7, remaining: 7, resetMs: 0 });
      await timers.pass(5000);
      assert.deepEqual((await waiting)?.requests, { limit: 10, remaining: 10, resetMs: 0 });
      ticket.leave();
    });

    it("is nothing to a caller who has gone", async () => {
      assert.equal(await refused({ key: party("a", { requestsPerMinute: 1 }), signal: AbortSignal.abort() }, "CALLER_GONE"), null);
    });

    if (distance === "distant") {
      it("is not asked for in a trip of its own where the decision has told it", async () => {
        const key = party("a", { requestsPerMinute: 1 });
        (await enter({ key })).left();
        await refused({ key });
        (await enter({ key: party("b", {}) })).left();
        assert.deepEqual(distant.asked, ["enter", "enter"]);
      });

      it("is unknown where the store cannot say it", async () => {
        const key = party("a", { requestsPerMinute: 5, concurrency: 1 });
        await enter({ key });
        distant.take = () => Promise.reject(new Error("away"));
        assert.equal(await refused({ key }), null);
      });
    }
  });
}

it("has whole numbers and moments that can be named of any limit", () => {
  const bucket = { id: "a", capacity: 1, perMinute: 1e-300 };
  assert.deepEqual(limitsLeft({ buckets: [{ bucket, amount: 1 }], tokens: [] }, [{ amount: -1e-9, fullInMs: Infinity }]).requests, { limit: 1, remaining: 0, resetMs: 1e12 });
  assert.deepEqual(limitsLeft({ buckets: [{ bucket, amount: 1 }], tokens: [bucket] }, [{ amount: 0.999_999_9, fullInMs: 1000.000_000_1 }]).tokens, { limit: 1, remaining: 1, resetMs: 1000 });
});
