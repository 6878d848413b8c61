import type { BucketWant, Entered, LimitStore, Slot, TakenFrom } from "./limit-store.ts";
import type { MemoryLimitStore } from "./memory-limit-store.ts";

export interface FallbackLimitStoreOptions {
  shared: LimitStore;
  /** This process's own. */
  local: MemoryLimitStore;
  /** What part of every limit is this process's while the shared store is away: 1 divided by the replicas. Above 0, at most 1. */
  share: () => number;
}

/**
 * Limits of all replicas that go on when the shared store does not answer: each replica keeps to its share of them then, and has one place at least. So a store that is away keeps nobody out but for what an uneven spread over
 * replicas costs; what it lets through beyond the limits is bounded by the calls that were under way when it went and those single places. It never throws.
 */
export class FallbackLimitStore implements LimitStore {
  readonly #shared: LimitStore;
  readonly #local: MemoryLimitStore;
  readonly #share: () => number;
  /** Tickets that were given here while the shared store was away. */
  readonly #ownTickets = new Set<string>();

  constructor({ shared, local, share }: FallbackLimitStoreOptions) {
    this.#shared = shared;
    this.#local = local;
    this.#share = share;
  }

  /** What is left is this replica's share then. */
  async take(wants: readonly BucketWant[]): Promise<TakenFrom> {
    try {
      return await this.#shared.take(wants);
    } catch {
      return this.#local.take(this.#scaled(wants));
    }
  }

  async adjust(wants: readonly BucketWant[]): Promise<void> {
    try {
      await this.#shared.adjust(wants);
    } catch {
      this.#local.adjust(this.#scaled(wants));
    }
  }

  async enter(ticket: string, slots: readonly Slot[], leaseMs: number, wants: readonly BucketWant[] = []): Promise<Entered> {
    try {
      return await this.#shared.enter(ticket, slots, leaseMs, wants);
    } catch {
      const share = this.#share();
      const taken = this.#local.enter(ticket, slots.map(({ id, most }) => ({ id, most: Math.max(1, Math.floor(most * share)) })), leaseMs, this.#scaled(wants));
      if (taken.taken && slots.length > 0) this.#ownTickets.add(ticket);
      return taken;
    }
  }

  async renew(ticket: string, leaseMs: number): Promise<void> {
    if (this.#ownTickets.has(ticket)) this.#local.renew(ticket, leaseMs);
    // One that cannot be renewed is let go after its lease: the call goes on, uncounted.
    else await this.#unheard(() => this.#shared.renew(ticket, leaseMs));
  }

  async leave(ticket: string): Promise<void> {
    if (this.#ownTickets.delete(ticket)) this.#local.leave(ticket);
    else await this.#unheard(() => this.#shared.leave(ticket));
  }

  #scaled(wants: readonly BucketWant[]): BucketWant[] {
    const share = this.#share();
    return wants.map(({ bucket: { id, capacity, perMinute }, amount }) => ({ amount, bucket: { id, capacity: Math.max(1, capacity * share), perMinute: perMinute * share } }));
  }

  async #unheard(work: () => void | Promise<void>): Promise<void> {
    try {
      await work();
    } catch {
      // Its place comes free with the lease.
    }
  }
}
