import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";
import fc from "../../../test/kit/fast-check.ts";
import { Limits } from "../schemas.ts";
import { Admission, type AdmissionRequest, type Ticket } from "./admission.ts";
import { DistantLimitStore } from "./distant-limit-store.fixture.ts";
import type { LimitedParty } from "./limited-call.ts";
import { ManualTimers, settled } from "./manual-timers.fixture.ts";
import { MemoryLimitStore } from "./memory-limit-store.ts";

const party = (id: string, limits: Partial<Limits>): LimitedParty => ({ id, limits: Limits.parse(limits) });
const never = new AbortController().signal;

for (const distance of ["near", "distant"] as const) {
  describe(`Admission with a ${distance} store, for calls that are not made`, () => {
    let timers: ManualTimers;
    let admission: Admission;
    beforeEach(() => {
      timers = new ManualTimers();
      const near = new MemoryLimitStore({ clock: timers.clock });
      admission = new Admission({ store: distance === "near" ? near : new DistantLimitStore(near), clock: timers.clock, instance: "here", shared: distance === "distant", startTimer: timers.start });
    });

    const enter = async (request: Partial<AdmissionRequest>): Promise<Ticket> => admission.enter({ tokens: 100, deadline: timers.clock.monotonic() + 60_000, signal: never, ...request });

    it("gives all back that one took: its request, its tokens and its place, once", async () => {
      const key = party("a", { requestsPerMinute: 3, tokensPerMinute: 1000, concurrency: 1 });
      (await enter({ key, tokens: 0 })).leave();
      await settled();
      for (let call = 0; call < 5; call++) {
        const ticket = await enter({ key, tokens: 700 });
        ticket.giveBack();
        for (const again of [() => ticket.giveBack(), () => ticket.settle(0), () => ticket.leave()]) again();
        assert.deepEqual(ticket.left(), { requests: { limit: 3, remaining: 2, resetMs: 20_000 }, tokens: { limit: 1000, remaining: 1000, resetMs: 0 } });
        await settled();
      }
      for (const tokens of [600, 400]) {
        const ticket = await enter({ key, tokens });
        ticket.settle(tokens);
        ticket.leave();
        // What was made is not given back any more.
        ticket.giveBack();
        await settled();
      }
      await assert.rejects(enter({ key, tokens: 0 }), { code: "RATE_LIMITED" });
    });

    it("sends away who waits when the server goes down, and lets nobody wait from then on, while there is room for others", async () => {
      const [key, free] = [party("a", { concurrency: 1, queue: 2, queueMs: 600_000 }), party("b", { concurrency: 1, queue: 2, queueMs: 600_000 })];
      const first = await enter({ key });
      const second = enter({ key });
      await settled();
      assert.equal(admission.waiting, 1);
      admission.endWaiting();
      await assert.rejects(second, { code: "SHUTTING_DOWN", retryAfterSeconds: 1 });
      await assert.rejects(enter({ key }), { code: "SHUTTING_DOWN" });
      assert.equal(admission.waiting, 0);
      (await enter({ key: free })).leave();
      first.leave();
      await settled();
      // Its place came free all the same.
      (await enter({ key })).leave();
    });

    it("wakes who waits when a call gives its request back", async () => {
      const key = party("a", { requestsPerMinute: 1, queue: 2, queueMs: 600_000 });
      const first = await enter({ key });
      const gone: string[] = [];
      void enter({ key }).then(() => gone.push("second"));
      await settled();
      assert.deepEqual(gone, []);
      first.giveBack();
      await settled();
      assert.deepEqual(gone, ["second"]);
    });

    it("lets no more calls be made than the limit says, however many are let in and give all back", async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(fc.record({ isMade: fc.boolean(), ms: fc.integer({ min: 0, max: 3 }) }), { minLength: 15, maxLength: 40 }), async (calls) => {
          const key = party(`k${Math.random()}`, { requestsPerMinute: 6, concurrency: 4, queue: 100, queueMs: 600_000 });
          const since = timers.clock.monotonic();
          const endings = calls.map(({ isMade, ms }) => enter({ key, deadline: Number.POSITIVE_INFINITY }).then((ticket) => new Promise<number>((resolve) => {
            timers.start(ms, () => {
              if (isMade) ticket.leave();
              else ticket.giveBack();
              resolve(isMade ? timers.clock.monotonic() - ms - since : -1);
            });
          })));
          await timers.pass(600_000);
          const madeAt = (await Promise.all(endings)).filter((at) => at >= 0).toSorted((one, other) => one - other);
          assert.equal(madeAt.length, calls.filter(({ isMade }) => isMade).length);
          for (const [index, at] of madeAt.entries()) assert.ok(index < 6 + at / 10_000 + 1e-6, `call ${index} at ${at}`);
        }),
        { numRuns: 30 },
      );
    });

    if (distance === "distant") {
      it("takes nothing for a caller that goes while its place is asked for", async () => {
        const key = party("a", { requestsPerMinute: 1 });
        const gone = new AbortController();
        const entering = enter({ key, signal: gone.signal });
        gone.abort();
        await assert.rejects(entering, { code: "CALLER_GONE" });
        await settled();
        await enter({ key });
      });
    }
  });
}
