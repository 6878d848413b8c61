import type { StoredSpan } from "./stored-span.ts";
import type { TraceKey, TraceStore } from "./trace-store.ts";

/** Of one trace, as many as are shown of it. */
const mostSpans = 10_000;
/** All that a call cost, on its own span: what is summed of a trace stands on those of its attempts. A call without attempts, and those of former releases, have the second. */
const costKeys = ["slipway.call_cost_nano_dollars", "slipway.cost_nano_dollars"] as const;

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
    const attributes = spans.find(({ attributes: own }) => own["slipway.route"] !== undefined && own["gen_ai.response.id"] === answerId)?.attributes ?? {};
    const actor = attributes["slipway.actor"];
    const cost = costKeys.map((key) => attributes[key]).find((told) => told !== undefined);
    costed.set(answerId, { ...key, ...(typeof actor === "string" ? { actor } : {}), ...(typeof cost === "number" ? { cost } : {}) });
  }
  return costed;
}
