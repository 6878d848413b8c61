import type { StoredSpan } from "./stored-span.ts";
import type { TraceKey, TraceStore } from "./trace-store.ts";

/** Of one trace, as many as are shown of it. */
const mostSpans = 10_000;
const costKey = "slipway.cost_nano_dollars";

/** A call of the gateway whose span is kept; `actor` is who called. */
export type AnsweredCall = TraceKey & { actor?: string; cost?: number };

/**
 * The gateway's calls by the ids of their answers, each with what the gateway's own span says that it cost: that is the ledger's figure, of rates that a caller's span has no words for, such as those of what is kept in a
 * cache for an hour. Without a cost where the span tells none.
 */
export async function answeredCosts(store: Pick<TraceStore, "answered" | "spans">, answerIds: readonly string[]): Promise<Map<string, AnsweredCall>> {
  const found = await store.answered(answerIds);
  const traces = new Map<string, readonly StoredSpan[]>();
  const costed = new Map<string, AnsweredCall>();
  for (const [answerId, key] of found) {
    const name = JSON.stringify([key.team, key.traceId]);
    const spans = traces.get(name) ?? (await store.spans(key, mostSpans));
    traces.set(name, spans);
    const { [costKey]: cost, "slipway.actor": actor } = spans.find(({ attributes }) => attributes["slipway.route"] !== undefined && attributes["gen_ai.response.id"] === answerId)?.attributes ?? {};
    costed.set(answerId, { ...key, ...(typeof actor === "string" ? { actor } : {}), ...(typeof cost === "number" ? { cost } : {}) });
  }
  return costed;
}
