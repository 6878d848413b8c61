import { localCaller, mayInTeam, requireInTeam, type Caller } from "../core/caller.ts";
import { epochMs, type EpochMs } from "../core/clock.ts";
import { AppError } from "../core/errors.ts";
import type { IdGenerator } from "../core/ids.ts";
import { SerialRead } from "../core/serial-read.ts";
import { ownerOf, type BudgetKeeper } from "./budget-keeper.ts";
import type { LedgerSettingsStore } from "./ledger-settings-store.ts";
import { remarkOnPrice, type KnownNames } from "./prices/known-names.ts";
import type { PriceBook } from "./prices/price-book.ts";
import { remarkOnLeftOut } from "./prices/remark-on-left-out.ts";
import type { Budget, BudgetName, BudgetStatus, CallBudget, BudgetUse, PriceRequest, SetPrice, SpendLimits } from "./schemas.ts";
import { keyOwner, projectOwner, routeOwner, teamOwner } from "./spend-windows.ts";
import { visibleTeams } from "./visible-teams.ts";

const furthestAheadMs = 10 * 366 * 86_400_000;

interface Parts {
  store: LedgerSettingsStore;
  keeper: BudgetKeeper;
  prices: PriceBook;
  ids: IdGenerator;
}

/** What administrators decide of money: budgets of teams (by admins of the server) and of projects (by admins of the team), and prices. */
export class LedgerSettings {
  readonly #parts: Parts;
  #budgets: readonly Budget[] = [];
  #prices: readonly SetPrice[] = [];
  #callBudgets: (caller: Caller) => Promise<Omit<CallBudget, "use">[]> = () => Promise.resolve([]);
  #known: () => KnownNames = () => ({ providers: [], models: [] });

  readonly #reads = new SerialRead(() => this.#read());

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Says which providers and models are there: a price of others is remarked on. */
  knowNames(known: () => KnownNames): void {
    this.#known = known;
  }

  /** Says which budgets of keys and routes a caller sees: they are the gateway's settings. */
  knowCallBudgets(seen: (caller: Caller) => Promise<Omit<CallBudget, "use">[]>): void {
    this.#callBudgets = seen;
  }

  /** Whether an event of this type says that what is read here has changed. */
  static readonly concerns = (type: string): boolean => type === "budget.changed" || type === "budget.removed" || type === "price.set";

  /** Reads everything anew; to be awaited before the first call. */
  load(): Promise<void> {
    return this.#reads.request();
  }

  async budgets(caller: Caller, now: EpochMs): Promise<BudgetStatus[]> {
    const teams = visibleTeams(caller);
    const seen = this.#budgets.filter(({ team }) => teams === null || teams.includes(team));
    return Promise.all(seen.map(async (budget) => ({ ...budget, use: await this.#parts.keeper.useOf(ownerOf(budget), budget.limits, now) })));
  }

  /** Budgets of keys and routes that the caller sees, its own key's among them, and how far they are used. */
  async callBudgets(caller: Caller, now: EpochMs): Promise<CallBudget[]> {
    return Promise.all((await this.#callBudgets(caller)).map(async (budget) => ({ ...budget, use: await this.#parts.keeper.useOf(ownerOfCalls(budget), budget.limits, now) })));
  }

  /**
   * Gives the alerts of all budgets by what is known to be spent: calls give them at once, but not where their server ended in that moment, where several servers spent a part each, and where a limit was lowered. To be called every
   * so often; `spent` in billionths of a US dollar, by scope.
   */
  async lookForAlerts(spent: (scope: string) => number, now: EpochMs): Promise<void> {
    const { keeper } = this.#parts;
    for (const budget of this.#budgets) keeper.look({ owner: ownerOf(budget), team: budget.team, limits: budget.limits }, spent, now);
    for (const budget of await this.#callBudgets(localCaller)) keeper.look({ owner: ownerOfCalls(budget), team: budget.team, limits: budget.limits }, spent, now);
  }

  /** The month's budget of a team, or of one of its projects; null where there is none. */
  async monthOf(team: string, project: string | null, now: EpochMs): Promise<BudgetUse | null> {
    const owner = project === null ? teamOwner(team) : projectOwner(team, project);
    const month = this.#budgets.find((budget) => ownerOf(budget) === owner)?.limits.month;
    return month === undefined ? null : (await this.#parts.keeper.useOf(owner, { month }, now))[0]!;
  }

  /** Throws FORBIDDEN, TEAM_NOT_FOUND. */
  async putBudget(caller: Caller, name: BudgetName, limits: SpendLimits, now: EpochMs): Promise<Budget> {
    requireInTeam(caller, "admin", name.scope === "team" ? "*" : name.team);
    const budget = await this.#parts.store.putBudget(name, limits, { actor: caller.actor, now });
    await this.load();
    return budget;
  }

  /** Throws BUDGET_NOT_FOUND, also where the caller may not know that there is one. */
  async removeBudget(caller: Caller, name: BudgetName, now: EpochMs): Promise<void> {
    const missing = new AppError("BUDGET_NOT_FOUND", `There is no budget of the ${name.scope} ${name.name}.`);
    if (!mayInTeam(caller, "viewer", name.team)) throw missing;
    requireInTeam(caller, "admin", name.scope === "team" ? "*" : name.team);
    if (!(await this.#parts.store.removeBudget(name, { actor: caller.actor, now }))) throw missing;
    await this.load();
  }

  /** Newest first. */
  setPrices(): SetPrice[] {
    return this.#prices.toReversed();
  }

  /** `remark`: that nobody knows the provider or the model, or what of the price before it is left out. Throws INVALID_REQUEST for a time that is over or too far ahead. */
  async setPrice(caller: Caller, { from = undefined, ...request }: PriceRequest, now: EpochMs): Promise<SetPrice & { remark: string | null }> {
    if (from !== undefined && from < now) throw new AppError("INVALID_REQUEST", "A price cannot hold from a time that is over: what was recorded keeps its cost.", { problems: [{ path: "from", message: "lies in the past: give milliseconds since 1970, later than now, or leave it out" }] });
    // A price is never taken away: one from the year 59010, of microseconds for milliseconds, would stand there for good.
    if (from !== undefined && from > now + furthestAheadMs) throw new AppError("INVALID_REQUEST", "A price begins to hold within ten years.", { problems: [{ path: "from", message: "lies more than ten years ahead: give milliseconds since 1970" }] });
    const price: SetPrice = { ...request, id: this.#parts.ids.next("change"), from: from ?? now, createdAt: now, createdBy: caller.actor };
    const known = this.#known();
    const kind = known.providers.find(({ name }) => name === price.provider)?.kind ?? price.provider;
    const former = this.#parts.prices.priceOf(kind, price.provider, price.model.replace(/\*$/, ""), epochMs(price.from));
    await this.#parts.store.addPrice(price);
    await this.load();
    return { ...price, remark: remarkOnPrice(price, known, now) ?? remarkOnLeftOut(price, former) };
  }

  async #read(): Promise<void> {
    const { store, keeper, prices } = this.#parts;
    this.#budgets = await store.budgets();
    keeper.load(this.#budgets);
    this.#prices = await store.prices();
    prices.load(this.#prices);
  }
}

function ownerOfCalls({ scope, name }: Pick<CallBudget, "scope" | "name">): string {
  return scope === "key" ? keyOwner(name) : routeOwner(name);
}
