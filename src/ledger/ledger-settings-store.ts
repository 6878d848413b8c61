import type { ChangeBy } from "../access/index.ts";
import type { DomainEvent } from "../core/domain-event.ts";
import type { Budget, BudgetName, SetPrice, SpendLimits } from "./schemas.ts";

/**
 * Budgets of teams and projects, prices that administrators set, and which alerts were given. Each change writes its event in the same transaction: `budget.changed`, `budget.removed`, `price.set`.
 * Adapters prove themselves with `ledger-settings-store.conformance.ts`.
 */
export interface LedgerSettingsStore {
  /** By team, scope (project before team) and name. */
  budgets(): Promise<Budget[]>;
  /** Throws TEAM_NOT_FOUND: a budget of a mistyped team would hold nobody. */
  putBudget(name: BudgetName, limits: SpendLimits, by: ChangeBy): Promise<Budget>;
  /** False when there is none. */
  removeBudget(name: BudgetName, by: ChangeBy): Promise<boolean>;
  /** In the order of their making. */
  prices(): Promise<SetPrice[]>;
  /** The same id again changes nothing. */
  addPrice(price: SetPrice): Promise<void>;
  /** Writes the event unless an alert of the scope and threshold was written before, by whichever server; answers whether it was this one. */
  alertOnce(scope: string, threshold: number, event: DomainEvent): Promise<boolean>;
}
