import type { EpochMs } from "../core/clock.ts";
import type { Attribution } from "./ledger-entry.ts";
import type { SpentSum } from "./ledger-store.ts";
import { ownersOf, scopeId, windowsAt, type CalendarWindow } from "./spend-windows.ts";

/** Days and months of now, those before, and what a clock came through that was set to another day and back. */
const mostWindows = 6;

interface Sums {
  readonly window: CalendarWindow;
  /** Billionths of a US dollar. */
  readonly ofScope: Map<string, number>;
  isLoaded: boolean;
}

/**
 * What everything that could have a budget has spent in days and months, whether it has one or not: a budget that is set later begins with what was spent before it. In billionths of a
 * US dollar. Only the last few windows are kept: those before now too, for clocks are set back.
 */
export class SpendSums {
  /** By the name of the window, the first that was met first. */
  readonly #sums = new Map<string, Sums>();

  /** Whether what the ledger has of a window of `now` was not taken over yet. */
  lacks(now: EpochMs): boolean {
    const { day, month } = windowsAt(now);
    return [day, month].some(({ name }) => this.#sums.get(name)?.isLoaded !== true);
  }

  /** Takes over what the ledger has of a window, where that is more: other servers write to it too, and what was recorded here may not be in it yet. */
  load(window: CalendarWindow, spent: readonly SpentSum[], now: EpochMs): void {
    const sums = this.#of(window, now);
    const kept = new Map<string, number>();
    for (const sum of spent) for (const owner of ownersOf(sum)) plus(kept, scopeId(owner, window), sum.cost);
    for (const [scope, cost] of kept) sums.ofScope.set(scope, Math.max(cost, sums.ofScope.get(scope) ?? 0));
    sums.isLoaded = true;
  }

  /** Entries of windows that are neither of `now` nor kept are passed over. */
  add(attribution: Attribution, time: EpochMs, cost: number, now: EpochMs): void {
    const current = windowsAt(now);
    const owners = cost === 0 ? [] : ownersOf(attribution);
    const own = time >= current.day.startsAt && time < current.day.endsAt ? current : windowsAt(time);
    for (const kind of ["day", "month"] as const) {
      const window = own[kind];
      const sums = window.name === current[kind].name ? this.#of(window, now) : this.#sums.get(window.name);
      if (sums !== undefined) for (const owner of owners) plus(sums.ofScope, scopeId(owner, window), cost);
    }
  }

  /** 0 for what is not known. `scope` as `scopeId` makes it. */
  spent(scope: string): number {
    return this.#sums.get(scope.slice(scope.lastIndexOf("/") + 1))?.ofScope.get(scope) ?? 0;
  }

  #of(window: CalendarWindow, now: EpochMs): Sums {
    let sums = this.#sums.get(window.name);
    if (sums === undefined) {
      sums = { window, ofScope: new Map(), isLoaded: false };
      this.#sums.set(window.name, sums);
      if (this.#sums.size > mostWindows) this.#forgetOne(now, window.name);
    }
    return sums;
  }

  #forgetOne(now: EpochMs, but: string): void {
    const { day, month } = windowsAt(now);
    for (const name of this.#sums.keys()) if (name !== day.name && name !== month.name && name !== but) return void this.#sums.delete(name);
  }
}

function plus(sums: Map<string, number>, scope: string, cost: number): void {
  sums.set(scope, (sums.get(scope) ?? 0) + cost);
}
