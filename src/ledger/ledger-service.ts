import { ownActor, type Caller } from "../core/caller.ts";
import { epochMs, type Clock, type EpochMs } from "../core/clock.ts";
import type { Logger } from "../core/logger.ts";
import type { LedgerEntry } from "./ledger-entry.ts";
import type { LedgerJournal } from "./ledger-journal.ts";
import type { CostGroup, CostQuery, EntryQuery, EntryWhole, LedgerStore } from "./ledger-store.ts";
import { SpendSums } from "./spend-sums.ts";
import { windowsAt, type CalendarWindow } from "./spend-windows.ts";
import { storableEntry, textOrNull } from "./storable-entry.ts";
import { visibleTeams } from "./visible-teams.ts";

/** Entries of one transaction. */
const batch = 500;
const drainEveryMs = 1000;
/** After a failure of the database. */
const retryMs = 5000;
/** For a look at what other servers spent: a caller waits. */
const longestLookMs = 1000;
/** What is told of entries afterwards and waits for them to be written. */
const mostTold = 20_000;

interface Parts {
  store: LedgerStore;
  journal: LedgerJournal;
  clock: Clock;
  logger: Logger;
  /** Rings once, later; answers how to call it off. */
  alarm: (milliseconds: number, ring: () => void) => () => void;
}

/**
 * Takes an entry for everything that cost something. `record` hands it to the journal on this machine's disk, so that no caller waits for the database and none fails with it; from there it is
 * written to the database in the background, once, whatever dies in between. When the journal has reached its bound, or its disk fails, what is written stays and new entries are not written:
 * calls go on, budgets of this process still count them, and the log says how many they were and what they cost.
 */
export class LedgerService {
  readonly #parts: Parts;
  readonly #sums = new SpendSums();
  #draining: Promise<void> | null = null;
  #cancelAlarm: (() => void) | null = null;
  #isStopped = false;
  #databaseFails = false;
  #told: EntryWhole[] = [];
  /** Under way, by window. */
  readonly #looks = new Map<string, { over: Promise<void>; next: Promise<void> | null }>();
  /** What was not written since the journal began to fail. */
  #lost = { entries: 0, cost: 0 };
  #lostInAll = { entries: 0, cost: 0 };

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Writes what the journal kept from former processes, then reads what was spent in the windows of now and in those before, into which the clock may be set back. To be awaited before the first `record`. */
  async start(now: EpochMs): Promise<void> {
    await this.drain();
    const { day, month } = windowsAt(now);
    const before = [windowsAt(epochMs(month.startsAt - 1)).month, windowsAt(epochMs(day.startsAt - 1)).day];
    for (const window of before) await this.#load(window, now);
    await this.refresh(now);
  }

  /** Reads what the windows of now have spent on all servers. To be called every so often where several share the database. */
  async refresh(now: EpochMs): Promise<void> {
    const { day, month } = windowsAt(now);
    for (const window of [month, day]) await this.#load(window, now);
  }

  /** The same where a window of now was never read: another day began, or the clock was set. */
  async refreshWindows(now: EpochMs): Promise<void> {
    if (!this.#sums.lacks(now)) return;
    await this.drain();
    await this.refresh(now);
  }

  /** What a budget's scope has spent; for the budget store, which asks when it meets a scope for the first time. */
  spent(scope: string): number {
    return this.#sums.spent(scope);
  }

  /**
   * The same with what other servers have written by now: for a store of all servers that meets a scope, whose first word is believed. Who asks while a look at the database is under way has the next one together; where that
   * fails, or takes long, what is known here has to do.
   */
  async spentByNow(scope: string): Promise<number> {
    const { day, month } = windowsAt(this.#parts.clock.now());
    const window = [day, month].find(({ name }) => scope.endsWith(`/${name}`));
    if (window !== undefined) await this.#lookAt(window);
    return this.spent(scope);
  }

  /** Entries that were not written since this process started, and what they cost in billionths of a dollar: the journal had no room, or failed. */
  get lostInAll(): Readonly<{ entries: number; cost: number }> {
    return this.#lostInAll;
  }

  /** Answers when the entry survives the death of this process. Never rejects: see above. A reservation for the call is to be settled before. */
  record(entry: LedgerEntry): Promise<void> {
    const storable = storableEntry(entry);
    // Budgets are of what went through the gateway: what others spent elsewhere nobody could have held.
    if (storable.source !== "trace") this.#sums.add(storable.attribution, storable.time, storable.cost ?? 0, this.#parts.clock.now());
    this.#wake(drainEveryMs);
    return this.#parts.journal.append(storable).then(() => this.#noteWritten(), (cause: unknown) => this.#noteLost(storable, cause));
  }

  /** Says of entries that were recorded here of which session and agent's run they are, where they do not say it: soon, and lost with this process. */
  complete(entries: readonly EntryWhole[]): void {
    if (entries.length === 0) return;
    this.#told.push(...entries.slice(0, mostTold - this.#told.length).map(({ id, session, agentRun }) => ({ id, session: textOrNull(session), agentRun: textOrNull(agentRun) })));
    this.#wake(drainEveryMs);
  }

  /** Writes to the database what the journal holds. Rejects when the database fails; the journal keeps everything then. */
  drain(): Promise<void> {
    this.#draining ??= this.#drainNow().finally(() => { this.#draining = null; });
    return this.#draining;
  }

  /** Grouped sums of what the caller may see, the dearest first: of the teams that it sees the whole of, and of its own calls. */
  async costs(caller: Caller, query: Omit<CostQuery, "teams" | "actor">, limit: number): Promise<CostGroup[]> {
    await this.#catchUp();
    return this.#parts.store.costs({ ...query, teams: visibleTeams(caller), actor: ownActor(caller) }, limit);
  }

  async entries(caller: Caller, query: Omit<EntryQuery, "teams" | "actor">): Promise<LedgerEntry[]> {
    await this.#catchUp();
    return this.#parts.store.entries({ ...query, teams: visibleTeams(caller), actor: ownActor(caller) });
  }

  /** Every call of a trace, oldest first. Whoever asks has judged who may see the trace. */
  async forTrace(traceId: string): Promise<LedgerEntry[]> {
    await this.#catchUp();
    return this.#parts.store.forTrace(traceId);
  }

  /** Removes entries older than `before`; their sums stay. Answers how many. */
  async prune(before: EpochMs): Promise<number> {
    for (let gone = 0; ;) {
      const removed = await this.#parts.store.prune(before, 1000);
      gone += removed;
      if (removed === 0) return gone;
    }
  }

  /** Writes what is there if the database answers; otherwise the next start does. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#cancelAlarm?.();
    await this.#parts.journal.close();
    await this.#catchUp();
  }

  /** What was recorded before is seen by the reads after it, while the database can be written. */
  async #catchUp(): Promise<void> {
    try {
      // One that is under way may have begun before.
      await this.#draining?.catch(() => undefined);
      await this.drain();
    } catch (cause) {
      this.#noteFailure(cause);
    }
  }

  async #load(window: CalendarWindow, now: EpochMs): Promise<void> {
    this.#sums.load(window, await this.#parts.store.spentBetween(window.startsAt, window.endsAt), now);
  }

  async #drainNow(): Promise<void> {
    // Of entries that are in the journal by now.
    const told = this.#told.slice();
    for (const part of await this.#parts.journal.seal()) {
      const entries = await part.entries();
      for (let from = 0; from < entries.length; from += batch) await this.#parts.store.add(entries.slice(from, from + batch));
      await part.remove();
    }
    if (told.length > 0) await this.#parts.store.complete(told);
    this.#told = this.#told.slice(told.length);
    if (this.#databaseFails) this.#parts.logger.info("ledger.recovered");
    this.#databaseFails = false;
  }

  #lookAt(window: CalendarWindow): Promise<void> {
    const underWay = this.#looks.get(window.name);
    if (underWay !== undefined) return (underWay.next ??= underWay.over.then(() => this.#lookAt(window)));
    const over = this.#look(window).then(() => void this.#looks.delete(window.name));
    this.#looks.set(window.name, { over, next: null });
    return over;
  }

  /** What was recorded here is written first: the sums are those of all entries then. */
  async #look(window: CalendarWindow): Promise<void> {
    const { alarm, clock } = this.#parts;
    let cancel: (() => void) | undefined;
    const late = new Promise<void>((resolve) => (cancel = alarm(longestLookMs, resolve)));
    await Promise.race([late, this.#catchUp().then(() => this.#load(window, clock.now())).catch((cause: unknown) => this.#noteFailure(cause))]);
    cancel?.();
  }

  #wake(milliseconds: number): void {
    if (this.#cancelAlarm !== null || this.#isStopped) return;
    this.#cancelAlarm = this.#parts.alarm(milliseconds, () => {
      this.#cancelAlarm = null;
      this.drain().catch((cause: unknown) => this.#noteFailure(cause));
    });
  }

  /** One event when the database begins to fail and one when it is well again. */
  #noteFailure(cause: unknown): void {
    if (!this.#databaseFails) this.#parts.logger.warn("ledger.not-written", { cause });
    this.#databaseFails = true;
    this.#wake(retryMs);
  }

  #noteLost({ cost }: LedgerEntry, cause: unknown): void {
    if (this.#lost.entries === 0) this.#parts.logger.error("ledger.journal-failed", { cause });
    this.#lost = { entries: this.#lost.entries + 1, cost: this.#lost.cost + (cost ?? 0) };
    this.#lostInAll = { entries: this.#lostInAll.entries + 1, cost: this.#lostInAll.cost + (cost ?? 0) };
  }

  #noteWritten(): void {
    if (this.#lost.entries === 0) return;
    this.#parts.logger.error("ledger.entries-lost", { entries: this.#lost.entries, nanoDollars: this.#lost.cost });
    this.#lost = { entries: 0, cost: 0 };
  }
}
