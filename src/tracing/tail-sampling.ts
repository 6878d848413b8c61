import { ChurnMap } from "../core/churn-map.ts";
import { RecentMap } from "../core/recent-map.ts";
import { charactersOfSpan, mostWaitingCharacters } from "./bounded-span.ts";
import type { EndedTrace } from "./span-sink.ts";
import type { SpanRecord } from "./stored-span.ts";

export interface SamplingRules {
  /** Part of the traces that is kept, 0 to 1, by team and by `route:` with the name of a route (attribute slipway.route); `*` for the rest. */
  rates: ReadonlyMap<string, number>;
  /** Traces that took longer are always kept. Milliseconds. */
  slowMs: number;
  /** Spans that wait for the end of their trace, at most. */
  maxWaiting: number;
  /** Of these spans together, about. */
  maxWaitingCharacters?: number;
}

interface Waiting {
  records: SpanRecord[];
  characters: number;
}

/** Verdicts that are remembered at most, for spans that come after their root. */
const mostVerdicts = 100_000;

/**
 * Decides which traces are kept, when their root has ended: those that failed or were slow always, of the others a part. Which part follows from the trace's id, so
 * that every server decides alike. Spans of traces that are not chosen wait for their root in memory, within a bound: beyond, the oldest are let go.
 */
export class TailSampling {
  readonly #rules: SamplingRules;
  readonly #waiting = new ChurnMap<string, Waiting>();
  readonly #verdicts = new RecentMap<string, boolean>(mostVerdicts);
  readonly #maxCharacters: number;
  #count = 0;
  #characters = 0;
  #dropped = 0;

  constructor(rules: SamplingRules) {
    this.#rules = rules;
    this.#maxCharacters = rules.maxWaitingCharacters ?? mostWaitingCharacters;
  }

  /** Spans that were let go, as not chosen or for want of room. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Whether a trace is let go whose root has ended and whose spans are still to be made, `spans` of them. Decides as `take` would, and remembers it for spans of it that come later. */
  passesOver({ team, traceId, route, failed, duration }: EndedTrace, spans: number): boolean {
    if (failed || duration > this.#rules.slowMs) return false;
    const rate = this.#rateFor(team, route);
    if (rate >= 1 || chosenBelow(traceId, rate)) return false;
    const key = `${traceId} ${team}`;
    const verdict = this.#verdicts.get(key);
    if (verdict === true) return false;
    this.#dropped += this.#release(key).length + spans;
    if (verdict === undefined) this.#verdicts.add(key, false);
    return true;
  }

  /** Answers with the spans that are to be written now, in the order of their traces. */
  take(records: readonly SpanRecord[]): readonly SpanRecord[] {
    if (this.#keepsAll(records)) return records;
    const kept: SpanRecord[] = [];
    const keyOf = ({ team, span }: SpanRecord): string => `${span.traceId} ${team}`;
    // Some send the root before what failed in it.
    const remarkable = new Set(records.filter((record) => this.#isRemarkable(record)).map(keyOf));
    for (const record of records) {
      const key = keyOf(record);
      if (remarkable.has(key) || this.#isChosen(record) || this.#verdicts.get(key) === true) {
        kept.push(...this.#release(key), record);
        this.#verdicts.set(key, true);
      } else if (this.#verdicts.get(key) === false) this.#dropped++;
      else if (record.span.parentSpanId === null && record.span.end !== null) {
        this.#dropped += this.#release(key).length + 1;
        this.#verdicts.set(key, false);
      } else this.#wait(key, record);
    }
    return kept;
  }

  #keepsAll(records: readonly SpanRecord[]): boolean {
    return this.#waiting.size === 0 && this.#verdicts.size === 0 && records.every((record) => this.#rateOf(record) >= 1);
  }

  #rateOf({ team, span }: SpanRecord): number {
    const route = span.attributes["slipway.route"];
    return this.#rateFor(team, typeof route === "string" ? route : null);
  }

  #rateFor(team: string, route: string | null): number {
    const { rates } = this.#rules;
    if (rates.size === 0) return 1;
    return (route === null ? undefined : rates.get(`route:${route}`)) ?? rates.get(team) ?? rates.get("*") ?? 1;
  }

  #isChosen(record: SpanRecord): boolean {
    const rate = this.#rateOf(record);
    return rate >= 1 || chosenBelow(record.span.traceId, rate);
  }

  #isRemarkable({ span }: SpanRecord): boolean {
    return span.status.code === "error" || (span.end !== null && Number(span.end - span.start) / 1e6 > this.#rules.slowMs);
  }

  #wait(key: string, record: SpanRecord): void {
    const waiting = this.#waiting.get(key);
    const characters = charactersOfSpan(record.span);
    if (waiting === undefined) this.#waiting.set(key, { records: [record], characters });
    else {
      waiting.records.push(record);
      waiting.characters += characters;
    }
    this.#count++;
    this.#characters += characters;
    while (this.#count > this.#rules.maxWaiting || this.#characters > this.#maxCharacters) {
      const oldest = this.#waiting.keys().next().value!;
      this.#dropped += this.#release(oldest).length;
      this.#verdicts.set(oldest, false);
    }
  }

  #release(key: string): readonly SpanRecord[] {
    if (this.#waiting.size === 0) return [];
    const waiting = this.#waiting.get(key);
    if (waiting === undefined) return [];
    this.#waiting.delete(key);
    this.#count -= waiting.records.length;
    this.#characters -= waiting.characters;
    return waiting.records;
  }
}

/** The last 56 bits of the id are random, as W3C Trace Context has it. */
function chosenBelow(traceId: string, rate: number): boolean {
  return rate > 0 && Number.parseInt(traceId.slice(-12), 16) / 2 ** 48 < rate;
}

/** Reads `0.1`, `blue=0.5`, `route:chat=1`. Throws RangeError for anything else. */
export function samplingRates(texts: readonly string[]): Map<string, number> {
  return new Map(texts.map((text) => {
    const [, name = "*", number] = /^(?:(.+)=)?([01](?:\.\d+)?|\.\d+)$/.exec(text.trim()) ?? [];
    const rate = Number(number);
    if (number === undefined || rate > 1) throw new RangeError(`${text} is no part between 0 and 1.`);
    return [name, rate];
  }));
}
