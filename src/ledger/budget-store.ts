import type { EpochMs } from "../core/clock.ts";

type MaybePromise<Value> = Value | Promise<Value>;

/** One sum that must not be exceeded: a budget in one window. Amounts are whole billionths of a US dollar. */
export interface BudgetScope {
  /** Such as `key:key_01.../day/2026-11-21`. */
  id: string;
  limit: number;
  /** When nobody needs it any more. */
  endsAt: EpochMs;
}

export interface ScopeState {
  id: string;
  /** Settled. */
  spent: number;
  reserved: number;
}

export type Reserved = { reserved: true } | { reserved: false; /** The first that would be exceeded. */ scope: ScopeState };

/**
 * What was spent in each scope and what is reserved for calls under way; in this process, or of all replicas (with the store's own clock). `budget-store.conformance.ts` holds what both promise: at no
 * moment do settled and reserved amounts of admitted calls exceed a limit, whatever happens at once. A scope that is not known begins with what `spentBefore` of the store's maker tells (from the
 * ledger).
 */
export interface BudgetStore {
  /** All scopes or none. A reservation ends by itself after `leaseMs` where its holder dies; `renew` lengthens it. */
  reserve(reservation: string, scopes: readonly BudgetScope[], amount: number, leaseMs: number): MaybePromise<Reserved>;
  renew(reservation: string, leaseMs: number): MaybePromise<void>;
  /** The call cost this (more than was reserved is counted too). Answers with the states after it, or with none where the store is away and will settle it later. An unknown reservation, such as one that ended by itself, is counted all the same. */
  settle(reservation: string, scopes: readonly BudgetScope[], actual: number): MaybePromise<ScopeState[]>;
  release(reservation: string): MaybePromise<void>;
  states(scopes: readonly BudgetScope[]): MaybePromise<ScopeState[]>;
}
