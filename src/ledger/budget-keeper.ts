import { ChurnMap } from "../core/churn-map.ts";
import type { Clock, EpochMs } from "../core/clock.ts";
import { AppError } from "../core/errors.ts";
import type { IdGenerator } from "../core/ids.ts";
import type { BudgetAlerts, KeptScope } from "./budget-alerts.ts";
import type { BudgetStore, Reserved, ScopeState } from "./budget-store.ts";
import { dollars } from "./dollars.ts";
import { nanoDollars, type Attribution } from "./ledger-entry.ts";
import type { Budget, BudgetUse, SpendLimits, SpendWindow } from "./schemas.ts";
import { ownersOf, projectOwner, routeOwner, scopeId, teamOwner, windowsAt } from "./spend-windows.ts";

/** Of reservations whose holder is alive; half of it passes between renewals. */
const leaseMs = 120_000;
/** Of a budget that is known by its owner alone: nobody is told how far it is used. */
const unknownLimit = Number.MAX_SAFE_INTEGER;
/** A reservation that nobody ended is renewed no longer: by then its call has missed every deadline that can be set. */
const longestCallMs = 2 * 3_600_000;

export interface Reservation {
  readonly id: string;
  readonly scopes: readonly KeptScope[];
  readonly amount: number;
  readonly since: EpochMs;
  /** Monotonic milliseconds. */
  readonly sinceTick: number;
}

/** What a call cost in the end. */
export interface Settlement {
  attribution: Attribution;
  /** When the call began: in the day and the month of it the cost counts. */
  since: EpochMs;
  /** Billionths of a US dollar. */
  actualNano: number;
  /** Of key and route, as they are now. */
  limits?: ReserveRequest["limits"] | undefined;
}

export interface ReserveRequest {
  attribution: Attribution;
  /** In the settings of the key and of the route; teams and projects are known here. */
  limits: { key?: SpendLimits | undefined; route?: SpendLimits | undefined };
  /** The most that the call can cost, in billionths of a US dollar. */
  worstNano: number;
  /** What is reserved for the same call already, which a budget of one call counts with it. */
  besideNano?: number;
  now: EpochMs;
  /** Is said with a refusal: what makes the call so dear. Begins with a space. */
  remark?: string;
}

interface Parts {
  store: BudgetStore;
  alerts: BudgetAlerts;
  clock: Clock;
  ids: IdGenerator;
}

/**
 * Holds calls to the budgets of key, project, team and route. Reserve before a call, then settle once with what it cost (before it is recorded), or release it. In a day and in a month of UTC,
 * the settled and reserved amounts never exceed a limit, but for what calls cost that were under way when their budget was first set: nothing was reserved for them, and they count when they end. Where the store is of this process, nothing here waits: answers are values then, else promises.
 */
export class BudgetKeeper {
  readonly #parts: Parts;
  /** By owner. */
  #budgets = new Map<string, SpendLimits>();
  readonly #open = new ChurnMap<string, Reservation>();
  /** How many calls were refused in each scope whose window is not over. */
  readonly #refused = new Map<string, { calls: number; endsAt: number }>();
  /** Owners that have, or had, a budget since this process began, with its windows: the store may know a sum of them. */
  readonly #met = new Map<string, Record<SpendWindow, boolean>>();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** The budgets of teams and projects, all of them. */
  load(budgets: readonly Budget[]): void {
    this.#budgets = new Map(budgets.map((budget) => [ownerOf(budget), budget.limits]));
    for (const [owner, limits] of this.#budgets) this.#meet(owner, limits);
  }

  /** Whether some budget holds the call: then its price must be known. */
  isHeld({ attribution, limits }: Pick<ReserveRequest, "attribution" | "limits">): boolean {
    return this.#limitsOf(attribution, limits).length > 0;
  }

  /** Null when no budget of a day or a month applies: there is nothing to settle. Throws BUDGET_EXCEEDED, or rejects with it. */
  reserve(request: ReserveRequest): Reservation | null | Promise<Reservation | null> {
    const { attribution, worstNano, besideNano = 0, now, remark = "" } = request;
    const limits = this.#limitsOf(attribution, request.limits);
    if (limits.length === 0) return null;
    const scopes: KeptScope[] = [];
    const windows = windowsAt(now);
    for (const { owner, limits: { perQuery, day, month } } of limits) {
      if (perQuery !== undefined && worstNano + besideNano > perQuery * nanoDollars) {
        throw new AppError("BUDGET_EXCEEDED", `The budget of ${wordsOf(owner)} allows ${dollars(perQuery * nanoDollars)} for one call, and this one may cost ${dollars(worstNano + besideNano)}.${remark}`);
      }
      this.#meet(owner, { day, month });
      for (const [limit, window] of [[day, windows.day], [month, windows.month]] as const) {
        if (limit !== undefined) scopes.push({ id: scopeId(owner, window), limit: Math.round(limit * nanoDollars), endsAt: window.endsAt, owner, window: window.window, team: attribution.team });
      }
    }
    if (scopes.length === 0) return null;
    const reservation: Reservation = { id: this.#parts.ids.next("reservation"), scopes, amount: worstNano, since: now, sinceTick: this.#parts.clock.monotonic() };
    const reserved = this.#parts.store.reserve(reservation.id, scopes, worstNano, leaseMs);
    return reserved instanceof Promise ? reserved.then((answer) => this.#admit(reservation, answer, remark)) : this.#admit(reservation, reserved, remark);
  }

  /** The call cost this much; also more than was reserved, or where nothing was: a budget may have come since. */
  settle(reservation: Pick<Reservation, "id" | "scopes"> | null, { attribution, since, actualNano, limits: { key, route } = {} }: Settlement, now: EpochMs): void | Promise<void> {
    if (reservation !== null) this.#open.delete(reservation.id);
    if (key !== undefined) this.#meet(attribution.actor, key);
    if (route !== undefined && attribution.route !== null) this.#meet(routeOwner(attribution.route), route);
    const scopes = actualNano === 0 || this.#met.size === 0 ? (reservation?.scopes ?? []) : this.#scopesOf(reservation?.scopes ?? [], attribution, since);
    if (reservation === null && scopes.length === 0) return;
    const settled = this.#parts.store.settle(reservation?.id ?? this.#parts.ids.next("reservation"), scopes, actualNano);
    if (settled instanceof Promise) return settled.then((states) => this.#tell(scopes, states, now));
    this.#tell(scopes, settled, now);
  }

  /** The call cost nothing, or never was. */
  release(reservation: Reservation): void | Promise<void> {
    this.#open.delete(reservation.id);
    return this.#parts.store.release(reservation.id);
  }

  /** To be called every few seconds: keeps the reservations of calls under way, and gives alerts that could not be written. */
  async tick(now: EpochMs): Promise<void> {
    this.#parts.alerts.retry(now);
    for (const [scope, { endsAt }] of this.#refused) if (endsAt <= now) this.#refused.delete(scope);
    const renewals: unknown[] = [];
    const tick = this.#parts.clock.monotonic();
    for (const reservation of this.#open.values()) {
      const age = tick - reservation.sinceTick;
      if (age > longestCallMs) this.#open.delete(reservation.id);
      else if (age >= leaseMs / 2) renewals.push(this.#parts.store.renew(reservation.id, leaseMs));
    }
    await Promise.all(renewals);
  }

  /** Gives the alerts of a budget by what is known to be spent in the windows of now, whoever spent it. `spent` in billionths of a US dollar, by scope. */
  look({ owner, team, limits: { day, month } }: { owner: string; team: string; limits: SpendLimits }, spent: (scope: string) => number, now: EpochMs): void {
    const windows = windowsAt(now);
    for (const [dollarLimit, window] of [[day, windows.day], [month, windows.month]] as const) {
      if (dollarLimit === undefined) continue;
      const scope: KeptScope = { id: scopeId(owner, window), limit: Math.round(dollarLimit * nanoDollars), endsAt: window.endsAt, owner, window: window.window, team };
      const soFar = spent(scope.id);
      if (soFar > 0) this.#parts.alerts.noteSpent(scope, soFar, now);
    }
  }

  /** How far limits are used, each in its window of now. */
  async useOf(owner: string, { day, month }: SpendLimits, now: EpochMs): Promise<BudgetUse[]> {
    const windows = windowsAt(now);
    const asked = ([[day, windows.day], [month, windows.month]] as const).flatMap(([limit, window]) =>
      limit === undefined ? [] : [{ id: scopeId(owner, window), limit: Math.round(limit * nanoDollars), endsAt: window.endsAt, window: window.window }]);
    const states = asked.length === 0 ? [] : await this.#parts.store.states(asked);
    return asked.map(({ window, limit, endsAt }, index) => {
      const { spent = 0, reserved = 0 } = states[index] ?? {};
      const refused = this.#refused.get(asked[index]!.id)?.calls;
      return { window, limit, spent, reserved, percent: limit === 0 ? 100 : Math.round((spent / limit) * 10_000) / 100, endsAt, ...(refused === undefined ? {} : { refused }) };
    });
  }

  #limitsOf(attribution: Attribution, { key, route }: ReserveRequest["limits"]): { owner: string; limits: SpendLimits }[] {
    const found: { owner: string; limits: SpendLimits }[] = [];
    if (key !== undefined) found.push({ owner: attribution.actor, limits: key });
    if (route !== undefined && attribution.route !== null) found.push({ owner: routeOwner(attribution.route), limits: route });
    if (this.#budgets.size === 0) return found;
    for (const owner of ownersOf(attribution)) {
      const limits = this.#budgets.get(owner);
      if (limits !== undefined) found.push({ owner, limits });
    }
    return found;
  }

  #meet(owner: string, { day, month }: SpendLimits): void {
    const met = this.#met.get(owner);
    if (met === undefined) this.#met.set(owner, { day: day !== undefined, month: month !== undefined });
    else {
      met.day ||= day !== undefined;
      met.month ||= month !== undefined;
    }
  }

  /** What was reserved in, and all else that a call of these owners counts in. */
  #scopesOf(reserved: readonly KeptScope[], attribution: Attribution, since: EpochMs): readonly KeptScope[] {
    let scopes: KeptScope[] | null = null;
    const windows = windowsAt(since);
    for (const owner of ownersOf(attribution)) {
      const met = this.#met.get(owner);
      if (met === undefined) continue;
      for (const window of ["day", "month"] as const) {
        if (!met[window] || reserved.some((scope) => scope.owner === owner && scope.window === window)) continue;
        const limit = this.#budgets.get(owner)?.[window];
        (scopes ??= [...reserved]).push({
          id: scopeId(owner, windows[window]), limit: limit === undefined ? unknownLimit : Math.round(limit * nanoDollars), endsAt: windows[window].endsAt, owner, window, team: attribution.team,
        });
      }
    }
    return scopes ?? reserved;
  }

  #admit(reservation: Reservation, answer: Reserved, remark: string): Reservation {
    if (answer.reserved) {
      this.#open.set(reservation.id, reservation);
      return reservation;
    }
    const { scopes, amount, since } = reservation;
    const scope = scopes.find(({ id }) => id === answer.scope.id)!;
    const { spent, reserved } = answer.scope;
    this.#refused.set(scope.id, { calls: (this.#refused.get(scope.id)?.calls ?? 0) + 1, endsAt: scope.endsAt });
    this.#parts.alerts.noteRefused(scope, spent, since);
    const underWay = reserved > 0 ? `, ${dollars(reserved)} are reserved for calls under way` : "";
    throw new AppError(
      "BUDGET_EXCEEDED",
      `The budget of ${wordsOf(scope.owner)} for this ${scope.window} is ${dollars(scope.limit)}: ${dollars(spent)} are spent${underWay}, and this call may cost ${dollars(amount)}.${remark}`,
    );
  }

  #tell(scopes: readonly KeptScope[], states: readonly ScopeState[], now: EpochMs): void {
    // A store that is away answers with no states: what the call cost is settled later, and told with a later call.
    for (const [index, { spent }] of states.entries()) this.#parts.alerts.noteSpent(scopes[index]!, spent, now);
  }
}

export function ownerOf({ scope, team, name }: Pick<Budget, "scope" | "team" | "name">): string {
  return scope === "team" ? teamOwner(team) : projectOwner(team, name);
}

/** `key:key_1` as `key key_1`. */
function wordsOf(owner: string): string {
  return `the ${owner.replace(":", " ")}`;
}
