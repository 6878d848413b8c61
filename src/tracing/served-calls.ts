/** A call that the gateway of this server has answered. */
export interface ServedCall {
  traceId: string;
  team: string;
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

const mostCalls = 50_000;

/** The last calls that the gateway answered, by what their callers know of them: a caller's own span of such a call tells of nothing new. Older ones are found in their traces. */
export class ServedCalls {
  readonly #bySpan = new Map<string, ServedCall>();
  readonly #byAnswer = new Map<string, ServedCall>();

  note(call: ServedCall, { parentSpanId, answerId }: ServedCallNames): void {
    if (parentSpanId !== null) keep(this.#bySpan, `${call.traceId}${parentSpanId}`, call);
    if (answerId !== null) keep(this.#byAnswer, answerId, call);
  }

  /** The call whose caller's span is this one. */
  below(traceId: string, spanId: string): ServedCall | undefined {
    return this.#bySpan.get(traceId + spanId);
  }

  withAnswer(answerId: string): ServedCall | undefined {
    return this.#byAnswer.get(answerId);
  }
}

/** The oldest goes when there are too many. */
function keep(calls: Map<string, ServedCall>, key: string, call: ServedCall): void {
  calls.set(key, call);
  if (calls.size > mostCalls) calls.delete(calls.keys().next().value!);
}
