import { epochMs, type EpochMs } from "../core/clock.ts";
import type { Logger } from "../core/logger.ts";
import type { AuditEntry } from "./audit-log.ts";

/** Denials of one caller that are written down whole in a minute; those beyond are counted. */
const wholePerMinute = 100;
const minuteMs = 60_000;
/** Callers whose denials are watched at once; of one more, the first is summed up early. */
const maxActors = 10_000;

/** What one caller was denied in a minute. Its end is set by the first tick that sees it: times of entries go back and forth, as requests take longer or shorter. */
interface Minute {
  endsAt: EpochMs | undefined;
  whole: number;
  counted: number;
  from: EpochMs;
  to: EpochMs;
  /** Counted ones by what was tried; operations are as many as there are routes. */
  actions: Map<string, number>;
}

/** Keeps a caller with a key from filling the disk with denials: what is not written whole is in one entry per minute and caller. */
export class DenialCounts {
  readonly #write: (entry: AuditEntry) => void;
  readonly #logger: Logger;
  readonly #minutes = new Map<string, Minute>();

  constructor(parts: { write: (summary: AuditEntry) => void; logger: Logger }) {
    this.#write = parts.write;
    this.#logger = parts.logger;
  }

  /** Whether the denial is to be written whole; else it was counted. */
  take({ actor, action, time }: AuditEntry): boolean {
    let minute = this.#minutes.get(actor);
    if (minute === undefined) {
      const [first] = this.#minutes.keys();
      if (this.#minutes.size >= maxActors) this.#end(first!);
      minute = { endsAt: undefined, whole: 0, counted: 0, from: time, to: time, actions: new Map() };
      this.#minutes.set(actor, minute);
    }
    if (minute.whole < wholePerMinute) {
      minute.whole++;
      return true;
    }
    // A process that is killed takes its counts along: this says that there were some.
    if (minute.counted === 0) this.#logger.warn("audit.denials_counted", { actor });
    minute.from = minute.counted === 0 ? time : epochMs(Math.min(minute.from, time));
    minute.to = minute.counted === 0 ? time : epochMs(Math.max(minute.to, time));
    minute.counted++;
    minute.actions.set(action, (minute.actions.get(action) ?? 0) + 1);
    return false;
  }

  /** Sums up the minutes that are over. */
  tick(now: EpochMs): void {
    for (const [actor, minute] of this.#minutes) {
      minute.endsAt ??= epochMs(now + minuteMs);
      // A clock that was set back must not make a minute longer.
      if (now >= minute.endsAt || minute.endsAt - now > minuteMs) this.#end(actor);
    }
  }

  /** Sums up everything. */
  flush(): void {
    for (const actor of [...this.#minutes.keys()]) this.#end(actor);
  }

  #end(actor: string): void {
    const { counted: count, from, to, actions } = this.#minutes.get(actor)!;
    this.#minutes.delete(actor);
    if (count === 0) return;
    const detail = { count, from, to, actions: Object.fromEntries(actions), reason: "More came in a minute than are kept one by one." };
    this.#write({ time: to, actor, action: "audit.coalesced", object: "", result: "denied", requestId: "", detail });
  }
}
