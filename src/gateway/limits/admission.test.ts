import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";
import fc from "../../../test/kit/fast-check.ts";
import type { AppError } from "../../core/errors.ts";
import { Limits } from "../schemas.ts";
import { Admission, type AdmissionRequest, type Ticket } from "./admission.ts";
import { DistantLimitStore } from "./distant-limit-store.fixture.ts";
import type { LimitStore } from "./limit-store.ts";
import type { LimitedParty } from "./limited-call.ts";
import { ManualTimers, settled } from "./manual-timers.fixture.ts";
import { MemoryLimitStore } from "./memory-limit-store.ts";

const party = (id: string, limits: Partial<Limits>): LimitedParty => ({ id, limits: Limits.parse(limits) });
const never = new AbortController().signal;

for (const distance of ["near", "distant"] as const) {
  describe(`Admission with a ${distance} store`, () => {
    let timers: ManualTimers;
    let store: LimitStore;
    let admission: Admission;
    beforeEach(() => {
      timers = new ManualTimers();
      const near = new MemoryLimitStore({ clock: timers.clock });
      store = distance === "near" ? near : new DistantLimitStore(near);
      admission = open();
    });

    function open(instance = "here"): Admission {
      return new Admission({ store, clock: timers.clock, instance, shared: distance === "distant", startTimer: timers.start });
    }

    async function enter(request: Partial<AdmissionRequest>, at = admission): Promise<Ticket> {
      return at.enter({ tokens: 100, deadline: timers.clock.monotonic() + 60_000, signal: never, ...request });
    }

    /** The names of calls in the order in which they went on, or what they failed with. */
    function watch(order: string[], name: string, entering: Promise<Ticket>): Promise<Ticket | null> {
      return entering.then(
        (ticket) => { order.push(name); return ticket; },
        (error: AppError) => { order.push(`${name} ${error.code}`); return null; },
      );
    }

    it("lets everything in that has no limit", async () => {
      for (let call = 0; call < 100; call++) await enter({ key: party("a", {}) });
    });

    it("lets who waits go on by limits that are raised or taken away meanwhile, in their order, and holds them to lowered ones", async () => {
      let key: LimitedParty | undefined = party("a", { concurrency: 1, queue: 10 });
      const limitedBy = (): { key?: LimitedParty } => (key === undefined ? {} : { key });
      const order: string[] = [];
      const entering = (name: string): Promise<Ticket | null> => watch(order, name, enter({ ...limitedBy(), limitedBy }));
      const first = await entering("first");
      const others = ["second", "third", "fourth", "fifth", "sixth"].map(entering);
      const change = async (limits: Partial<Limits> | null): Promise<void> => {
        key = limits === null ? undefined : party("a", limits);
        admission.limitsChanged();
        await allSettled();
      };
      // A store that is far away takes a turn for each of them.
      const allSettled = async (): Promise<void> => {
        for (let turn = 0; turn < 10; turn++) await settled();
      };
      await allSettled();
      assert.equal(admission.waiting, 5);
      await change({ concurrency: 3, queue: 10 });
      assert.deepEqual([order, admission.waiting], [["first", "second", "third"], 3]);
      await change({ concurrency: 2, queue: 10 });
      first!.leave();
      await allSettled();
      assert.deepEqual([order.length, admission.waiting], [3, 3]);
      await change({ requestsPerMinute: 1, queue: 10 });
      assert.deepEqual([order.slice(3), admission.waiting], [["fourth"], 2]);
      await change(null);
      await Promise.all(others);
      assert.deepEqual([order.slice(4), admission.waiting], [["fifth", "sixth"], 0]);
    });

    it("refuses with the time to wait where there is no queue", async () => {
      const key = party("a", { requestsPerMinute: 2 });
      await enter({ key });
      await enter({ key });
      await assert.rejects(enter({ key }), { code: "RATE_LIMITED", retryAfterSeconds: 30, message: "The limit of requests per minute for this key is reached." });
      await timers.pass(30_000);
      await enter({ key });
    });

    it("takes nothing of one limit for a call that another refuses", async () => {
      const [key, route, model] = [party("a", { requestsPerMinute: 2, concurrency: 2 }), party("r", { tokensPerMinute: 150 }), party("m", { requestsPerMinute: 100 })];
      (await enter({ key, route, model })).leave();
      for (let call = 0; call < 3; call++) await assert.rejects(enter({ key, route, model }), { code: "RATE_LIMITED", message: "The limit of tokens per minute for the route r is reached." });
      const ticket = await enter({ key });
      await assert.rejects(enter({ key }), { code: "RATE_LIMITED" });
      ticket.leave();
    });

    it("corrects the estimate of tokens once", async () => {
      const key = party("a", { tokensPerMinute: 1000 });
      const ticket = await enter({ key, tokens: 900 });
      await assert.rejects(enter({ key, tokens: 900 }), { code: "RATE_LIMITED" });
      ticket.settle(100);
      ticket.settle(0);
      await settled();
      await enter({ key, tokens: 900 });
      await assert.rejects(enter({ key, tokens: 10 }), { code: "RATE_LIMITED", retryAfterSeconds: 1 });
    });

    it("lets who waits go on in the order of arrival, as others leave, and nobody before them", async () => {
      const key = party("a", { concurrency: 1, queue: 10 });
      const order: string[] = [];
      const first = await enter({ key });
      const waiting = ["b", "c", "d"].map((name) => watch(order, name, enter({ key })));
      await settled();
      assert.equal(admission.waiting, 3);
      first.leave();
      const late = watch(order, "late", enter({ key }));
      for (const entering of [...waiting, late]) {
        const ticket = await entering;
        ticket?.leave();
        ticket?.leave();
      }
      assert.deepEqual(order, ["b", "c", "d", "late"]);
      assert.equal(admission.waiting, 0);
    });

    it("lets higher priorities go first", async () => {
      const key = party("a", { concurrency: 1, queue: 10 });
      const order: string[] = [];
      const first = await enter({ key });
      const waiting = [["low", -1], ["normal", 0], ["high", 2], ["high too", 2]].map(([name, priority]) => watch(order, String(name), enter({ key, priority: Number(priority) })));
      await settled();
      first.leave();
      for (const entering of [waiting[2], waiting[3], waiting[1], waiting[0]]) (await entering)?.leave();
      assert.deepEqual(order, ["high", "high too", "normal", "low"]);
    });

    it("wakes who waits when a bucket has been refilled, without anybody leaving", async () => {
      const key = party("a", { requestsPerMinute: 60, queue: 10 });
      for (let call = 0; call < 60; call++) await enter({ key });
      const order: string[] = [];
      for (const name of ["b", "c"]) void watch(order, name, enter({ key }));
      await timers.pass(999);
      assert.deepEqual(order, []);
      await timers.pass(1);
      assert.deepEqual(order, ["b"]);
      await timers.pass(1000);
      assert.deepEqual(order, ["b", "c"]);
    });

    it("wakes who waits when an estimate was too high", async () => {
      const key = party("a", { tokensPerMinute: 1000, queue: 1, queueMs: 600_000 });
      const first = await enter({ key, tokens: 1000 });
      const second = enter({ key, tokens: 900 });
      await settled();
      first.settle(50);
      await second;
    });

    it("refuses at once what cannot come in time, and later what did not", async () => {
      const key = party("a", { requestsPerMinute: 1, queue: 5, queueMs: 10_000 });
      await enter({ key });
      await assert.rejects(enter({ key }), { code: "RATE_LIMITED", retryAfterSeconds: 60 });
      const busy = party("b", { concurrency: 1, queue: 5, queueMs: 10_000 });
      await enter({ key: busy });
      const order: string[] = [];
      void watch(order, "queueMs", enter({ key: busy }));
      void watch(order, "deadline", enter({ key: busy, deadline: timers.clock.monotonic() + 500 }));
      await timers.pass(499);
      assert.deepEqual(order, []);
      await timers.pass(1);
      assert.deepEqual(order, ["deadline RATE_LIMITED"]);
      await timers.pass(9500);
      assert.deepEqual(order, ["deadline RATE_LIMITED", "queueMs RATE_LIMITED"]);
      assert.equal(admission.waiting, 0);
    });

    it("says that it is overloaded when the queue is full", async () => {
      const key = party("a", { concurrency: 1, queue: 2 });
      await enter({ key });
      for (let call = 0; call < 2; call++) enter({ key }).catch(() => undefined);
      await settled();
      await assert.rejects(enter({ key }), { code: "GATEWAY_OVERLOADED", retryAfterSeconds: 1 });
    });

    it("counts waiting calls of one key, whatever they wait for, and those of another apart", async () => {
      const [a, b] = [party("a", { concurrency: 100, queue: 1 }), party("b", { concurrency: 100, queue: 1 })];
      const route = party("r", { concurrency: 1, queue: 50 });
      const ticket = await enter({ route });
      const [first, second] = [enter({ key: a, route }), enter({ key: b, route })];
      await settled();
      await assert.rejects(enter({ key: a, route }), { code: "GATEWAY_OVERLOADED" });
      ticket.leave();
      (await first).leave();
      (await second).leave();
    });

    it("waits in the queue of the one that refuses or of a more specific one, never for a limit without one", async () => {
      const route = party("r", { concurrency: 1, queue: 5 });
      const key = party("a", { concurrency: 1 });
      const ticket = await enter({ key, route });
      await assert.rejects(enter({ key, route }), { code: "RATE_LIMITED" });
      const other = enter({ key: party("b", { concurrency: 1 }), route });
      await settled();
      assert.equal(admission.waiting, 1);
      ticket.leave();
      await other;
    });

    it("holds nobody up behind one that needs something else", async () => {
      const key = party("a", { concurrency: 10, queue: 10 });
      const [busy, free] = [party("busy", { concurrency: 1 }), party("free", { concurrency: 1 })];
      const ticket = await enter({ key, route: busy });
      const waiting = enter({ key, route: busy });
      await settled();
      (await enter({ key, route: free })).leave();
      assert.equal(admission.waiting, 1);
      ticket.leave();
      await waiting;
    });

    it("lets a caller that has gone leave the queue at once, and its place go to the next", async () => {
      const key = party("a", { concurrency: 1, queue: 2 });
      const first = await enter({ key });
      const gone = new AbortController();
      const order: string[] = [];
      void watch(order, "gone", enter({ key, signal: gone.signal }));
      const next = watch(order, "next", enter({ key }));
      await settled();
      gone.abort();
      await settled();
      assert.deepEqual([order, admission.waiting], [["gone CALLER_GONE"], 1]);
      await assert.rejects(enter({ key, signal: gone.signal }), { code: "CALLER_GONE" });
      first.leave();
      (await next)?.leave();
      await enter({ key });
    });

    it("keeps no timer when nobody waits and nothing is open", async () => {
      const key = party("a", { concurrency: 1, queue: 10 });
      const first = await enter({ key });
      const second = enter({ key });
      await settled();
      first.leave();
      (await second).leave();
      await timers.pass(60_000);
      assert.equal(timers.size, 0);
    });

    it("lets no more in than the limit says and everybody in the end, however they come and go", async () => {
      await fc.assert(
        fc.asyncProperty(fc.integer({ min: 1, max: 4 }), fc.array(fc.record({ key: fc.integer({ min: 0, max: 2 }), ms: fc.integer({ min: 0, max: 30 }), gone: fc.boolean() }), { maxLength: 25 }), async (most, calls) => {
          const id = `r${Math.random()}`;
          let [inside, highest, ended] = [0, 0, 0];
          const route = party(id, { concurrency: most, queue: 100, queueMs: 600_000 });
          const all = calls.map(async ({ key, ms, gone }) => {
            const caller = new AbortController();
            if (gone) timers.start(ms / 2, () => caller.abort());
            try {
              const ticket = await enter({ key: party(String(key), { concurrency: 3, queue: 100 }), route, signal: caller.signal, deadline: Number.POSITIVE_INFINITY });
              highest = Math.max(highest, ++inside);
              timers.start(ms, () => { inside--; ended++; ticket.leave(); });
            } catch (error) {
              assert.equal((error as AppError).code, "CALLER_GONE");
              ended++;
            }
          });
          await timers.pass(5_000);
          await Promise.all(all);
          assert.deepEqual([inside, ended, admission.waiting], [0, calls.length, 0]);
          assert.ok(highest <= most);
        }),
        { numRuns: 30 },
      );
    });

    if (distance === "near") {
      it("answers without a promise where nothing is in the way", () => {
        const limits = { requestsPerMinute: 10, tokensPerMinute: 10_000, concurrency: 5 };
        const entered = admission.enter({ key: party("a", limits), route: party("r", limits), tokens: 5, deadline: Number.POSITIVE_INFINITY, signal: never });
        assert.ok(!(entered instanceof Promise));
        entered.leave();
      });
    } else {
      it("finds places that another process gave back", async () => {
        const key = party("a", { concurrency: 1, queue: 5 });
        const there = open("there");
        const ticket = await enter({ key }, there);
        const waiting = enter({ key });
        await settled();
        ticket.leave();
        await timers.pass(100);
        await waiting;
      });

      it("renews the places of calls that go on, and takes those of a process that died", async () => {
        const key = party("a", { concurrency: 1 });
        const ticket = await enter({ key });
        await timers.pass(120_000);
        await assert.rejects(enter({ key }), { code: "RATE_LIMITED" });
        assert.ok((store as DistantLimitStore).renewals >= 11);
        ticket.leave();
        await store.enter("dead/1", [{ id: "key:a:calls", most: 1 }], 30_000);
        await assert.rejects(enter({ key }), { code: "RATE_LIMITED" });
        await timers.pass(30_001);
        await enter({ key });
      });
    }
  });
}
