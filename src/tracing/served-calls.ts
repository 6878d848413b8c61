import { RecentMap } from "../core/recent-map.ts";

/** A call that the gateway of this server has answered. */
export interface ServedCall {
  traceId: string;
  team: string;
  /** Who called. */
  actor: string;
  /** Billionths of a US dollar; null where its price is not known. */
  cost: number | null;
}

/** What its caller can know it by. */
export interface ServedCallNames {
  /** The span that the caller named as its parent; null where it named none. */
  parentSpanId: string | null;
  /** Of the answer, as the caller got it; null where there was none. */
  answerId: string | null;
}

/** Of each kind of name; half of them at least. */
const mostCalls = 100_000;

/** The last calls that the gateway answered, by what their callers know of them: a caller's own span of such a call tells of nothing new. Older ones are found in their traces. */
export class ServedCalls {
  readonly #bySpan = new RecentMap<string, ServedCall>(mostCalls);
  readonly #byAnswer = new RecentMap<string, ServedCall>(mostCalls);

  note(call: ServedCall, { parentSpanId, answerId }: ServedCallNames): void {
    if (parentSpanId !== null) this.#bySpan.set(`${call.traceId}${parentSpanId}`, call);
    if (answerId !== null) this.#byAnswer.set(answerId, call);
  }

  /** The call whose caller's span is this one. */
  below(traceId: string, spanId: string): ServedCall | undefined {
    return this.#bySpan.get(traceId + spanId);
  }

  withAnswer(answerId: string): ServedCall | undefined {
    return this.#byAnswer.get(answerId);
  }
}
