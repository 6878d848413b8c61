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

/** Whose span it may be: one of the call's team, or one that was sent by who called. */
export interface ServedCallOwner {
  team: string;
  /** Actor of who sent the span. */
  sender: string;
}

/** Of each kind of name; half of them at least. */
const mostCalls = 100_000;

/**
 * The last calls that the gateway answered, by what their callers know of them: a caller's own span of such a call tells of nothing new. Older ones are found in their traces. Names are what callers and providers choose: a
 * call of others under the same one neither takes its place nor is shown.
 */
export class ServedCalls {
  readonly #bySpan = new RecentMap<string, ServedCall>(mostCalls);
  readonly #byAnswer = new RecentMap<string, ServedCall>(mostCalls);

  note(call: ServedCall, { parentSpanId, answerId }: ServedCallNames): void {
    if (parentSpanId !== null) keep(this.#bySpan, `${call.traceId}${parentSpanId}`, call);
    if (answerId !== null) keep(this.#byAnswer, answerId, call);
  }

  /** The owner's call whose caller's span is this one. */
  below(owner: ServedCallOwner, traceId: string, spanId: string): ServedCall | undefined {
    return find(this.#bySpan, traceId + spanId, owner);
  }

  withAnswer(owner: ServedCallOwner, answerId: string): ServedCall | undefined {
    return find(this.#byAnswer, answerId, owner);
  }
}

/** Who comes second under a name is found by the name with who that is: hardly any is, so that others are kept once. */
function keep(calls: RecentMap<string, ServedCall>, name: string, call: ServedCall): void {
  const first = calls.get(name);
  if (first === undefined) return calls.add(name, call);
  if (first.team === call.team && first.actor === call.actor) return void calls.set(name, call);
  calls.set(ownName(name, "team", call.team), call);
  calls.set(ownName(name, "actor", call.actor), call);
}

function find(calls: RecentMap<string, ServedCall>, name: string, { team, sender }: ServedCallOwner): ServedCall | undefined {
  const first = calls.get(name);
  if (first === undefined) return undefined;
  return calls.get(ownName(name, "actor", sender)) ?? calls.get(ownName(name, "team", team)) ?? (first.team === team || first.actor === sender ? first : undefined);
}

function ownName(name: string, kind: "team" | "actor", of: string): string {
  return JSON.stringify([kind, of, name]);
}
