import { AppError } from "../../core/errors.ts";
import type { BudgetScope, BudgetStore, Reserved, ScopeState } from "../../ledger/budget-store.ts";
import type { RedisConnection } from "./open-redis.ts";
import { RedisAwayError } from "./open-redis.ts";
import { budgetScripts } from "./redis-budget-scripts.ts";
import type { RedisScript } from "./redis-script.ts";

export interface RedisBudgetStoreOptions {
  redis: RedisConnection;
  /** What a scope that Redis does not know has spent already, by the ledger. */
  spentBefore?: (scope: string) => number | Promise<number>;
  /** What becomes of calls while Redis is away: `refuse` (BUDGET_UNAVAILABLE, so that nothing is overspent) or `admit` (uncounted until it is back, so that nobody is kept out). */
  whenAway?: "refuse" | "admit";
}

interface Unsettled {
  reservation: string;
  scopes: readonly BudgetScope[];
  actual: number;
}

/** Beyond, the oldest are dropped: the ledger has them all the same. */
const mostUnsettled = 100_000;

/**
 * Budgets of all replicas: each check and its reservation are one script, which Redis runs whole. What calls cost that end while Redis is away is kept here and settled when it is back; where nobody knows whether it was
 * settled already, it is settled again, for a budget may be used up too early and never too late. Needs one Redis with its replicas, not a cluster: a reservation touches several keys.
 */
export class RedisBudgetStore implements BudgetStore {
  readonly #redis: RedisConnection;
  readonly #spentBefore: (scope: string) => number | Promise<number>;
  readonly #whenAway: "refuse" | "admit";
  #unsettled: Unsettled[] = [];
  #flushing: Promise<void> | null = null;

  constructor({ redis, spentBefore = () => 0, whenAway = "refuse" }: RedisBudgetStoreOptions) {
    this.#redis = redis;
    this.#spentBefore = spentBefore;
    this.#whenAway = whenAway;
    redis.onReady(() => void this.#settleWhatIsLeft());
  }

  /** Calls that ended and are not settled yet. */
  get unsettled(): number {
    return this.#unsettled.length;
  }

  async reserve(reservation: string, scopes: readonly BudgetScope[], amount: number, leaseMs: number): Promise<Reserved> {
    try {
      // What was spent meanwhile comes first.
      if (this.#unsettled.length > 0) await this.#settleWhatIsLeft();
      if (this.#unsettled.length > 0) throw new RedisAwayError("What calls cost is not settled yet.");
      const [outcome, place, spent, reserved] = await this.#seeded(budgetScripts.reserve, reservation, scopes, [wholeAmount(amount), leaseMs]);
      if (outcome === "reserved") return { reserved: true };
      return { reserved: false, scope: { id: scopes[Number(place) - 1]!.id, spent: Number(spent), reserved: Number(reserved) } };
    } catch (error) {
      if (!(error instanceof RedisAwayError)) throw error;
      if (this.#whenAway === "admit") return { reserved: true };
      throw new AppError("BUDGET_UNAVAILABLE", "Nobody knows what is left of the budget.", { cause: error, retryAfterSeconds: 5 });
    }
  }

  /** One that cannot be renewed ends with its lease, and is settled all the same. */
  async renew(reservation: string, leaseMs: number): Promise<void> {
    await this.#unlessAway(() => this.#redis.run(budgetScripts.renew, [reservationKey(reservation)], [reservation, leaseMs, this.#redis.prefix]));
  }

  /** No states while Redis is away. */
  async settle(reservation: string, scopes: readonly BudgetScope[], actual: number): Promise<ScopeState[]> {
    try {
      return await this.#settle({ reservation, scopes, actual });
    } catch (error) {
      if (!(error instanceof RedisAwayError)) throw error;
      this.#unsettled.push({ reservation, scopes, actual });
      if (this.#unsettled.length > mostUnsettled) this.#unsettled.shift();
      return [];
    }
  }

  async release(reservation: string): Promise<void> {
    await this.#unlessAway(() => this.#redis.run(budgetScripts.release, [reservationKey(reservation)], [reservation, this.#redis.prefix]));
  }

  /** None while Redis is away. */
  async states(scopes: readonly BudgetScope[]): Promise<ScopeState[]> {
    if (scopes.length === 0) return [];
    const states = (await this.#unlessAway(() => this.#redis.run(budgetScripts.states, scopes.map(scopeKey), []))) as (string | null)[] | undefined;
    if (states === undefined) return [];
    return Promise.all(scopes.map(async ({ id }, index) => ({
      id, spent: states[2 * index] === "" ? await this.#spentBefore(id) : Number(states[2 * index]), reserved: Number(states[2 * index + 1]),
    })));
  }

  async #settle({ reservation, scopes, actual }: Unsettled): Promise<ScopeState[]> {
    const [, ...states] = await this.#seeded(budgetScripts.settle, reservation, scopes, [wholeAmount(actual), 0]);
    return scopes.map(({ id }, index) => ({ id, spent: Number(states[2 * index]), reserved: Number(states[2 * index + 1]) }));
  }

  /** Runs a script that answers `unknown` for scopes that nobody has told it about, and tells it. The first who tells is believed. */
  async #seeded(script: RedisScript, reservation: string, scopes: readonly BudgetScope[], values: readonly [number, number]): Promise<(string | number)[]> {
    const seeds = new Map<string, number>();
    for (;;) {
      const answer = (await this.#redis.run(script, [reservationKey(reservation), ...scopes.map(scopeKey)], [
        reservation, ...values, this.#redis.prefix, ...scopes.flatMap(({ id, limit, endsAt }) => [limit, endsAt, seeds.get(id) ?? ""]),
      ])) as (string | number)[];
      if (answer[0] !== "unknown") return answer;
      for (const place of answer.slice(1)) {
        const { id } = scopes[Number(place) - 1]!;
        seeds.set(id, wholeAmount(await this.#spentBefore(id)));
      }
    }
  }

  /** One at a time; who comes meanwhile waits for the same. */
  #settleWhatIsLeft(): Promise<void> {
    this.#flushing ??= this.#settleAll().finally(() => { this.#flushing = null; });
    return this.#flushing;
  }

  async #settleAll(): Promise<void> {
    try {
      while (this.#unsettled.length > 0) {
        const [next] = this.#unsettled;
        await this.#settle(next!);
        if (this.#unsettled[0] === next) this.#unsettled.shift();
      }
    } catch {
      // Tried again with the next call, and when a connection is made.
    }
  }

  async #unlessAway<Value>(work: () => Promise<Value>): Promise<Value | undefined> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof RedisAwayError) return undefined;
      throw error;
    }
  }
}

const reservationKey = (reservation: string): string => `reservation:${reservation}`;
const scopeKey = ({ id }: BudgetScope): string => `budget:${id}`;

/** Redis adds whole numbers only, and one that it refused would never be settled. */
function wholeAmount(amount: number): number {
  return Math.min(Number.MAX_SAFE_INTEGER, Math.max(0, Math.ceil(amount)));
}
