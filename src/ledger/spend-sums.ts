import type { EpochMs } from "../core/clock.ts";
import type { Attribution } from "./ledger-entry.ts";
import type { SpentSum } from "./ledger-store.ts";
import { ownersOf, scopeId, windowsAt, type CalendarWindow } from "./spend-windows.ts";

/**
 * What everything that could have a budget has spent in the day and the month of now, whether it has one or not: a budget that is set later begins with what was spent before it. In billionths of a
 * US dollar. Windows that are over are forgotten.
 */
export class SpendSums {
  #day = "";
  #month = "";
  readonly #ofDay = new Map<string, number>();
  readonly #ofMonth = new Map<string, number>();

  /** Takes over what the ledger has of both windows of `now`, where that is more: other servers write to it too, and what was recorded here may not be in it yet. */
  load({ day: ofDay, month: ofMonth }: Record<"day" | "month", readonly SpentSum[]>, now: EpochMs): void {
    const { day, month } = this.#turn(now);
    for (const [sums, window, spent] of [[this.#ofDay, day, ofDay], [this.#ofMonth, month, ofMonth]] as const) {
      const kept = new Map<string, number>();
      for (const sum of spent) for (const owner of ownersOf(sum)) this.#plus(kept, scopeId(owner, window), sum.cost);
      for (const [scope, cost] of kept) sums.set(scope, Math.max(cost, sums.get(scope) ?? 0));
    }
  }

  /** Entries of other windows than those of `now` are passed over. */
  add(attribution: Attribution, time: EpochMs, cost: number, now: EpochMs): void {
    const { day, month } = this.#turn(now);
    const owners = cost === 0 ? [] : ownersOf(attribution);
    for (const [sums, window] of [[this.#ofDay, day], [this.#ofMonth, month]] as const) {
      if (time < window.startsAt || time >= window.endsAt) continue;
      for (const owner of owners) this.#plus(sums, scopeId(owner, window), cost);
    }
  }

  /** 0 for what is not known. `scope` as `scopeId` makes it. */
  spent(scope: string): number {
    return this.#ofDay.get(scope) ?? this.#ofMonth.get(scope) ?? 0;
  }

  #plus(sums: Map<string, number>, scope: string, cost: number): void {
    sums.set(scope, (sums.get(scope) ?? 0) + cost);
  }

  #turn(now: EpochMs): { day: CalendarWindow; month: CalendarWindow } {
    const windows = windowsAt(now);
    if (windows.day.name !== this.#day) this.#ofDay.clear();
    if (windows.month.name !== this.#month) this.#ofMonth.clear();
    this.#day = windows.day.name;
    this.#month = windows.month.name;
    return windows;
  }
}
