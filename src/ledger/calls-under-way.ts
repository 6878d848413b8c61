import type { Clock } from "../core/clock.ts";
import type { CallBegun, CallJournal } from "./call-journal.ts";
import { storableAttribution } from "./storable-entry.ts";

/** A call that is still under way after one to two of these is written down; one that ended by then costs nothing more than its place in a list. */
const turnMs = 20;
const beatMs = 1000;

/** One call from the moment in which it first goes out to a provider. */
export interface UnderWayCall {
  /** Of its entry. */
  readonly id: string;
  /** What is said of it changed, such as the provider that has it. */
  changed(): void;
  /** Its entry is written, or it has none. */
  over(): void;
}

interface Parts {
  journal: Pick<CallJournal, "note">;
  clock: Clock;
  nextId: () => string;
  /** Rings once, later; answers how to call it off. */
  alarm: (milliseconds: number, ring: () => void) => () => void;
}

/**
 * Knows which calls providers work on, and has those written down that take longer than a moment: what they cost must not be forgotten when this process is killed. Nobody waits for it, and what begins and
 * ends within a turn is never written.
 */
export class CallsUnderWay {
  readonly #parts: Parts;
  /** Since the last turn, and since the one before. */
  #young: Call[] = [];
  #older: Call[] = [];
  #ended: string[] = [];
  /** Calls that are written down. */
  #written = 0;
  #cancelTurn: (() => void) | null = null;
  #cancelBeat: (() => void) | null = null;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** `describe` is asked later, where the call is still under way then. */
  begin(describe: (id: string) => CallBegun): UnderWayCall {
    const call = new Call(describe, this.#parts.nextId, this.#changed, this.#over);
    this.#changed(call);
    return call;
  }

  /** Hands what is known to the journal, and sets no more alarms. */
  stop(): void {
    this.#cancelTurn?.();
    this.#cancelBeat?.();
    [this.#cancelTurn, this.#cancelBeat] = [() => undefined, () => undefined];
    this.#note([]);
  }

  readonly #changed = (call: Call): void => {
    this.#young.push(call);
    this.#cancelTurn ??= this.#parts.alarm(turnMs, this.#turn);
  };

  readonly #over = (call: Call): void => {
    if (!call.isWritten) return;
    this.#written--;
    this.#ended.push(call.id);
    this.#cancelTurn ??= this.#parts.alarm(turnMs, this.#turn);
  };

  readonly #turn = (): void => {
    this.#cancelTurn = null;
    const begun: CallBegun[] = [];
    for (const call of this.#older) {
      call.isWaiting = false;
      if (call.describe === null) continue;
      if (!call.isWritten) this.#written++;
      call.isWritten = true;
      const described = call.describe(call.id);
      begun.push({ ...described, attribution: storableAttribution(described.attribution) });
    }
    this.#older = this.#young;
    this.#young = [];
    this.#note(begun);
    if (this.#older.length > 0) this.#cancelTurn = this.#parts.alarm(turnMs, this.#turn);
    if (this.#written > 0) this.#cancelBeat ??= this.#parts.alarm(beatMs, this.#beat);
  };

  readonly #beat = (): void => {
    this.#cancelBeat = null;
    if (this.#written === 0) return;
    const { journal, clock, alarm } = this.#parts;
    journal.note([], [], clock.now());
    this.#cancelBeat = alarm(beatMs, this.#beat);
  };

  #note(begun: readonly CallBegun[]): void {
    const ended = this.#ended;
    if (begun.length === 0 && ended.length === 0) return;
    this.#ended = [];
    this.#parts.journal.note(begun, ended, this.#parts.clock.now());
  }
}

class Call implements UnderWayCall {
  /** Null when it is over, so that nothing of the call is kept. */
  describe: ((id: string) => CallBegun) | null;
  isWritten = false;
  /** To be written by a turn to come. */
  isWaiting = true;
  #id: string | null = null;
  readonly #nextId: () => string;
  readonly #onChange: (call: Call) => void;
  readonly #onOver: (call: Call) => void;

  constructor(describe: (id: string) => CallBegun, nextId: () => string, onChange: (call: Call) => void, onOver: (call: Call) => void) {
    this.describe = describe;
    this.#nextId = nextId;
    this.#onChange = onChange;
    this.#onOver = onOver;
  }

  get id(): string {
    return (this.#id ??= this.#nextId());
  }

  changed(): void {
    if (this.isWaiting || this.describe === null) return;
    this.isWaiting = true;
    this.#onChange(this);
  }

  over(): void {
    if (this.describe === null) return;
    this.describe = null;
    this.#onOver(this);
  }
}
