import { createHash } from "node:crypto";
import { epochMs, type EpochMs } from "../core/clock.ts";
import { billedTokens, costOf as costOfTokens, type EntryWhole, type LedgerEntry, type Price, toldTier, type PriceBook } from "../ledger/index.ts";
import type { AnsweredCall } from "./answered-costs.ts";
import { answerIdOf, modelCallOf, type ModelCall } from "./model-call.ts";
import type { ServedCall, ServedCalls, ServedCallSpan } from "./served-calls.ts";
import { SpanAncestors, type SpanWhole } from "./span-ancestors.ts";
import { costOf, ownersOf } from "./span-facts.ts";
import type { Attributes } from "./span.ts";
import type { StoredSpan } from "./stored-span.ts";
import { ToldCalls } from "./told-calls.ts";
import type { KeptSpan, SpanName } from "./trace-store.ts";

export interface SpanCostParts {
  prices: Pick<PriceBook, "priceOf">;
  /** Answers when the entry survives the death of this process. Never rejects. */
  record(entry: LedgerEntry): Promise<void>;
  /** Says of entries that were recorded before to which session and agent's run they belong. */
  complete(entries: readonly EntryWhole[]): void;
  served: Pick<ServedCalls, "below" | "withAnswer" | "alike">;
  /** Of these spans those that are kept; undefined where no other server keeps spans. */
  kept?: ((names: readonly SpanName[]) => Promise<readonly KeptSpan[]>) | undefined;
  /** Of these ids of answers, those of calls of the gateway whose spans are kept, and in which trace. */
  answered(answerIds: readonly string[]): Promise<ReadonlyMap<string, AnsweredCall>>;
}

/** Who sent spans, and whose they are. */
export interface SpansOf {
  team: string;
  experiment?: string | undefined;
  /** Actor of the sender. */
  sender: string;
}

/** The gateway's call that a span tells of: found in memory with its cost, or in its trace. */
type Answered = Pick<ServedCall, "team" | "traceId"> & { actor?: string; cost?: number | null };

/** A span with what is known of its cost. */
export interface CostedSpan {
  span: StoredSpan;
  /** False where another span of the same trace tells of the same call: its tokens and cost are in the sums once. */
  counts: boolean;
}

/** Version of the price of what a program told the cost of. */
const reported = "reported";
const costKey = "slipway.cost_nano_dollars";
/** Id of the ledger's entry that a span has. */
const entryKey = "slipway.ledger_entry";
const nanosecondsInMs = 1_000_000n;
const spanIdLength = 16;
/** Spans that are looked for with one statement. */
const soughtAtOnce = 32;
/** Such statements one after the other; the others are for the next time. */
const mostLooks = 64;
/** A million US dollars. */
const mostCost = 1e15;

/** Kinds of providers of the price table, by the names that the conventions and their dialects have for them. */
const kinds: Readonly<Record<string, string>> = {
  openai: "openai", "azure.ai.openai": "azure", "azure.ai.inference": "azure", azure: "azure", anthropic: "anthropic", "gcp.gemini": "gemini", "gcp.vertex_ai": "gemini", "gcp.gen_ai": "gemini", google: "gemini", gemini: "gemini", google_genai: "gemini",
  "aws.bedrock": "bedrock", bedrock: "bedrock", mistral_ai: "mistral", mistralai: "mistral", mistral: "mistral", cohere: "cohere", ollama: "ollama",
};
/** Programs that name themselves where the provider belongs: the model says whose it is. */
const frameworks: ReadonlySet<string> = new Set(["strands-agents", "gcp.vertex.agent", "langgraph", "langchain", "litellm", "crewai", "autogen", "semantic_kernel", "llama_index", "haystack", "agno", "pydantic_ai"]);
/** Names of models say whose they are: no two of these have one of the same name. */
const kindsOfModels = ["openai", "anthropic", "gemini", "mistral", "cohere", "bedrock"] as const;

/**
 * Prices calls of models that other programs made and sent as spans, and writes them to the ledger. What this server's gateway answered is in the ledger already: the caller's own span of it is known by
 * being the parent of the gateway's, in one step or several, or by the id of the answer; it is a span of the call's team, or was sent by who called. Others may tell what they like of a call: what it cost is not shown to them, and theirs
 * is a call of its own.
 */
export class SpanCosts {
  readonly #parts: SpanCostParts;
  readonly #ancestors: SpanAncestors;
  readonly #told = new ToldCalls();
  /** Entries on their way into the ledger, which completes only what it has. */
  readonly #recording = new Map<string, Promise<void>>();

  constructor(parts: SpanCostParts) {
    this.#parts = parts;
    this.#ancestors = new SpanAncestors({ severalServers: parts.kept !== undefined });
  }

  /** Completes entries whose parents have come to another server; `now` is monotonic. Rejects when the database fails. */
  async lookElsewhere(now: number): Promise<void> {
    // What is found may have a parent that is elsewhere too.
    for (let times = 0; times < mostLooks; times++) {
      const names = this.#ancestors.missing(now, soughtAtOnce);
      if (names.length === 0) return;
      const found = (await this.#parts.kept?.(names)) ?? [];
      for (const { team, span } of found) this.#note(team, [span]);
    }
  }

  /** The same spans in the same order, those that were priced with their cost. Entries of the ledger survive the death of this process when it has answered. */
  async take(of: SpansOf, spans: readonly StoredSpan[]): Promise<readonly CostedSpan[]> {
    this.#note(of.team, spans);
    const calls = spans.map(modelCallOf);
    const below = ({ traceId, spanId }: StoredSpan): Answered | null => this.#parts.served.below(of, traceId, spanId) ?? null;
    const covering = this.#coveringSpans(of, spans, calls, below);
    if (calls.every((call) => call === null)) return spans.map((span) => ({ span, counts: true }));
    const ids = spans.map((span, index) => (calls[index] === null ? null : answerIdOf(span)));
    const served = await this.#served(of, spans, { calls, ids, covering }, below);
    const entries: Promise<void>[] = [];
    const costed = spans.map((span, index): CostedSpan => {
      const call = calls[index]!;
      if (call === null) return { span, counts: true };
      const told = served[index] ?? null;
      const isCovering = covering.has(keyOf(span));
      const isInTrace = told !== null && told.traceId === span.traceId && told.team === of.team;
      const { price, model, provider } = this.#priceOf(call, timeOf(span));
      const own = reportedCost(span);
      const { usage } = call;
      const twin = isCovering || isInTrace ? null : this.#told.twinOf(of.team, span, call, ids[index]!);
      const counts = !isCovering && !isInTrace && twin?.traceId !== span.traceId;
      if (told !== null && (told.cost === null || (isInTrace && told.cost === undefined))) return { span: withoutCost(span), counts };
      const cost = own ?? told?.cost ?? (price === null ? null : costOfTokens(price, billedTokens(usage), usage.inputTokens ?? 0, { tier: tierOf(span) }));
      const priced = own !== null || cost === null ? span : withOwn(span, costKey, cost);
      if (told !== null || isCovering || twin !== null) return { span: priced, counts };
      const id = entryIdOf(of, span);
      const entry = entryOf(of, span, id, this.#ancestors.wholeOf(of.team, span, id), { call, model, provider, cost, priceVersion: own === null ? (price?.version ?? null) : reported });
      entries.push(this.#record(entry));
      return { span: withOwn(priced, entryKey, entry.id), counts };
    });
    await Promise.all(entries);
    return costed;
  }

  #note(team: string, spans: readonly StoredSpan[]): void {
    const recorded: EntryWhole[] = [];
    for (const { entry: id, ...whole } of this.#ancestors.note(team, spans)) {
      const recording = this.#recording.get(id);
      if (recording === undefined) recorded.push({ id, ...whole });
      else void recording.then(() => this.#parts.complete([{ id, ...whole }]));
    }
    this.#parts.complete(recorded);
  }

  #record(entry: LedgerEntry): Promise<void> {
    const recording = this.#parts.record(entry).finally(() => {
      if (this.#recording.get(entry.id) === recording) this.#recording.delete(entry.id);
    });
    this.#recording.set(entry.id, recording);
    return recording;
  }

  /** By span, the gateway's call that it tells of; null where it tells of another. */
  async #served(
    of: SpansOf, spans: readonly StoredSpan[], { calls, ids, covering }: { calls: readonly (ModelCall | null)[]; ids: readonly (string | null)[]; covering: ReadonlySet<string> }, below: (span: StoredSpan) => Answered | null,
  ): Promise<(Answered | null)[]> {
    const { served, answered } = this.#parts;
    const found = spans.map((span, index): Answered | null => {
      const call = calls[index]!;
      if (call === null) return null;
      const id = ids[index]!;
      return below(span) ?? (id !== null ? (served.withAnswer(of, id) ?? null) : covering.has(keyOf(span)) ? null : (served.alike(of, figuresOf(span, call)) ?? null));
    });
    const open = [...new Set(ids.filter((id, index) => id !== null && found[index] === null))] as string[];
    if (open.length === 0) return found;
    const elsewhere = await answered(open);
    return found.map((call, index) => call ?? (ids[index] === null ? null : ofSender(of, elsewhere.get(ids[index]!))));
  }

  /** Spans above a call of a model, which was told now or before: programs that are traced twice tell of each call twice, the inner one as it was. */
  #coveringSpans({ team }: SpansOf, spans: readonly StoredSpan[], calls: readonly (ModelCall | null)[], below: (span: StoredSpan) => Answered | null): ReadonlySet<string> {
    const parents = new Map(spans.map((span) => [keyOf(span), span.parentSpanId]));
    const covering = new Set(spans.filter((span) => this.#told.covers(team, span)).map(keyOf));
    const above = [...covering];
    for (const [index, span] of spans.entries()) if (calls[index] !== null || below(span) !== null) above.push(keyOf(span));
    for (const key of above) {
      const traceId = key.slice(0, -spanIdLength);
      for (let at = parents.get(key) ?? null; at !== null; at = parents.get(traceId + at) ?? null) {
        // What is above that was marked before; also the end of a circle.
        if (covering.has(traceId + at)) break;
        covering.add(traceId + at);
        this.#told.covered(team, traceId, at);
      }
    }
    return covering;
  }

  /** Null where no name of the model is known; the names are then those that stand in the entry. */
  #priceOf({ provider, models }: ModelCall, at: EpochMs): { price: Price | null; model: string; provider: string } {
    const { prices } = this.#parts;
    for (const name of models) {
      for (const [kind, by, model] of candidates(provider, name)) {
        const price = prices.priceOf(kind, by, model, at);
        if (price !== null) return { price, model, provider: by };
      }
    }
    return { price: null, model: models[0], provider };
  }
}

/** Kind, provider and model by which a price may be found, the most certain first. `openai/gpt-5` names its provider itself. */
function candidates(provider: string, name: string): [kind: string, provider: string, model: string][] {
  const slash = name.indexOf("/");
  const named = slash > 0 ? name.slice(0, slash) : "";
  const ofName: [string, string, string][] = Object.hasOwn(kinds, named) ? [[kinds[named]!, named, name.slice(slash + 1)]] : [];
  if (provider !== "" && !frameworks.has(provider)) return [[Object.hasOwn(kinds, provider) ? kinds[provider]! : provider, provider, name], ...ofName];
  return [...ofName, ...kindsOfModels.map((kind): [string, string, string] => [kind, kind, name])];
}

function figuresOf(span: StoredSpan, { models, usage: { inputTokens, outputTokens } }: ModelCall): ServedCallSpan {
  return { traceId: span.traceId, spanId: span.spanId, models, inputTokens, outputTokens, start: timeOf(span), end: Number(span.end! / nanosecondsInMs) };
}

function ofSender({ team, sender }: SpansOf, call: Answered | undefined): Answered | null {
  return call !== undefined && (call.team === team || call.actor === sender) ? call : null;
}

function keyOf({ traceId, spanId }: StoredSpan): string {
  return traceId + spanId;
}

function timeOf({ start }: StoredSpan): EpochMs {
  return epochMs(Number(start / nanosecondsInMs));
}

/** How the provider says that it served the call; the second is the name that the conventions had for it before. */
function tierOf({ attributes }: StoredSpan): string | null {
  return toldTier(attributes["openai.response.service_tier"] ?? attributes["gen_ai.openai.response.service_tier"]);
}

/** A cost that nobody would believe is none. */
function reportedCost({ attributes }: StoredSpan): number | null {
  const cost = costOf(attributes);
  return cost === null || cost > mostCost ? null : cost;
}

const costKeys: readonly string[] = [costKey, "gen_ai.usage.cost"];

/** Of a call that the gateway knows no price of: what the span says of it would be in no sum. It goes out again as it came. */
function withoutCost(span: StoredSpan): StoredSpan {
  const isCost = ([key]: [string, unknown]): boolean => costKeys.includes(key);
  const all = Object.entries(span.attributes);
  const sent = all.filter((entry) => isCost(entry) && !span.translated.includes(entry[0]));
  if (!all.some(isCost)) return span;
  return { ...span, attributes: Object.fromEntries(all.filter((entry) => !isCost(entry))), original: { ...span.original, ...Object.fromEntries(sent) }, translated: span.translated.filter((key) => !costKeys.includes(key)) };
}

/** Beside what was sent: it goes out again without. */
function withOwn(span: StoredSpan, key: string, value: string | number): StoredSpan {
  return { ...span, attributes: { ...span.attributes, [key]: value }, translated: [...span.translated, key] };
}

/** The same for a span that comes again: it is one call. */
function entryIdOf({ team }: SpansOf, { traceId, spanId }: StoredSpan): string {
  return `trc_${createHash("sha256").update(`${team}\n${traceId}\n${spanId}`).digest("hex").slice(0, 26)}`;
}

function entryOf(
  { team, experiment, sender }: SpansOf, span: StoredSpan, id: string, whole: SpanWhole,
  { call, model, provider, cost, priceVersion }: { call: ModelCall; model: string; provider: string; cost: number | null; priceVersion: string | null },
): LedgerEntry {
  const { user, service } = ownersOf(span);
  return {
    id, time: timeOf(span), kind: "llm", source: "trace", provider, model, outcome: span.status.code === "error" ? "failed" : "ok", estimated: false, tokens: billedTokens(call.usage), cost, priceVersion,
    totalMs: Number((span.end! - span.start) / 1000n) / 1000, firstByteMs: null,
    attribution: { actor: sender, team, project: textOf(span.resource, "slipway.project") ?? service, route: null, user, ...whole, traceId: span.traceId, tags: experiment === undefined ? {} : { experiment } },
  };
}

function textOf(attributes: Attributes, key: string): string | null {
  const value = attributes[key];
  return typeof value === "string" && value !== "" ? value : null;
}
