import { RecentMap } from "../core/recent-map.ts";
import type { ModelCall } from "./model-call.ts";
import type { StoredSpan } from "./stored-span.ts";

/** A call that a span told of. */
interface ToldCall {
  span: Pick<StoredSpan, "traceId" | "spanId" | "start" | "end" | "scope">;
  call: ModelCall;
  answerId: string | null;
}

/** Spans above calls, and calls: half of them at least. */
const mostSpans = 20_000;
/** With the same figures in one trace. */
const mostAlike = 32;
/** What one library takes longer than another to see that a call is over, and a log of the end may come after it. Nanoseconds. */
const tolerance = 250_000_000n;

/**
 * The last calls of models that spans told of: programs that are traced by two libraries tell of each call twice, in what they send together or one after the other. Anthropic's client makes spans of its own wherever
 * OpenTelemetry is installed, beside those of an instrumentation.
 */
export class ToldCalls {
  readonly #covering = new RecentMap<string, true>(mostSpans);
  readonly #byAnswer = new RecentMap<string, ToldCall>(mostSpans);
  readonly #byFigures = new RecentMap<string, readonly ToldCall[]>(mostSpans, (_, alike) => alike.length);

  /** True for a span that stands above a call of a model which was told before: it sums that call up. */
  covers(team: string, span: StoredSpan): boolean {
    return this.#covering.get(`${team}\n${span.traceId}${span.spanId}`) !== undefined;
  }

  /** That a call is told of below this span. */
  covered(team: string, traceId: string, spanId: string): void {
    this.#covering.set(`${team}\n${traceId}${spanId}`, true);
  }

  /**
   * The span that told of the same call before, and the trace in which it stands; null for the first one, which is remembered. The same call has the same answer and time; where one of the two tells no answer, they are spans of
   * two libraries in one trace, which tell the same of it at the same time.
   */
  twinOf(team: string, span: StoredSpan, call: ModelCall, answerId: string | null): ToldCall["span"] | null {
    const { traceId, spanId, start, end, scope } = span;
    const isSame = (told: ToldCall): boolean => told.span.traceId === traceId && told.span.spanId === spanId;
    const answerKey = `${team}\n${answerId}`;
    const byAnswer = answerId === null ? undefined : this.#byAnswer.get(answerKey);
    if (byAnswer !== undefined && !isSame(byAnswer) && areAtOnce(byAnswer.span, span)) return byAnswer.span;
    const { inputTokens, outputTokens } = call.usage;
    const figuresKey = `${team}\n${traceId}${inputTokens ?? 0}/${outputTokens ?? 0}`;
    const alike = this.#byFigures.get(figuresKey) ?? [];
    const byFigures = alike.find((told) => (told.answerId === null || answerId === null) && told.span.scope.name !== scope.name && areAtOnce(told.span, span) && call.models.some((name) => told.call.models.includes(name)));
    if (byFigures !== undefined) return byFigures.span;
    const told: ToldCall = { span: { traceId, spanId, start, end, scope }, call, answerId };
    // Some servers give all their answers one id: the last one counts.
    if (answerId !== null) this.#byAnswer.set(answerKey, told);
    this.#byFigures.set(figuresKey, [...alike.filter((other) => !isSame(other)), told].slice(-mostAlike));
    return null;
  }
}

function areAtOnce(one: ToldCall["span"], other: ToldCall["span"]): boolean {
  return one.start <= (other.end ?? other.start) + tolerance && other.start <= (one.end ?? one.start) + tolerance;
}
