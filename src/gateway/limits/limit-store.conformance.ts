import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import fc from "../../../test/kit/fast-check.ts";
import type { Bucket, BucketLeft, Entered, LimitStore, Taken, TakenFrom } from "./limit-store.ts";

export interface LimitStoreSubject {
  store: LimitStore;
  /** Lets the store's clock go on by at least this; a store with a clock of its own waits. */
  pass(milliseconds: number): Promise<void>;
  /** Whether the clock goes on by itself: then figures are bounds, not values. */
  ownClock: boolean;
  close?(): Promise<void>;
}

let count = 0;
const bucketOf = (capacity: number, perMinute = capacity): Bucket => ({ id: `bucket-${++count}`, capacity, perMinute });
const slotOf = (most: number): { id: string; most: number } => ({ id: `slot-${++count}`, most });
const ticketOf = (): string => `ticket-${++count}`;
const leaseMs = 60_000;

function refusal(taken: Taken): Extract<Taken, { taken: false }> {
  if (taken.taken) assert.fail("it was taken");
  return taken;
}

/** What every LimitStore promises. */
export function limitStoreConformance(adapter: string, open: () => Promise<LimitStoreSubject>): void {
  describe(`LimitStore: ${adapter}`, () => {
    let subject: LimitStoreSubject;
    beforeEach(async () => { subject = await open(); });
    afterEach(async () => subject.close?.());
    const take = async (bucket: Bucket, amount: number): Promise<TakenFrom> => subject.store.take([{ bucket, amount }]);
    /** Exactly, or as it is a little later where the clock goes on by itself: by at most a minute. */
    const assertLeft = ({ left }: TakenFrom, ...expected: { of: Bucket; amount: number }[]): void => {
      const full = ({ capacity, perMinute }: Bucket, amount: number): BucketLeft => ({ amount, fullInMs: ((capacity - amount) * 60_000) / perMinute });
      if (!subject.ownClock) return assert.deepEqual(left, expected.map(({ of, amount }) => full(of, amount)));
      assert.equal(left.length, expected.length);
      for (const [index, { of, amount }] of expected.entries()) {
        const found = left[index]!;
        assert.ok(found.amount >= amount && found.amount <= Math.min(of.capacity, amount + of.perMinute), `${found.amount} left, not ${amount}`);
        assert.ok(Math.abs(found.fullInMs - full(of, found.amount).fullInMs) < 1, `full in ${found.fullInMs} ms`);
      }
    };
    const enter = async (slots: { id: string; most: number }[], ticket = ticketOf()): Promise<Taken> => subject.store.enter(ticket, slots, leaseMs);

    it("begins full, gives what is there and says how long the rest takes", async () => {
      const bucket = bucketOf(10, 1);
      assert.equal((await take(bucket, 7)).taken, true);
      const { id, waitMs } = refusal(await take(bucket, 5));
      assert.equal(id, bucket.id);
      assert.ok(subject.ownClock ? waitMs <= 120_000 && waitMs > 60_000 : waitMs === 120_000, String(waitMs));
      assert.equal((await take(bucket, 3)).taken, true);
    });

    it("tells with each decision what is left and when it is all there again", async () => {
      const [first, second] = [bucketOf(10, 0.001), bucketOf(100, 0.01)];
      const both = (one: number, other: number): Promise<TakenFrom> => Promise.resolve(subject.store.take([{ bucket: first, amount: one }, { bucket: second, amount: other }]));
      assertLeft(await both(4, 0), { of: first, amount: 6 }, { of: second, amount: 100 });
      const refused = await both(7, 50);
      assert.equal(refused.taken, false);
      assertLeft(refused, { of: first, amount: 6 }, { of: second, amount: 100 });
      await subject.store.adjust([{ bucket: first, amount: -1 }, { bucket: second, amount: 20 }]);
      assertLeft(await both(0, 0), { of: first, amount: 7 }, { of: second, amount: 80 });
      assertLeft(await both(7, 80), { of: first, amount: 0 }, { of: second, amount: 0 });
      // One that is in debt refuses who only looks, and tells it all the same.
      await subject.store.adjust([{ bucket: first, amount: 5 }]);
      const looked = await both(0, 0);
      assert.equal(looked.taken, false);
      assertLeft(looked, { of: first, amount: -5 }, { of: second, amount: 0 });
    });

    it("tells of one that is refilled less by what flowed back", async () => {
      const bucket = bucketOf(1_000_000, 60_000);
      await take(bucket, 500_000);
      await subject.pass(50);
      const { left: [left] } = await take(bucket, 0);
      assert.ok(left!.amount >= 500_050 && (subject.ownClock || left!.amount === 500_050), String(left!.amount));
      assert.ok(Math.abs(left!.fullInMs - (1_000_000 - left!.amount)) < 1, String(left!.fullInMs));
    });

    it("refills evenly, and is true to what it said of the wait", async () => {
      const bucket = bucketOf(10, 60_000);
      // A bucket that a clock of its own has filled meanwhile is emptied again.
      let answer = await take(bucket, 10);
      while (answer.taken) answer = await take(bucket, 10);
      const { waitMs } = answer;
      assert.ok(waitMs <= 10 && waitMs > 0, String(waitMs));
      await subject.pass(waitMs);
      assert.equal((await take(bucket, 10)).taken, true);
    });

    it("never holds more than its capacity", async () => {
      const bucket = bucketOf(5, 6_000);
      await take(bucket, 1);
      await subject.pass(50);
      assert.equal((await take(bucket, 5)).taken, true);
      if (!subject.ownClock) assert.equal((await take(bucket, 1)).taken, false);
    });

    it("takes from all buckets or from none, and names the one that lacks most", async () => {
      const [roomy, empty, emptier] = [bucketOf(10, 0.001), bucketOf(2, 1), bucketOf(2, 0.5)];
      await subject.store.take([{ bucket: empty, amount: 2 }, { bucket: emptier, amount: 2 }]);
      const answer = refusal(await subject.store.take([{ bucket: roomy, amount: 10 }, { bucket: empty, amount: 1 }, { bucket: emptier, amount: 1 }]));
      assert.equal(answer.id, emptier.id);
      assert.equal((await take(roomy, 10)).taken, true);
    });

    it("gives more than its capacity when it is full, and is in debt then", async () => {
      const bucket = bucketOf(10, 1);
      assert.equal((await take(bucket, 25)).taken, true);
      const { waitMs } = refusal(await take(bucket, 1));
      assert.ok(waitMs > 15 * 60_000 && waitMs <= 16 * 60_000, String(waitMs));
    });

    it("refuses more than its capacity while it is not full", async () => {
      const bucket = bucketOf(10, 0.001);
      await take(bucket, 1);
      assert.equal((await take(bucket, 25)).taken, false);
    });

    it("corrects estimates up and down, never above the capacity", async () => {
      const bucket = bucketOf(10, 0.001);
      await take(bucket, 4);
      await subject.store.adjust([{ bucket, amount: 4 }]);
      assert.equal((await take(bucket, 3)).taken, false);
      await subject.store.adjust([{ bucket, amount: -100 }]);
      assert.equal((await take(bucket, 10)).taken, true);
      assert.equal((await take(bucket, 1)).taken, false);
      await subject.store.adjust([{ bucket, amount: 5 }]);
      await subject.store.adjust([{ bucket, amount: -10 }]);
      assert.equal((await take(bucket, 5)).taken, true);
    });

    it("takes a changed limit over at once", async () => {
      const bucket = bucketOf(10, 0.001);
      await take(bucket, 10);
      assert.equal((await take({ ...bucket, capacity: 15 }, 5)).taken, true);
      assert.equal((await take({ ...bucket, capacity: 12 }, 1)).taken, false);
    });

    it("lets as many in as there are places", async () => {
      const slot = slotOf(2);
      const [first, second] = [ticketOf(), ticketOf()];
      assert.deepEqual([await enter([slot], first), await enter([slot], second)], [{ taken: true, left: [] }, { taken: true, left: [] }]);
      const answer = refusal(await enter([slot]));
      assert.equal(answer.id, slot.id);
      assert.ok(answer.waitMs > 0);
      await subject.store.leave(first);
      assert.equal((await enter([slot])).taken, true);
      assert.equal((await enter([slot])).taken, false);
    });

    it("enters all or none, and leaves all", async () => {
      const [roomy, narrow] = [slotOf(1), slotOf(1)];
      const ticket = ticketOf();
      await enter([narrow], ticket);
      assert.equal(refusal(await enter([roomy, narrow])).id, narrow.id);
      const both = ticketOf();
      await subject.store.leave(ticket);
      assert.equal((await enter([roomy, narrow], both)).taken, true);
      assert.equal((await enter([roomy])).taken, false);
      await subject.store.leave(both);
      assert.equal((await enter([roomy, narrow])).taken, true);
    });

    it("enters with what is wanted of buckets: both or nothing", async () => {
      const [slot, bucket, other] = [slotOf(1), bucketOf(10, 0.001), bucketOf(100, 0.001)];
      const both = async (amount: number): Promise<Entered> => subject.store.enter(ticketOf(), [slot], leaseMs, [{ bucket: other, amount: 1 }, { bucket, amount }]);
      // More than the whole bucket is had from a full one, which owes it then.
      assert.equal((await both(11)).taken, true);
      const full = await both(1);
      assert.deepEqual([refusal(full).id, full.left], [slot.id, null]);
      const [free, ticket] = [slotOf(1), ticketOf()];
      const refused = refusal(await subject.store.enter(ticket, [free], leaseMs, [{ bucket: other, amount: 50 }, { bucket, amount: 1 }])) as Extract<Entered, { taken: false }>;
      assert.equal(refused.id, bucket.id);
      assertLeft({ taken: true, left: refused.left! }, { of: other, amount: 99 }, { of: bucket, amount: -1 });
      const entered = await subject.store.enter(ticket, [free], leaseMs, [{ bucket: other, amount: 99 }]);
      assert.equal(entered.taken, true);
      assertLeft({ taken: true, left: entered.left! }, { of: other, amount: 0 });
      // It holds its place, and gives it back as any other.
      assert.equal((await enter([free])).taken, false);
      await subject.store.leave(ticket);
      assert.equal((await enter([free])).taken, true);
      assert.equal(refusal(await subject.store.enter(ticketOf(), [], leaseMs, [{ bucket, amount: 1 }])).id, bucket.id);
    });

    it("counts a ticket once, and one that leaves twice too", async () => {
      const slot = slotOf(2);
      const ticket = ticketOf();
      await enter([slot], ticket);
      await subject.store.leave(ticket);
      await subject.store.leave(ticket);
      await subject.store.leave("never-there");
      assert.deepEqual([(await enter([slot])).taken, (await enter([slot])).taken, (await enter([slot])).taken], [true, true, false]);
    });

    it("takes the place of a holder that died", async () => {
      const slot = slotOf(1);
      assert.equal((await subject.store.enter(ticketOf(), [slot], 50)).taken, true);
      await subject.pass(51);
      assert.equal((await enter([slot])).taken, true);
    });

    it("keeps the place of a holder that renews, and gives none back to one that had ended", async () => {
      // Where the clock goes on by itself, a busy machine may renew too late: then it is tried with another place.
      for (let isInTime = false; !isInTime; ) {
        const slot = slotOf(1);
        const ticket = ticketOf();
        const begun = performance.now();
        await subject.store.enter(ticket, [slot], 400);
        await subject.store.renew(ticket, 600_000);
        isInTime = performance.now() - begun < 400;
        await subject.pass(401);
        if (isInTime) assert.equal((await enter([slot])).taken, false);
      }
      const other = slotOf(1);
      const late = ticketOf();
      await subject.store.enter(late, [other], 20);
      await subject.pass(21);
      await subject.store.renew(late, 600_000);
      assert.equal((await enter([other])).taken, true);
    });

    it("holds its limits whatever is asked at once", async () => {
      await fc.assert(
        fc.asyncProperty(fc.integer({ min: 1, max: 20 }), fc.array(fc.integer({ min: 1, max: 8 }), { minLength: 1, maxLength: 30 }), async (capacity, amounts) => {
          const [bucket, slot] = [bucketOf(capacity, 0.001), slotOf(capacity)];
          const [takes, enters] = await Promise.all([
            Promise.all(amounts.map((amount) => take(bucket, Math.min(amount, capacity)))),
            Promise.all(amounts.map(() => enter([slot]))),
          ]);
          const sum = takes.reduce((total, { taken }, index) => total + (taken ? Math.min(amounts[index]!, capacity) : 0), 0);
          assert.ok(sum <= capacity);
          assert.equal(enters.filter(({ taken }) => taken).length, Math.min(capacity, amounts.length));
        }),
        { numRuns: 25 },
      );
    });
  });
}
