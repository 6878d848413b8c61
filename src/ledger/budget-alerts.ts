import type { EpochMs } from "../core/clock.ts";
import type { DomainEvent } from "../core/domain-event.ts";
import type { Logger } from "../core/logger.ts";
import type { BudgetScope } from "./budget-store.ts";
import { nanoDollars } from "./ledger-entry.ts";
import type { LedgerSettingsStore } from "./ledger-settings-store.ts";

/** Percent of a limit. */
const thresholds = [50, 80, 100] as const;
/** A budget that refuses a call is as good as used up from here on: reservations keep most from ever reaching 100. */
const nearlyUsedUp = 80;

/** A budget in one window, with what an alert says of it. */
export interface KeptScope extends BudgetScope {
  /** Such as `team:search`. */
  owner: string;
  window: "day" | "month";
  team: string;
}

interface Alert {
  scope: string;
  threshold: number;
  endsAt: number;
  event: DomainEvent;
}

/**
 * Tells once for each budget, window, limit and threshold (50, 80, 100 percent), also over restarts and beside other servers: the store writes the event `budget.alert` only the first time. Where the limit is changed in the
 * midst of a window, the thresholds of the new one are still to come. That of 100 is also met when a budget of which 80 percent are spent refuses a call. No caller waits for it; what could not be written is tried again.
 */
export class BudgetAlerts {
  readonly #store: Pick<LedgerSettingsStore, "alertOnce">;
  readonly #logger: Logger;
  /** Highest threshold that was met, by scope and limit. */
  readonly #met = new Map<string, { threshold: number; endsAt: number }>();
  readonly #unwritten = new Set<Alert>();
  #writing: Promise<void> = Promise.resolve();

  constructor(options: { store: Pick<LedgerSettingsStore, "alertOnce">; logger: Logger }) {
    this.#store = options.store;
    this.#logger = options.logger;
  }

  /** `spent` in billionths of a US dollar. */
  noteSpent(scope: KeptScope, spent: number, now: EpochMs): void {
    if (spent * 100 < scope.limit * thresholds[0]) return;
    this.#meet(scope, spent, now, thresholds.findLast((threshold) => spent * 100 >= scope.limit * threshold)!);
  }

  noteRefused(scope: KeptScope, spent: number, now: EpochMs): void {
    if (spent * 100 >= scope.limit * nearlyUsedUp) this.#meet(scope, spent, now, 100);
  }

  /** Tries again what could not be written, and forgets windows that are over. */
  retry(now: EpochMs): void {
    if (this.#unwritten.size > 0) this.#write();
    for (const [scope, { endsAt }] of this.#met) if (endsAt <= now) this.#met.delete(scope);
  }

  /** Answers when everything noted so far was written, or could not be. */
  settled(): Promise<void> {
    return this.#writing;
  }

  /** A jump over several thresholds is told as one alert, of the highest; those below it were passed and are not told later. */
  #meet({ id, owner, window, limit, team, endsAt }: KeptScope, spent: number, now: EpochMs, threshold: number): void {
    const scope = `${id}/limit/${limit}`;
    if ((this.#met.get(scope)?.threshold ?? 0) >= threshold) return;
    this.#met.set(scope, { threshold, endsAt });
    const payload = { budget: owner, window, threshold, spent: spent / nanoDollars, limit: limit / nanoDollars };
    this.#unwritten.add({ scope, threshold, endsAt, event: { type: "budget.alert", object: owner, team, actor: "system", time: now, payload } });
    this.#write();
  }

  #write(): void {
    this.#writing = this.#writing.then(async () => {
      for (const alert of [...this.#unwritten]) {
        try {
          await this.#store.alertOnce(alert.scope, alert.threshold, alert.event);
          this.#unwritten.delete(alert);
        } catch (cause) {
          this.#logger.warn("ledger.alert-not-written", { scope: alert.scope, threshold: alert.threshold, cause });
          return;
        }
      }
    });
  }
}
