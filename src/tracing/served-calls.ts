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

/** What its caller can tell of it where nothing names it: LangChain's streams have neither the answer's id nor a span that the call continues. */
export interface ServedCallFigures {
  /** As it was asked for; null for a model that was asked for by itself. */
  route: string | null;
  target: { provider: string; model: string } | null;
  inputTokens: number | null;
  outputTokens: number | null;
  /** Milliseconds since 1970. */
  start: number;
  end: number;
}

/** A span that may tell of a call: its trace, and the same figures. */
export interface ServedCallSpan extends Omit<ServedCallFigures, "route" | "target"> {
  traceId: string;
  spanId: string;
  /** The names that it has for the model. */
  models: readonly string[];
}

interface FiguredCall {
  call: ServedCall;
  figures: ServedCallFigures;
  /** Its caller named a span: all that its program tells of it stands in its trace. */
  isContinued: boolean;
  /** The one span that it was taken for. */
  span: string | null;
}

/** Whose span it may be: one of the call's team, or one that was sent by who called. */
export interface ServedCallOwner {
  team: string;
  /** Actor of who sent the span. */
  sender: string;
}

/** Of each kind of name; half of them at least. */
const mostCalls = 100_000;
/** Known by their figures: what its caller tells of a call comes within seconds. */
const mostFigured = 20_000;
/** With the same figures. */
const mostAlike = 32;
/** Between the clocks of two machines, where the span has the name of a route for the model, which no provider knows; less where the call may as well have gone to the provider itself. Milliseconds. */
const [mostSkew, leastSkew] = [250, 20];

/**
 * The last calls that the gateway answered, by what their callers know of them: a caller's own span of such a call tells of nothing new. Older ones are found in their traces. Names are what callers and providers choose: a
 * call of others under the same one neither takes its place nor is shown.
 */
export class ServedCalls {
  readonly #bySpan = new RecentMap<string, ServedCall>(mostCalls);
  readonly #byAnswer = new RecentMap<string, ServedCall>(mostCalls);
  readonly #byFigures = new RecentMap<string, readonly FiguredCall[]>(mostFigured, (_, alike) => alike.length);

  /** Calls that a span was found for by name. */
  readonly #named = new WeakSet<ServedCall>();

  note(call: ServedCall, { parentSpanId, answerId }: ServedCallNames, figures: ServedCallFigures | null = null): void {
    if (parentSpanId !== null) keep(this.#bySpan, `${call.traceId}${parentSpanId}`, call);
    if (answerId !== null) keep(this.#byAnswer, answerId, call);
    if (figures === null || (figures.inputTokens === null && figures.outputTokens === null)) return;
    const key = figuresKey(figures);
    const known: FiguredCall = { call, figures, isContinued: parentSpanId !== null, span: null };
    const alike = this.#byFigures.get(key);
    if (alike === undefined) this.#byFigures.add(key, [known]);
    else this.#byFigures.set(key, [...alike.slice(1 - mostAlike), known]);
  }

  /** The owner's call whose caller's span is this one. */
  below(owner: ServedCallOwner, traceId: string, spanId: string): ServedCall | undefined {
    return this.#name(find(this.#bySpan, traceId + spanId, owner));
  }

  withAnswer(owner: ServedCallOwner, answerId: string): ServedCall | undefined {
    return this.#name(find(this.#byAnswer, answerId, owner));
  }

  /** The owner's call of this model that used as many tokens within the span's time. A call is taken for one such span alone, and for none where another names it. */
  alike({ team, sender }: ServedCallOwner, span: ServedCallSpan): ServedCall | undefined {
    const name = span.traceId + span.spanId;
    const isLike = ({ call, figures, isContinued }: FiguredCall): boolean =>
      (call.team === team || call.actor === sender) && (isContinued ? call.traceId === span.traceId : !this.#named.has(call)) && span.models.some((model) => isWithin(figures, span, skewOf(figures, model)));
    const alike = (this.#byFigures.get(figuresKey(span)) ?? []).filter(isLike);
    const found = alike.find((known) => known.span === name) ?? alike.find((known) => known.span === null);
    if (found !== undefined) found.span = name;
    return found?.call;
  }

  #name(call: ServedCall | undefined): ServedCall | undefined {
    if (call !== undefined) this.#named.add(call);
    return call;
  }
}

function figuresKey({ inputTokens, outputTokens }: Pick<ServedCallFigures, "inputTokens" | "outputTokens">): string {
  return `${inputTokens ?? 0}/${outputTokens ?? 0}`;
}

/** Null where the call was of another model. Providers may name the version that answered. */
function skewOf({ route, target }: ServedCallFigures, name: string): number | null {
  const isTarget = target !== null && (name === target.model || name === `${target.provider}/${target.model}` || name.startsWith(`${target.model}-`));
  if (isTarget) return leastSkew;
  // LiteLLM has OpenAI's protocol before the name.
  return route !== null && (name === route || name.endsWith(`/${route}`)) ? mostSkew : null;
}

function isWithin(figures: ServedCallFigures, span: ServedCallSpan, skew: number | null): boolean {
  return skew !== null && figures.start >= span.start - skew && figures.end <= span.end + skew;
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
