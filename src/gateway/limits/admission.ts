import type { Clock } from "../../core/clock.ts";
import { counted } from "../../core/counted.ts";
import { AppError } from "../../core/errors.ts";
import type { TurnedAway } from "../../core/turned-away.ts";
import type { StopSignal } from "../../core/stop-signal.ts";
import type { BucketLeft, Entered, LimitStore } from "./limit-store.ts";
import { idsOf, queueOf, wantsOf, type LimitedCall, type PartyKind, type Wants } from "./limited-call.ts";
import { leftWithout, limitsLeft, type LimitsLeft } from "./limits-left.ts";
import { WaitingCalls, type Refusal, type StartTimer, type WaitingCall } from "./waiting-calls.ts";

type MaybePromise<Value> = Value | Promise<Value>;

export interface AdmissionRequest extends LimitedCall {
  /** Monotonic milliseconds; nobody waits beyond. */
  deadline: number;
  /** The caller has gone. */
  signal: StopSignal;
  /** Higher ones leave the queue first; 0 where it is not said. */
  priority?: number;
  /** Who limits the call by now, for one that waits: limits may be changed meanwhile. Where it is not said they stay what they were. */
  limitedBy?(): Omit<LimitedCall, "tokens">;
}

/** A call that may go on. It must leave, however it ends; both calls count once. */
export interface Ticket {
  /** Monotonic milliseconds that it waited. */
  readonly waitedMs: number;
  /** Whether it stood in a queue, so that what was true when it came may be no more. */
  readonly hasQueued?: boolean;
  /** When it was let in, its own use taken by estimate. `of`: to the limits of this kind alone. */
  left(of?: PartyKind): LimitsLeft;
  /** What the call used in truth: corrects the estimate. */
  settle(actualTokens: number): void;
  leave(): void;
  /** For a call that nobody is asked for after all, such as one that a budget refuses: gives back all that was taken, the request too, and leaves. `left` tells what is left without it from then on. */
  giveBack(): void;
}

export interface AdmissionOptions {
  store: LimitStore;
  clock: Clock;
  /** Unlike those of all other processes that share the store. */
  instance: string;
  /**
   * Whether other processes use the same store. Then places are held for half a minute at a time, so that those of a dead process come free, and what others give back is found by looking: ten times in
   * a second while somebody waits. Within a process nobody looks; leaving and refilling wake who waits.
   */
  shared?: boolean;
  /** Calls back once, after so many milliseconds, unless it is stopped by the answer. */
  startTimer?: StartTimer;
  /** Hears of those for whom a queue is full. */
  turnedAway?: Pick<TurnedAway, "count">;
}

type Tried = Ticket | RefusedTry;

interface RefusedTry {
  refused: Refusal;
  /** Of its buckets; absent where they were not asked. */
  left?: readonly BucketLeft[];
}

const sharedLeaseMs = 30_000;
const sharedLookMs = 100;
/** Longer than any call may take: in one process tickets end with their calls. */
const localLeaseMs = 2 * 3_600_000;
/**
 * Lets calls in as the limits of their key, route, model and provider allow: requests and tokens in a minute (a bucket that holds a minute's worth, refilled evenly) and calls under way. What cannot go on
 * at once waits its turn, where the limit that refuses, or a more specific one, has a queue: first come first served among all that need the same limit, higher priorities first.
 */
export class Admission {
  readonly #store: LimitStore;
  readonly #clock: Clock;
  readonly #ticketPrefix: string;
  readonly #turnedAway: Pick<TurnedAway, "count"> | undefined;
  readonly #shared: boolean;
  readonly #leaseMs: number;
  readonly #startTimer: StartTimer;
  readonly #waiting: WaitingCalls<Ticket>;
  readonly #open = new Set<string>();
  #stopRenewing: (() => void) | null = null;
  #tickets = 0;
  #isEnding = false;

  constructor({ store, clock, instance, shared = false, startTimer = startNodeTimer, turnedAway }: AdmissionOptions) {
    this.#turnedAway = turnedAway;
    this.#store = store;
    this.#clock = clock;
    this.#ticketPrefix = `${instance}/`;
    this.#shared = shared;
    this.#leaseMs = shared ? sharedLeaseMs : localLeaseMs;
    this.#startTimer = startTimer;
    this.#waiting = new WaitingCalls<Ticket>({ clock, startTimer, ...(shared ? { lookMs: sharedLookMs } : {}) });
  }

  /** To be told when limits have changed: who waits may go on. */
  limitsChanged(): void {
    this.#waiting.wake();
  }

  /** The server goes down: who waits has not begun, and is sent to another one; nobody waits from now on. What was let in goes on. */
  endWaiting(): void {
    this.#isEnding = true;
    this.#waiting.sendAway(goingDown);
  }

  /** Calls that wait. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /**
   * Answers at once, without a promise (and may throw at once), where nothing is in the way and the store is in this process. Throws RATE_LIMITED (with Retry-After) where there is no queue or the turn cannot come in time,
   * GATEWAY_OVERLOADED where the queue is full, CALLER_GONE.
   */
  enter(request: AdmissionRequest): MaybePromise<Ticket> {
    if (request.signal.aborted) throw new AppError("CALLER_GONE", "The caller closed the connection.");
    const wants = wantsOf(request);
    if (wants.parties.length === 0) return freeTicket;
    const arrived = this.#clock.monotonic();
    // Who comes now does not overtake who waits for the same.
    const before = this.#waiting.size === 0 ? null : this.#waiting.firstBlocked(idsOf(wants));
    if (before !== null) return this.#wait(request, wants, { refused: before }, arrived);
    const tried = this.#try(wants, arrived);
    if (tried instanceof Promise) return tried.then((answer) => ("refused" in answer ? this.#wait(request, wants, answer, arrived) : this.#unlessGone(answer, request.signal)));
    return "refused" in tried ? this.#wait(request, wants, tried, arrived) : tried;
  }

  /** What is left to a call that `enter` refused: as the decision said, else by another look. Null for what was no refusal, and where nothing is counted. Never throws. */
  leftAfter(error: unknown, call: LimitedCall, of?: PartyKind): MaybePromise<LimitsLeft | null> {
    if (!(error instanceof AppError) || (error.code !== "RATE_LIMITED" && error.code !== "GATEWAY_OVERLOADED")) return null;
    const wants = wantsOf(call);
    if (wants.buckets.length === 0) return null;
    const left = leftOfRefusal.get(error);
    if (left !== undefined) return limitsLeft(wants, left, of);
    const looked = this.#store.take(wants.buckets.map(({ bucket }) => ({ bucket, amount: 0 })));
    return looked instanceof Promise ? looked.then((answer) => limitsLeft(wants, answer.left, of), () => null) : limitsLeft(wants, looked.left, of);
  }

  /** By the limits as they are now. */
  #tryAgain({ limitedBy, tokens }: AdmissionRequest, before: Wants, arrived: number): MaybePromise<Tried> {
    const wants = limitedBy === undefined ? before : wantsOf({ ...limitedBy(), tokens });
    return wants.parties.length === 0 ? freeTicket : this.#try(wants, arrived);
  }

  #try(wants: Wants, arrived: number): MaybePromise<Tried> {
    const { slots, buckets } = wants;
    const id = this.#ticketPrefix + ++this.#tickets;
    const entered = this.#store.enter(id, slots, this.#leaseMs, buckets);
    return entered instanceof Promise ? entered.then((answer) => this.#entered(answer, id, wants, arrived)) : this.#entered(entered, id, wants, arrived);
  }

  #entered(answer: Entered, id: string, wants: Wants, arrived: number): Tried {
    if (answer.taken) return this.#ticket(id, wants, arrived, answer.left);
    const { id: by, waitMs, left } = answer;
    return { refused: { id: by, waitMs, isSlot: left === null }, ...(left === null ? {} : { left }) };
  }

  #ticket(id: string, wants: Wants, arrived: number, bucketsLeft: readonly BucketLeft[]): Ticket {
    const { estimate, buckets, tokens, slots } = wants;
    let [left, settled, told] = [slots.length === 0, false, bucketsLeft];
    if (!left) this.#keep(id);
    const leave = (): void => {
      if (left) return;
      left = true;
      this.#open.delete(id);
      this.#after(this.#store.leave(id));
    };
    return {
      waitedMs: this.#clock.monotonic() - arrived,
      left: (of) => limitsLeft(wants, told, of),
      settle: (actualTokens) => {
        if (settled) return;
        settled = true;
        const amount = actualTokens - estimate;
        if (amount !== 0 && tokens.length > 0) this.#after(this.#store.adjust(tokens.map((bucket) => ({ bucket, amount }))));
      },
      leave,
      giveBack: () => {
        if (!settled && buckets.length > 0) {
          told = leftWithout(wants, bucketsLeft);
          this.#after(this.#store.adjust(buckets.map(({ bucket, amount }) => ({ bucket, amount: -amount }))));
        }
        settled = true;
        leave();
      },
    };
  }

  /** The places of a shared store are held for a while only, and again as long as the call goes on. */
  #keep(id: string): void {
    if (!this.#shared) return;
    this.#open.add(id);
    if (this.#stopRenewing !== null) return;
    const renew = (): void => {
      for (const ticket of this.#open) unheard(this.#store.renew(ticket, this.#leaseMs));
      this.#stopRenewing = this.#open.size === 0 ? null : this.#startTimer(this.#leaseMs / 3, renew);
    };
    this.#stopRenewing = this.#startTimer(this.#leaseMs / 3, renew);
  }

  /** Somebody gave something back: who waits may go on. */
  #after(done: MaybePromise<void>): void {
    if (done instanceof Promise) done.then(() => this.#waiting.wake(), ignore);
    else if (this.#waiting.size > 0) this.#waiting.wake();
  }

  #wait(request: AdmissionRequest, wants: Wants, { refused, left }: RefusedTry, arrived: number): Promise<Ticket> {
    const { signal, deadline, priority = 0 } = request;
    if (signal.aborted) throw new AppError("CALLER_GONE", "The caller closed the connection.");
    const governing = queueOf(wants.parties, refused.id);
    if (governing === null) throw withLeft(limited(refused), left);
    if (this.#isEnding) throw withLeft(goingDown(), left);
    const { queue, queueMs } = governing.limits;
    const patienceMs = Math.min(queueMs, deadline - arrived);
    if (patienceMs <= 0 || (!refused.isSlot && refused.waitMs > patienceMs)) throw withLeft(limited(refused), left);
    if (this.#waiting.countOf(governing.id) >= queue) {
      this.#turnedAway?.count("limit queues");
      throw withLeft(new AppError("GATEWAY_OVERLOADED", `${counted(queue, "call waits", "calls wait")} already for the limit of ${describe(refused.id)}.`, { retryAfterSeconds: secondsOf(refused) }), left);
    }
    const call: Omit<WaitingCall<Ticket>, "resolve" | "reject"> = {
      ids: idsOf(wants), queue: governing.id, priority, signal, patienceMs, refused,
      attempt: () => this.#tryAgain(request, wants, arrived),
      giveBack: (ticket) => ticket.giveBack(),
      tooLate: (last) => limited(last),
    };
    return this.#waiting.add(call).then((ticket) => ({ ...ticket, hasQueued: true }));
  }

  #unlessGone(ticket: Ticket, signal: StopSignal): Ticket {
    if (!signal.aborted) return ticket;
    ticket.giveBack();
    throw new AppError("CALLER_GONE", "The caller closed the connection.");
  }
}

const ignore = (): void => undefined;
const freeTicket: Ticket = { waitedMs: 0, left: () => ({ requests: null, tokens: null }), settle: ignore, leave: ignore, giveBack: ignore };
/** What the decision that an error tells of left in the buckets of its call. */
const leftOfRefusal = new WeakMap<AppError, readonly BucketLeft[]>();

function withLeft(error: AppError, left: readonly BucketLeft[] | undefined): AppError {
  if (left !== undefined) leftOfRefusal.set(error, left);
  return error;
}

function startNodeTimer(milliseconds: number, wake: () => void): () => void {
  const timer = setTimeout(wake, milliseconds);
  timer.unref();
  return () => clearTimeout(timer);
}

/** A place whose giving back fails comes free with its lease. */
function unheard(done: MaybePromise<void>): void {
  if (done instanceof Promise) done.catch(ignore);
}

/** Calls end when they end: trying again each second is as good as any other. */
function secondsOf({ waitMs, isSlot }: Refusal): number {
  return isSlot ? 1 : Math.max(1, Math.ceil(waitMs / 1000));
}

function goingDown(): AppError {
  return new AppError("SHUTTING_DOWN", "The call waited for a limit on a server that goes down.", { retryAfterSeconds: 1 });
}

function limited(refused: Refusal): AppError {
  return new AppError("RATE_LIMITED", `The limit of ${describe(refused.id)} is reached.`, { retryAfterSeconds: secondsOf(refused) });
}

/** `key:key_01...:requests` in words; a key is not named to its caller, who may be one of many. */
function describe(id: string): string {
  const [kind, measure] = [id.slice(0, id.indexOf(":")), id.slice(id.lastIndexOf(":") + 1)];
  const name = kind === "key" ? "this key" : `the ${kind} ${id.slice(kind.length + 1, id.length - measure.length - 1)}`;
  return `${measure === "calls" ? "calls at the same time" : `${measure} per minute`} for ${name}`;
}
