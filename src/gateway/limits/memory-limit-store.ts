import { ChurnMap } from "../../core/churn-map.ts";
import type { Clock } from "../../core/clock.ts";
import type { Bucket, BucketLeft, BucketWant, Entered, LimitStore, Slot, TakenFrom } from "./limit-store.ts";

/** What is taken from a bucket flows back with time; a bucket of which nothing is taken is as good as unknown, and is forgotten. */
interface BucketState {
  used: number;
  at: number;
  perMs: number;
}

interface SlotState {
  tickets: ChurnMap<string, null>;
  /** No ticket ends before. */
  soonestEnd: number;
}

interface TicketState {
  slots: readonly string[];
  endsAt: number;
}

const nothing: readonly BucketWant[] = [];
const entered: Entered = { taken: true, left: [] };
/** Sums of fractions: what lacks less is not lacking. */
const tolerance = 1e-6;
/** Buckets looked at for each new one: the map stays within a small multiple of those in use. */
const looksPerBucket = 4;

/** Rates and concurrency of this process. Time is monotonic. Answers at once; keeps only buckets that are being refilled and tickets that are open. */
export class MemoryLimitStore implements LimitStore {
  readonly #clock: Clock;
  readonly #buckets = new Map<string, BucketState>();
  #sweep = this.#buckets.entries();
  readonly #slots = new ChurnMap<string, SlotState>();
  readonly #tickets = new ChurnMap<string, TicketState>();

  constructor({ clock }: { clock: Clock }) {
    this.#clock = clock;
  }

  /** Buckets and tickets that are remembered. */
  get size(): number {
    return this.#buckets.size + this.#tickets.size;
  }

  take(wants: readonly BucketWant[]): TakenFrom {
    const now = this.#clock.monotonic();
    const left: BucketLeft[] = [];
    let lacking: Extract<TakenFrom, { taken: false }> | null = null;
    for (const { bucket, amount } of wants) {
      const used = usedOf(this.#buckets.get(bucket.id), bucket, now);
      left.push(leftOf(bucket, used));
      // More than the whole bucket is had from a full one.
      const lack = used + Math.min(amount, bucket.capacity) - bucket.capacity;
      if (lack <= tolerance) continue;
      const waitMs = Math.ceil((lack * 60_000) / bucket.perMinute);
      if (lacking === null || waitMs > lacking.waitMs) lacking = { taken: false, id: bucket.id, waitMs, left };
    }
    if (lacking !== null) return lacking;
    for (let index = 0; index < wants.length; index++) {
      const { bucket, amount } = wants[index]!;
      if (amount !== 0) left[index] = leftOf(bucket, this.#add(bucket, amount, now));
    }
    return { taken: true, left };
  }

  adjust(wants: readonly BucketWant[]): void {
    const now = this.#clock.monotonic();
    for (const { bucket, amount } of wants) this.#add(bucket, amount, now);
  }

  enter(ticket: string, slots: readonly Slot[], leaseMs: number, wants = nothing): Entered {
    const now = this.#clock.monotonic();
    for (const { id, most } of slots) {
      const slot = this.#slots.get(id);
      if (slot === undefined || slot.tickets.size < most) continue;
      this.#dropEnded(slot, now);
      if (slot.tickets.size >= most) return { taken: false, id, waitMs: Math.max(1, Math.ceil(slot.soonestEnd - now)), left: null };
    }
    const answer = wants.length === 0 ? entered : this.take(wants);
    if (!answer.taken || slots.length === 0) return answer;
    const endsAt = now + leaseMs;
    for (const { id } of slots) {
      let slot = this.#slots.get(id);
      if (slot === undefined) this.#slots.set(id, (slot = { tickets: new ChurnMap(), soonestEnd: endsAt }));
      slot.tickets.set(ticket, null);
      if (endsAt < slot.soonestEnd) slot.soonestEnd = endsAt;
    }
    this.#tickets.set(ticket, { slots: slots.map(({ id }) => id), endsAt });
    return answer;
  }

  renew(ticket: string, leaseMs: number): void {
    const state = this.#tickets.get(ticket);
    const now = this.#clock.monotonic();
    if (state !== undefined && state.endsAt > now) state.endsAt = now + leaseMs;
  }

  leave(ticket: string): void {
    const state = this.#tickets.get(ticket);
    if (state === undefined) return;
    this.#tickets.delete(ticket);
    for (const id of state.slots) {
      const slot = this.#slots.get(id);
      slot?.tickets.delete(ticket);
      if (slot?.tickets.size === 0) this.#slots.delete(id);
    }
  }

  /** Answers with what is taken of it then. */
  #add(bucket: Bucket, amount: number, now: number): number {
    const state = this.#buckets.get(bucket.id);
    const used = Math.max(0, usedOf(state, bucket, now) + amount);
    if (state !== undefined) {
      state.used = used;
      state.at = now;
      state.perMs = bucket.perMinute / 60_000;
    } else if (used > 0) {
      this.#forgetIdle(now);
      this.#buckets.set(bucket.id, { used, at: now, perMs: bucket.perMinute / 60_000 });
    }
    return used;
  }

  #forgetIdle(now: number): void {
    for (let look = 0; look < looksPerBucket; look++) {
      const next = this.#sweep.next();
      if (next.done === true) {
        this.#sweep = this.#buckets.entries();
        return;
      }
      const [id, { used, at, perMs }] = next.value;
      if (used <= (now - at) * perMs) this.#buckets.delete(id);
    }
  }

  /** Looks through the tickets only when one may have ended: a full slot of living calls costs nothing more. */
  #dropEnded(slot: SlotState, now: number): void {
    if (now < slot.soonestEnd) return;
    let soonest = Number.POSITIVE_INFINITY;
    for (const ticket of [...slot.tickets.keys()]) {
      const endsAt = this.#tickets.get(ticket)?.endsAt ?? now;
      if (endsAt > now) soonest = Math.min(soonest, endsAt);
      else {
        this.leave(ticket);
        slot.tickets.delete(ticket);
      }
    }
    slot.soonestEnd = soonest;
  }
}

function leftOf({ capacity, perMinute }: Bucket, used: number): BucketLeft {
  return { amount: capacity - used, fullInMs: (used * 60_000) / perMinute };
}

function usedOf(state: BucketState | undefined, { perMinute }: Bucket, now: number): number {
  return state === undefined ? 0 : Math.max(0, state.used - ((now - state.at) * perMinute) / 60_000);
}
