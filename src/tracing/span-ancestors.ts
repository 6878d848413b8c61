import { RecentMap } from "../core/recent-map.ts";
import { ownersOf } from "./span-facts.ts";
import type { StoredSpan } from "./stored-span.ts";
import type { SpanName } from "./trace-store.ts";

/** What a call is a part of. Null where nobody said. */
export interface SpanWhole {
  session: string | null;
  agentRun: string | null;
}

/** What an entry of the ledger was a part of, as spans told that came after it. */
export interface LateWhole extends SpanWhole {
  entry: string;
}

/** A span that entries wait for. */
interface Sought {
  name: SpanName;
  /** Monotonic milliseconds. */
  dueAt: number;
  waitMs: number;
}

/** After that a span is looked for once more, then after twice as long each time: a parent that comes late is found after at most as long again. */
const firstWaitMs = 2000;
/** For about an hour. */
const longestWaitMs = firstWaitMs << 10;

/** Spans that are remembered, and entries that wait for one that is not there yet: half of them at least. */
const [mostSpans, mostWaiting] = [20_000, 20_000];
/** For one span. */
const mostWaitingForOne = 256;
/** Spans above one that are looked at: who sends more, or a circle, is not followed. */
const mostSteps = 64;
const longestName = 200;

/**
 * What is above a call, as far as its spans have come: which session and which agent's run it belongs to, seldom stands on the call itself. Spans come in any order, most parents after their children: what an entry was made without is
 * told when the parent comes. The nearest that says it counts.
 */
export class SpanAncestors {
  readonly #spans = new RecentMap<string, SpanWhole & { parentSpanId: string | null }>(mostSpans);
  readonly #waiting = new RecentMap<string, readonly LateWhole[]>(mostWaiting, (_, waiting) => waiting.length);

  /** Spans that entries wait for, and that may have come to another server. Null where there is none. */
  readonly #sought: Map<string, Sought> | null;

  constructor({ severalServers = false }: { severalServers?: boolean } = {}) {
    this.#sought = severalServers ? new Map() : null;
  }

  /** At most so many of the spans that entries wait for, whose turn it is to be looked for where other servers write to. */
  missing(now: number, most: number): SpanName[] {
    const due: SpanName[] = [];
    for (const [key, sought] of this.#sought ?? []) {
      if (due.length === most) break;
      if (sought.dueAt > now) continue;
      if (this.#waiting.get(key) === undefined || sought.waitMs > longestWaitMs) {
        this.#sought!.delete(key);
        continue;
      }
      sought.dueAt = now + sought.waitMs;
      sought.waitMs *= 2;
      due.push(sought.name);
    }
    return due;
  }

  /** Answers with what is known now of entries that waited for these. */
  note(team: string, spans: readonly StoredSpan[]): LateWhole[] {
    for (const span of spans) this.#spans.set(keyOf(team, span.traceId, span.spanId), { parentSpanId: span.parentSpanId, session: ownersOf(span).session, agentRun: agentRunOf(span) });
    const late: LateWhole[] = [];
    for (const { traceId, spanId } of spans) {
      const key = keyOf(team, traceId, spanId);
      const waiting = this.#waiting.get(key);
      if (waiting === undefined) continue;
      this.#waiting.delete(key);
      this.#sought?.delete(key);
      for (const before of waiting) {
        const { session, agentRun } = this.#wholeOf(team, traceId, spanId, before);
        if (session !== before.session || agentRun !== before.agentRun) late.push({ entry: before.entry, session, agentRun });
      }
    }
    return late;
  }

  /** Of a span that was noted; what is missing of its entry is told by `note` when it comes. */
  wholeOf(team: string, { traceId, spanId }: StoredSpan, entry: string): SpanWhole {
    return this.#wholeOf(team, traceId, spanId, { entry, session: null, agentRun: null });
  }

  #wholeOf(team: string, traceId: string, from: string, { entry, ...told }: LateWhole): SpanWhole {
    let whole: SpanWhole = told;
    let above: string | null = from;
    for (let step = 0; step < mostSteps && above !== null && (whole.session === null || whole.agentRun === null); step++) {
      const key = keyOf(team, traceId, above);
      const span = this.#spans.get(key);
      if (span === undefined) {
        const others = this.#waiting.get(key) ?? [];
        if (this.#sought !== null && this.#sought.size < mostWaiting && !this.#sought.has(key)) this.#sought.set(key, { name: { team, traceId, spanId: above }, dueAt: 0, waitMs: firstWaitMs });
        if (others.length < mostWaitingForOne) this.#waiting.set(key, [...others.filter((other) => other.entry !== entry), { entry, ...whole }]);
        break;
      }
      whole = { session: whole.session ?? span.session, agentRun: whole.agentRun ?? span.agentRun };
      above = span.parentSpanId;
    }
    return whole;
  }
}

/** As the program names it, else the agent with the id of the span that invoked it: an agent's own id is the same in all its runs. */
function agentRunOf({ attributes, name, spanId }: StoredSpan): string | null {
  const told = attributes["slipway.agent_run"];
  if (typeof told === "string" && told !== "") return told.slice(0, longestName);
  if (attributes["gen_ai.operation.name"] !== "invoke_agent") return null;
  const agent = [attributes["gen_ai.agent.name"], attributes["gen_ai.agent.id"], name].find((text) => typeof text === "string" && text !== "") as string | undefined;
  return `${(agent ?? "").slice(0, longestName)}/${spanId}`;
}

function keyOf(team: string, traceId: string, spanId: string): string {
  return `${team}\n${traceId}${spanId}`;
}
