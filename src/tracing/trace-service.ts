import type { Caller } from "../core/caller.ts";
import type { EpochMs } from "../core/clock.ts";
import { AppError } from "../core/errors.ts";
import type { IdGenerator } from "../core/ids.ts";
import { requireInTeam } from "../core/caller.ts";
import type { Page } from "../core/search-condition.ts";
import { boundedFacts } from "./bounded-facts.ts";
import { boundedSpan, charactersOfSpan } from "./bounded-span.ts";
import { translate } from "./dialects/translate.ts";
import { latestFeedback } from "./latest-feedback.ts";
import type { RunDirectory, TracedService } from "./run-directory.ts";
import type { AddedRow, Feedback, NewFeedback, SpanView, TraceQuery, TraceSession, TraceSummary, TraceView } from "./schemas.ts";
import type { Span } from "./span.ts";
import type { SpanCosts } from "./span-costs.ts";
import type { SpanRedaction } from "./span-redaction.ts";
import { spanViewOf } from "./span-view.ts";
import type { PackedSpans, SpanRecord, StoredSpan } from "./stored-span.ts";
import type { TailSampling } from "./tail-sampling.ts";
import { defaultTeam } from "./trace-access.ts";
import type { FeedbackDraft, WaitingFeedbackStore } from "./waiting-feedback-store.ts";
import { WaitingFeedback } from "./waiting-feedback.ts";
import type { FeedbackSpans, FoundFeedback, StoredTrace, TraceFacts, TraceKey, TracePage, TraceSearch, TraceStore, VisibleTraces } from "./trace-store.ts";

/** Appends one row to a dataset, as its next version. */
export interface DatasetRowAdder {
  /**
   * `unlessIn`: the column whose value of the row must not be in the dataset already, else nothing is added. Throws what adding a version to a dataset throws, NOT_SUPPORTED for one that is no CSV,
   * INVALID_REQUEST for columns that the row does not have.
   */
  addRow(caller: Caller, dataset: string, row: Readonly<Record<string, string>>, unlessIn: string | null, now: EpochMs): Promise<AddedRow>;
}

export interface TraceServiceParts {
  store: TraceStore;
  runs: RunDirectory;
  ids: IdGenerator;
  redaction: SpanRedaction;
  sampling: TailSampling;
  datasets: DatasetRowAdder;
  /** Which teams and experiments a caller sees. */
  visible(caller: Caller): VisibleTraces | Promise<VisibleTraces>;
  /** Whether there is such a team; all are where it is not said. */
  hasTeam?: (team: string) => Promise<boolean>;
  /** Answers when what this server emitted before is written: who has had an answer finds its trace. */
  settled?: () => Promise<void>;
  /** Prices calls that others made; without it they cost what they say themselves. */
  costs?: Pick<SpanCosts, "take">;
  /** Where feedback waits for its trace; without it what comes before its trace is refused. */
  waiting?: WaitingFeedbackStore;
  /** Takes everything that is kept, to send it on. Returns at once. */
  forward?: (records: readonly SpanRecord[]) => void;
}

/** A trace as somebody asks for it: see `TraceService.trace`. */
export interface TraceName {
  traceId: string;
  team?: string | undefined;
}

/** Spans of a trace that are shown. */
const mostSpans = 10_000;
/** As they are kept, of those that are read of one trace together. */
const mostSpanBytes = 32 << 20;
/** Of several traces together. */
const mostBytesOfSeveral = 64 << 20;

function missingTrace(traceId: string): AppError {
  return new AppError("TRACE_NOT_FOUND", `There is no trace ${JSON.stringify(traceId.slice(0, 64))}.`);
}

/** Traces for those who may see them. A trace belongs to a team; what is hidden answers as what is missing. */
export class TraceService {
  readonly #parts: TraceServiceParts;
  readonly #waiting: WaitingFeedback | null;

  constructor(parts: TraceServiceParts) {
    this.#parts = parts;
    const { waiting: store, ids } = parts;
    this.#waiting = store === undefined ? null : new WaitingFeedback({ store, ids, write: (...given) => this.writeFeedback(...given) });
  }

  /**
   * Keeps spans that a caller of the team sent (`sender` is its actor): redacted, translated and sampled. Calls of models are priced, and in the ledger whether they are sampled or not. Durable when it has answered. Throws
   * TEAM_NOT_FOUND where somebody who may do all names a team that is not there: costs would be a team's that nobody has.
   */
  async ingest(of: { team: string; experiment?: string | undefined; sender: string }, spans: readonly Span[], now: EpochMs): Promise<void> {
    const { redaction, sampling, store, costs, forward, hasTeam } = this.#parts;
    const { team, experiment = null } = of;
    if (team !== defaultTeam && hasTeam !== undefined && !(await hasTeam(team))) throw new AppError("TEAM_NOT_FOUND", `There is no team named ${JSON.stringify(team.slice(0, 140))}.`);
    const translated = spans.map((span) => translate(redaction.apply(boundedSpan(span))));
    const costed = costs === undefined ? null : await costs.take(of, translated);
    const records = sampling.take(
      costed === null
        ? translated.map((span): SpanRecord => ({ team, experiment, span, isOwn: false, counts: true }))
        : costed.map(({ span, counts }): SpanRecord => ({ team, experiment, span, isOwn: false, counts })),
    );
    await store.write(records, now);
    forward?.(records);
    if (this.#waiting === null || this.#waiting.size === 0) return;
    for (const traceId of new Set(records.map(({ span }) => span.traceId))) await this.#waiting.arrived({ team, traceId }, now);
  }

  /** Spans that this server made, of a call of `caller` where that is known, redacted and sampled, ready for `write`: they speak no dialect, and whatever they cost is in the ledger. */
  pack(team: string, spans: readonly Span[], caller?: string): PackedSpans {
    const { redaction, sampling, store, forward } = this.#parts;
    const stored = spans.map((span): StoredSpan => ({ ...redaction.apply(span), original: {}, translated: [] }));
    const records = sampling.take(stored.map((span) => ({ team, experiment: null, span, isOwn: true, counts: true, caller })));
    forward?.(records);
    return store.pack(records);
  }

  /** Durable when it has answered. */
  write(spans: PackedSpans, now: EpochMs): Promise<void> {
    return this.#parts.store.writePacked(spans, now);
  }

  /** Says something of a trace of the team beside its spans, without what must not be kept. Throws INVALID_PARAMETER for tags or metadata that are too much together. */
  describe(key: TraceKey, facts: TraceFacts, now: EpochMs): Promise<void> {
    return this.#parts.store.describe(key, this.#parts.redaction.applyToFacts(boundedFacts(facts)), now);
  }

  /** As `describe`, of a trace that may have ended: false where it is sampled away, and what was said of it before goes too. What was kept of it all the same, such as a span that failed, is described. */
  async describeEnded(key: TraceKey, facts: TraceFacts, now: EpochMs): Promise<boolean> {
    const { store, sampling } = this.#parts;
    const { status, durationMs } = facts;
    if ((status === "ok" || status === "error") && sampling.passesOver({ team: key.team, traceId: key.traceId, route: null, failed: status === "error", duration: durationMs ?? 0 }, 0)) {
      const before = await store.find(key.traceId, { teams: [key.team], experiments: [] });
      if (before === null || before.summary.spans === 0) {
        if (before !== null) await store.remove([key], now);
        return false;
      }
    }
    await this.describe(key, facts, now);
    return true;
  }

  /** Throws INVALID_REQUEST. */
  async search(caller: Caller, { attributes, ...query }: TraceQuery): Promise<TracePage<TraceSummary>> {
    const { items, ...page } = await this.find(caller, { ...query, attributes: attributes === undefined ? {} : attributesOf(attributes) });
    return { items: items.map(({ summary }) => summary), ...page };
  }

  async find(caller: Caller, search: Omit<TraceSearch, "visible">): Promise<TracePage> {
    await this.#parts.settled?.();
    return this.#parts.store.search({ ...search, visible: await this.#parts.visible(caller) });
  }

  /** Two teams may have traces of one id: without a team it is the one of `default`, else of the team whose name is first. Throws TRACE_NOT_FOUND, as all that follow. */
  async trace(caller: Caller, traceId: string, team?: string): Promise<StoredTrace> {
    await this.#parts.settled?.();
    const found = await this.#parts.store.find(traceId, await this.#parts.visible(caller), team);
    if (found === null) throw missingTrace(traceId);
    return found;
  }

  async view(caller: Caller, traceId: string, team?: string): Promise<TraceView> {
    const { summary } = await this.trace(caller, traceId, team);
    const [spans, feedback] = await Promise.all([this.#parts.store.spans(summary, mostSpans, mostSpanBytes), this.#parts.store.feedback(summary)]);
    const from = spans[0]?.start ?? 0n;
    return { trace: summary, spans: spans.map((span) => spanViewOf(span, from)), feedback: latestFeedback(feedback), moreSpans: spans.length < summary.spans };
  }

  /** As they are kept, by their start: as many as `view` shows. */
  spans(key: TraceKey, limit = mostSpans): Promise<StoredSpan[]> {
    return this.#parts.store.spans(key, limit, mostSpanBytes);
  }

  /** As `spans`, of several traces that are answered with together: within `mostBytes` of them about, the first traces before the last; each has a share that is its own. Traces that nothing is left for have none. */
  async spansOfEach(keys: readonly TraceKey[], mostBytes = mostBytesOfSeveral): Promise<StoredSpan[][]> {
    const each: StoredSpan[][] = [];
    let left = mostBytes;
    for (const [index, key] of keys.entries()) {
      const room = left - (keys.length - 1 - index) * Math.floor(mostBytes / (10 * keys.length));
      const spans = left <= 0 ? [] : await this.#parts.store.spans(key, mostSpans, Math.max(1, Math.min(room, mostSpanBytes)));
      left -= spans.reduce((sum, span) => sum + charactersOfSpan(span), 0);
      each.push(spans);
    }
    return each;
  }

  /** Of traces that the caller sees: all, or those with one of these names. */
  async services(caller: Caller, names?: readonly string[]): Promise<TracedService[]> {
    await this.#parts.settled?.();
    return this.#parts.runs.services(await this.#parts.visible(caller), names);
  }

  /** Traces that the caller sees with a span of such a run, by their UUIDs without dashes. */
  async tracesOfRuns(caller: Caller, runs: readonly string[]): Promise<TraceKey[]> {
    await this.#parts.settled?.();
    return this.#parts.runs.tracesOf(runs, await this.#parts.visible(caller));
  }

  async sessions(caller: Caller, request: { user?: string | undefined; after: string | null; limit: number }): Promise<Page<TraceSession>> {
    const { user, ...page } = request;
    await this.#parts.settled?.();
    return this.#parts.store.sessions({ ...page, ...(user === undefined ? {} : { user }), visible: await this.#parts.visible(caller) });
  }

  /** Throws FORBIDDEN. */
  async remove(caller: Caller, { traceId, team }: TraceName, now: EpochMs): Promise<TraceSummary> {
    const { summary } = await this.trace(caller, traceId, team);
    requireInTeam(caller, "contributor", summary.team);
    await this.#parts.store.remove([summary], now);
    return summary;
  }

  /** Without a question of access: for callers that have asked it of an experiment. */
  removeAll(keys: readonly TraceKey[], now: EpochMs): Promise<number> {
    return this.#parts.store.remove(keys, now);
  }

  /** Who sees a trace may say what they think of it. */
  async addFeedback(caller: Caller, { traceId, team }: TraceName, { spanId, sourceId, ...given }: NewFeedback, now: EpochMs): Promise<Feedback> {
    const { summary } = await this.trace(caller, traceId, team);
    return this.writeFeedback(summary, { ...given, spanId: spanId ?? null, sourceId: sourceId ?? caller.name, metadata: {}, actor: caller.actor }, now);
  }

  /** With an id that is there the next revision of it is written. */
  writeFeedback(key: TraceKey, { id, ...feedback }: FeedbackDraft, now: EpochMs): Promise<Feedback> {
    return this.#parts.store.addFeedback(key, { ...feedback, traceId: key.traceId, id: id ?? this.#parts.ids.next("feedback"), createdAt: now, updatedAt: now });
  }

  /** As `writeFeedback`, for senders who do not wait for the spans before: where the trace is not there, it is kept until it is, for a day. Durable when it has answered. */
  async expectFeedback(key: TraceKey, draft: FeedbackDraft, now: EpochMs): Promise<void> {
    await (this.#waiting === null ? this.writeFeedback(key, draft, now) : this.#waiting.add(key, draft, now));
  }

  /** Looks whether traces that feedback waits for have come otherwise than by `ingest`. */
  async lookForTraces(now: EpochMs): Promise<void> {
    await this.#waiting?.lookForTraces(now);
  }

  /** The last revision of each. */
  async feedback(key: TraceKey): Promise<Feedback[]> {
    return latestFeedback(await this.#parts.store.feedback(key));
  }

  /** Of traces that the caller sees, in any of these ways. */
  async findFeedback(caller: Caller, search: { ids?: readonly string[]; traceIds?: readonly string[]; spans?: FeedbackSpans }): Promise<FoundFeedback[]> {
    return this.#parts.store.findFeedback({ ids: [], traceIds: [], spans: { traceIds: [], spanIds: [] }, ...search, visible: await this.#parts.visible(caller) });
  }

  removeFeedback(key: TraceKey, id: string, now: EpochMs): Promise<boolean> {
    return this.#parts.store.removeFeedback(key, id, now);
  }

  /** What went into the trace, what came out, and what should have where somebody said it, as a row of a dataset: once, unless it shall be added `again`. */
  async addDatasetRow(caller: Caller, { traceId, team }: TraceName, { dataset, again }: { dataset: string; again: boolean }, now: EpochMs): Promise<AddedRow> {
    const { trace, spans, feedback } = await this.view(caller, traceId, team);
    const root = spans.find(({ parentSpanId }) => parentSpanId === null) ?? spans[0];
    const chat = spans.find(({ inputMessages }) => inputMessages !== null);
    const expected = feedback.findLast(({ kind }) => kind === "expectation")?.value;
    const row = {
      trace_id: traceId,
      input: root?.input ?? askedOf(root !== undefined && root.inputMessages !== null ? root : chat) ?? trace.inputPreview ?? "",
      output: root?.output ?? textOf((root?.outputMessages ?? chat?.outputMessages)?.at(-1)) ?? trace.outputPreview ?? "",
      expected: expected === undefined ? "" : typeof expected === "string" ? expected : JSON.stringify(expected),
    };
    return this.#parts.datasets.addRow(caller, dataset, row, again ? null : "trace_id", now);
  }

  async prune(before: EpochMs, now: EpochMs): Promise<number> {
    await this.#waiting?.prune(now);
    return this.#parts.store.prune(before, now);
  }
}

/** What was asked last. Texts of one question are lines of their own; several of which vectors are made are a list, and a reranking has its question apart from its documents. */
function askedOf(span: Pick<SpanView, "operation" | "inputMessages"> | undefined): string | undefined {
  const asked = span?.inputMessages?.findLast(({ role }) => role === "user");
  if (asked === undefined) return undefined;
  const texts = asked.parts.flatMap(({ type, content }) => (type === "text" && typeof content === "string" ? [content] : []));
  const [query, ...documents] = texts;
  if (span?.operation === "rerank" && documents.length > 0) return JSON.stringify({ query, documents });
  return span?.operation === "embeddings" && texts.length > 1 ? JSON.stringify(texts) : texts.join("\n");
}

function textOf(message: { parts: { type: string; content?: unknown }[] } | undefined): string | undefined {
  return message?.parts.map(({ type, content }) => (type === "text" && typeof content === "string" ? content : "")).join("");
}

function attributesOf(text: string): Record<string, string> {
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed === "object" && parsed !== null && !Array.isArray(parsed)) return Object.fromEntries(Object.entries(parsed).map(([key, value]) => [key, String(value)]));
  } catch {
    // Answered below.
  }
  throw new AppError("INVALID_REQUEST", "`attributes` is no JSON object of texts.", { problems: [{ path: "attributes", message: "must be a JSON object of texts" }] });
}
