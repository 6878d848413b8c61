import { anonymousCaller } from "../core/caller.ts";
import type { EpochMs } from "../core/clock.ts";
import type { Logger } from "../core/logger.ts";
import { breakBehind, type AuditBreak } from "./audit-chain.ts";
import type { AuditEntry, AuditHead, AuditLog, AuditQuery, ChainedAuditEntry } from "./audit-log.ts";
import { DenialCounts } from "./denial-counts.ts";

/** Entries that nobody waits for are kept in memory up to here; what comes beyond is only counted. */
const maxPending = 10_000;
/** Denials of people without a name: at once, and per second after that. Strangers must not fill the disk. */
const strangersBurst = 100;
const strangersPerSecond = 5;
/** Entries of one transaction. */
const maxGroup = 500;
const pageSize = 1000;
/** After a failed write, so that a database that is away is not asked without a pause. */
const retryMs = 1000;

export interface AuditVerification {
  /** Entries that were read and found right, before the break if there is one. */
  entries: number;
  head: AuditHead;
  broken: AuditBreak | null;
}

interface Waiting {
  entry: AuditEntry;
  done?: { resolve(): void; reject(cause: unknown): void };
}

/**
 * Writes the audit log in groups and verifies it. What arrives while a group is being written shares the next one, so
 * that a burst costs few transactions.
 */
export class AuditTrail {
  readonly #log: AuditLog;
  readonly #logger: Logger;
  readonly #denials: DenialCounts;
  #queue: Waiting[] = [];
  #noted = 0;
  #strangers = { left: strangersBurst, at: 0 };
  /** What was too many to be kept. */
  #uncounted: { count: number; from: EpochMs; to: EpochMs } | undefined;
  #writing: Promise<void> | undefined;
  #retry: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(parts: { log: AuditLog; logger: Logger }) {
    this.#log = parts.log;
    this.#logger = parts.logger;
    this.#denials = new DenialCounts({ logger: parts.logger, write: (summary) => this.#enqueue(summary) });
  }

  /** Answers when the entry is durable; rejects when it is not there. */
  append(entry: AuditEntry): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ entry: storable(entry), done: { resolve, reject } });
      this.#start();
    });
  }

  /**
   * For what must not delay an answer, such as denials: the entry is written soon, and again when that failed. A flood
   * past 10,000 entries that wait, or of strangers, is written with the next one as one entry that says how many there were; one of
   * denials of a caller who has a name, as one for each minute (`tick`).
   */
  note(entry: AuditEntry): void {
    if (entry.result === "denied" && entry.actor !== anonymousCaller.actor && !this.#denials.take(entry)) return;
    const stranger = entry.actor === anonymousCaller.actor && !this.#takeStranger(entry.time);
    if (stranger || this.#noted >= maxPending) {
      this.#uncounted ??= { count: 0, from: entry.time, to: entry.time };
      this.#uncounted.count++;
      this.#uncounted.to = entry.time;
      if (stranger) return;
    } else {
      this.#enqueue(entry);
      return;
    }
    if (this.#retry === undefined) this.#start();
  }

  /** Called by the scheduler, each second or so: writes down how many denials of each caller were only counted. */
  tick(now: EpochMs): void {
    this.#denials.tick(now);
  }

  #enqueue(entry: AuditEntry): void {
    this.#noted++;
    this.#queue.push({ entry: storable(entry) });
    if (this.#retry === undefined) this.#start();
  }

  #takeStranger(time: EpochMs): boolean {
    const { left, at } = this.#strangers;
    const now = Math.min(strangersBurst, left + (Math.max(0, time - at) / 1000) * strangersPerSecond);
    this.#strangers = { left: now < 1 ? now : now - 1, at: time };
    return now >= 1;
  }

  list(query: AuditQuery): Promise<ChainedAuditEntry[]> {
    return this.#log.list(query);
  }

  head(): Promise<AuditHead> {
    return this.#log.head();
  }

  /**
   * Reads the whole chain. With an earlier head also whether that head is still in it: without one, a cut end cannot be
   * seen, nor a chain that somebody computed anew.
   */
  async verify(expected?: AuditHead): Promise<AuditVerification> {
    const head = await this.#log.head();
    let last: AuditHead = { sequence: 0, hash: "" };
    const verdict = (broken: AuditBreak | null): AuditVerification => ({ entries: last.sequence, head, broken });
    // What was inserted before the first entry is found too.
    let after = Number.MIN_SAFE_INTEGER;
    for (;;) {
      const entries = await this.#log.page(after, pageSize);
      for (const entry of entries) {
        const broken = breakBehind(last, entry);
        if (broken !== null) return verdict(broken);
        last = { sequence: entry.sequence, hash: entry.hash };
        if (last.sequence === head.sequence && last.hash !== head.hash) return verdict({ sequence: last.sequence, reason: "The end of the chain that is kept apart names another hash." });
        if (last.sequence === expected?.sequence && last.hash !== expected.hash) return verdict({ sequence: last.sequence, reason: "The hash is not the expected one: the chain was computed anew." });
      }
      if (entries.length < pageSize) break;
      after = last.sequence;
    }
    if (last.sequence < head.sequence) return verdict({ sequence: last.sequence + 1, reason: `The entries up to ${head.sequence} were removed.` });
    // What came behind the head is right only when the head has followed.
    const now = await this.#log.head();
    if (now.sequence < last.sequence) return verdict({ sequence: now.sequence + 1, reason: "There are entries behind the end of the chain." });
    if (expected !== undefined && expected.sequence > last.sequence) return verdict({ sequence: last.sequence + 1, reason: `The chain was cut: it reached ${expected.sequence} before.` });
    if (expected?.sequence === 0 && expected.hash !== "") return verdict({ sequence: 0, reason: "An empty chain has no hash." });
    return { ...verdict(null), head: last };
  }

  /** Writes what waits, as far as the database takes it. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#denials.flush();
    clearTimeout(this.#retry);
    this.#retry = undefined;
    this.#start();
    await this.#writing;
  }

  #start(): void {
    this.#writing ??= this.#run();
  }

  async #run(): Promise<void> {
    // One turn later, so that what arrives together is written together.
    await Promise.resolve();
    while (this.#queue.length > 0 || this.#uncounted !== undefined) {
      if (!(await this.#writeGroup())) break;
    }
    this.#writing = undefined;
  }

  async #writeGroup(): Promise<boolean> {
    const group = this.#queue.splice(0, maxGroup);
    const entries = group.map(({ entry }) => entry);
    const uncounted = this.#queue.length === 0 ? this.#uncounted : undefined;
    if (uncounted !== undefined) {
      this.#uncounted = undefined;
      const { count, from, to } = uncounted;
      entries.push({ time: to, actor: "system", action: "audit.coalesced", object: "", result: "denied", requestId: "", detail: { count, from, to, reason: "More came at once than are kept one by one." } });
    }
    try {
      await this.#log.append(entries);
    } catch (cause) {
      this.#keep(group, uncounted, cause);
      return false;
    }
    for (const { done } of group) {
      if (done === undefined) this.#noted--;
      else done.resolve();
    }
    return true;
  }

  /** After a failure: who waits is told, what nobody waits for is tried again. */
  #keep(group: readonly Waiting[], uncounted: { count: number; from: EpochMs; to: EpochMs } | undefined, cause: unknown): void {
    this.#logger.error("audit.not_written", { entries: group.length, cause });
    for (const { done } of group) done?.reject(cause);
    this.#queue.unshift(...group.filter(({ done }) => done === undefined));
    if (uncounted !== undefined) this.#uncounted = { ...uncounted, count: uncounted.count + (this.#uncounted?.count ?? 0), to: this.#uncounted?.to ?? uncounted.to };
    if (this.#closed) return;
    this.#retry ??= setTimeout(() => {
      this.#retry = undefined;
      this.#start();
    }, retryMs).unref();
  }
}

/** Longest text of a field: targets of requests that were denied come from anybody. */
const maxText = 512;

/** The entry with texts that every database takes: one that it refuses would take the others of its group along. */
function storable(entry: AuditEntry): AuditEntry {
  const text = (value: string): string => (value.length > maxText ? `${value.slice(0, maxText - 1)}…` : value).replaceAll("\0", "\uFFFD").toWellFormed();
  const { time, actor, action, object, result, requestId, detail } = entry;
  return { time, actor: text(actor), action: text(action), object: text(object), result, requestId: text(requestId), detail };
}
