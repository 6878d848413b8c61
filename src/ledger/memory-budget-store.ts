import { ChurnMap } from "../core/churn-map.ts";
import type { Clock } from "../core/clock.ts";
import type { BudgetScope, BudgetStore, Reserved, ScopeState } from "./budget-store.ts";

interface Held {
  spent: number;
  reserved: number;
  endsAt: number;
}

interface Reservation {
  scopes: readonly string[];
  amount: number;
  /** Of the monotonic clock. */
  endsAt: number;
}

/** Scopes that ended are forgotten when there are this many more than the last time. */
const sweepEvery = 1000;

/** Budgets of one process. Everything happens within one turn, so nothing can come in between. */
export class MemoryBudgetStore implements BudgetStore {
  readonly #clock: Clock;
  readonly #spentBefore: (scope: string) => number;
  readonly #scopes = new Map<string, Held>();
  readonly #reservations = new ChurnMap<string, Reservation>();
  #sweepAt = sweepEvery;
  /** No reservation ends before. */
  #firstEnd = Number.POSITIVE_INFINITY;

  /** `spentBefore` tells what a scope that is met for the first time has spent already. */
  constructor(options: { clock: Clock; spentBefore?: (scope: string) => number }) {
    this.#clock = options.clock;
    this.#spentBefore = options.spentBefore ?? (() => 0);
  }

  reserve(reservation: string, scopes: readonly BudgetScope[], amount: number, leaseMs: number): Reserved {
    this.#endLeases();
    // The same one again: it is held already.
    if (this.#reservations.has(reservation)) return { reserved: true };
    const held = scopes.map((scope) => this.#held(scope));
    for (let index = 0; index < scopes.length; index++) {
      const { spent, reserved } = held[index]!;
      if (spent + reserved + amount > scopes[index]!.limit) return { reserved: false, scope: { id: scopes[index]!.id, spent, reserved } };
    }
    for (const each of held) each.reserved += amount;
    const endsAt = this.#clock.monotonic() + leaseMs;
    this.#reservations.set(reservation, { scopes: scopes.map(({ id }) => id), amount, endsAt });
    this.#firstEnd = Math.min(this.#firstEnd, endsAt);
    return { reserved: true };
  }

  renew(reservation: string, leaseMs: number): void {
    this.#endLeases();
    const found = this.#reservations.get(reservation);
    if (found !== undefined) found.endsAt = this.#clock.monotonic() + leaseMs;
  }

  settle(reservation: string, scopes: readonly BudgetScope[], actual: number): ScopeState[] {
    this.release(reservation);
    return scopes.map((scope) => {
      const held = this.#held(scope);
      held.spent += actual;
      return { id: scope.id, spent: held.spent, reserved: held.reserved };
    });
  }

  release(reservation: string): void {
    this.#endLeases();
    const found = this.#reservations.get(reservation);
    if (found !== undefined) this.#end(reservation, found);
  }

  states(scopes: readonly BudgetScope[]): ScopeState[] {
    this.#endLeases();
    return scopes.map((scope) => {
      const { spent, reserved } = this.#scopes.get(scope.id) ?? { spent: this.#spentBefore(scope.id), reserved: 0 };
      return { id: scope.id, spent, reserved };
    });
  }

  #held({ id, endsAt }: BudgetScope): Held {
    let held = this.#scopes.get(id);
    if (held === undefined) {
      if (this.#scopes.size >= this.#sweepAt) this.#sweep();
      held = { spent: this.#spentBefore(id), reserved: 0, endsAt };
      this.#scopes.set(id, held);
    }
    return held;
  }

  /** Looks at all reservations only when one of them may have ended. */
  #endLeases(): void {
    const now = this.#clock.monotonic();
    if (now < this.#firstEnd) return;
    this.#firstEnd = Number.POSITIVE_INFINITY;
    for (const [id, reservation] of this.#reservations) {
      if (reservation.endsAt <= now) this.#end(id, reservation);
      else this.#firstEnd = Math.min(this.#firstEnd, reservation.endsAt);
    }
  }

  #end(id: string, { scopes, amount }: Reservation): void {
    this.#reservations.delete(id);
    for (const scope of scopes) {
      const held = this.#scopes.get(scope);
      if (held !== undefined) held.reserved -= amount;
    }
  }

  #sweep(): void {
    const now = this.#clock.now();
    for (const [id, { endsAt, reserved }] of this.#scopes) if (endsAt <= now && reserved === 0) this.#scopes.delete(id);
    this.#sweepAt = this.#scopes.size + sweepEvery;
  }
}
