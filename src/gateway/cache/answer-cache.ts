import { ChurnMap } from "../../core/churn-map.ts";
import type { Clock, EpochMs } from "../../core/clock.ts";
import { AppError } from "../../core/errors.ts";
import type { StopSignal } from "../../core/stop-signal.ts";
import type { ChatAnswer } from "../conversation/chat-answer.ts";
import type { AnswerCacheStore } from "./answer-cache-store.ts";
import type { SemanticQuestion } from "./answer-key.ts";
import type { CacheControl } from "./cache-control.ts";
import type { Embed, SemanticCache, SemanticLook } from "./semantic-cache.ts";

export interface CacheOrder {
  /** `answerKey` of the call. */
  key: string;
  ttlMs: number;
  control: CacheControl;
  /** The caller has gone. */
  signal: StopSignal;
  /** Where the route has a semantic cache and the call is one for it. */
  semantic?: { question: SemanticQuestion; threshold: number; embed: Embed };
}

/** Of a call that must be made: exactly one of these is called, once, when it is over. Later calls do nothing. */
export interface CacheLead {
  /** The whole answer: kept where it may be, and given to equal calls that wait. `cost`: of the call, in billionths of a US dollar; null where its price is not known. */
  finish(answer: ChatAnswer, cost: number | null): void;
  /** The call failed, its stream was cut, or its caller has gone (`cancelled`): somebody who waits goes instead. */
  fail(reason: "failed" | "cancelled"): void;
}

/** The kind is the value of header `x-slipway-cache`. */
export type CacheLook =
  | ({ kind: "hit" | "semantic" } & KeptAnswer)
  | { kind: "miss" | "bypass"; lead: CacheLead };

interface KeptAnswer {
  answer: ChatAnswer;
  /** When it was given. */
  at: EpochMs;
  /** What the call cost that it was made for. Null where nobody knows; a release before this one kept none. */
  cost: number | null;
}

type Outcome = KeptAnswer | "lead" | "alone";

/** Equal calls under way: one of them is made, the others wait. */
interface Flight {
  waiting: Set<(outcome: Outcome) => void>;
  failures: number;
}

const idle: CacheLead = { finish: () => undefined, fail: () => undefined };
const form = 1;

/**
 * Whole answers by key, for as long as their route says. Of equal calls at the same time one is made; the others get its answer. When it fails or its caller goes, the next goes itself; when two have failed,
 * or the answer is none to be kept, all go. Nothing that the store does wrong is an error to a caller: it is a miss.
 */
export class AnswerCache {
  readonly #store: AnswerCacheStore;
  readonly #clock: Clock;
  readonly #semantic: SemanticCache | null;
  readonly #flights = new ChurnMap<string, Flight>();

  constructor({ store, clock, semantic }: { store: AnswerCacheStore; clock: Clock; semantic?: SemanticCache }) {
    this.#store = store;
    this.#clock = clock;
    this.#semantic = semantic ?? null;
  }

  /** Throws CALLER_GONE when the caller goes while it waits. */
  async look(order: CacheOrder): Promise<CacheLook> {
    const { key, control, ttlMs } = order;
    if (!control.write) return { kind: "bypass", lead: idle };
    if (!control.read) return { kind: "bypass", lead: this.#lead(key, ttlMs, null, null) };
    const flight = this.#flights.get(key);
    if (flight === undefined) {
      // Before anything is awaited: of calls that come at once only one passes here.
      const made: Flight = { waiting: new Set(), failures: 0 };
      this.#flights.set(key, made);
      return this.#find(order, made);
    }
    const outcome = await this.#follow(flight, order.signal);
    if (outcome === "lead") return { kind: "miss", lead: this.#lead(key, ttlMs, flight, null) };
    if (outcome === "alone") return { kind: "miss", lead: this.#lead(key, ttlMs, null, null) };
    return { kind: "hit", ...outcome };
  }

  async #find(order: CacheOrder, flight: Flight): Promise<CacheLook> {
    const { key, ttlMs, semantic, signal } = order;
    const exact = await this.#read(key);
    if (exact !== null) {
      this.#end(key, flight, exact);
      return { kind: "hit", ...exact };
    }
    let near: SemanticLook | null = null;
    if (semantic !== undefined && this.#semantic !== null) {
      near = await this.#semantic.find(semantic).catch(() => null);
      const found = near === null || near.key === null ? null : await this.#read(near.key);
      if (found !== null) {
        this.#end(key, flight, found);
        return { kind: "semantic", ...found };
      }
    }
    const lead = this.#lead(key, ttlMs, flight, near);
    if (!signal.aborted) return { kind: "miss", lead };
    lead.fail("cancelled");
    throw gone();
  }

  #lead(key: string, ttlMs: number, flight: Flight | null, near: SemanticLook | null): CacheLead {
    let over = false;
    return {
      finish: (answer, cost) => {
        if (over) return;
        over = true;
        if (!mayBeKept(answer)) {
          if (flight !== null) this.#end(key, flight, "alone");
          return;
        }
        const at = this.#clock.now();
        const kept: KeptAnswer = { answer, at, cost };
        this.#write(key, kept, ttlMs);
        near?.remember(key, ttlMs);
        if (flight !== null) this.#end(key, flight, kept);
      },
      fail: (reason) => {
        if (over) return;
        over = true;
        if (flight !== null) this.#handOver(key, flight, reason);
      },
    };
  }

  #follow(flight: Flight, signal: StopSignal): Promise<Outcome> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) {
        reject(gone());
        return;
      }
      const leave = (): void => {
        flight.waiting.delete(settle);
        reject(gone());
      };
      const settle = (outcome: Outcome): void => {
        signal.removeEventListener("abort", leave);
        resolve(outcome);
      };
      signal.addEventListener("abort", leave, { once: true });
      flight.waiting.add(settle);
    });
  }

  #handOver(key: string, flight: Flight, reason: "failed" | "cancelled"): void {
    if (reason === "failed") flight.failures++;
    const [next] = flight.waiting;
    if (next === undefined || flight.failures > 1) {
      this.#end(key, flight, "alone");
      return;
    }
    flight.waiting.delete(next);
    next("lead");
  }

  #end(key: string, flight: Flight, outcome: Exclude<Outcome, "lead">): void {
    this.#flights.delete(key);
    for (const settle of flight.waiting) settle(outcome);
    flight.waiting.clear();
  }

  async #read(key: string): Promise<KeptAnswer | null> {
    try {
      const value = await this.#store.get(key);
      return value === null ? null : decode(value);
    } catch {
      // A store that is away, or that holds something else: the call is made.
      return null;
    }
  }

  #write(key: string, kept: KeptAnswer, ttlMs: number): void {
    try {
      const done = this.#store.set(key, encode(kept), ttlMs);
      // A store that is away keeps nothing; the caller has its answer.
      if (done instanceof Promise) done.catch(() => undefined);
    } catch {
      // As above.
    }
  }
}

/** Another try might say more than an answer that was cut at its length, refused or empty. */
function mayBeKept({ finish, parts }: ChatAnswer): boolean {
  return (finish === "stop" || finish === "tool-calls") && parts.length > 0 && parts.every(({ type }) => type !== "refusal");
}

function gone(): AppError {
  return new AppError("CALLER_GONE", "The caller closed the connection.");
}

function encode({ answer, at, cost }: KeptAnswer): string {
  return JSON.stringify({ form, at, cost, answer });
}

function decode(value: string): KeptAnswer | null {
  const { form: keptForm, answer, at, cost = null } = JSON.parse(value) as Omit<KeptAnswer, "cost"> & { form: number; cost?: number | null };
  return keptForm === form ? { answer, at, cost } : null;
}
