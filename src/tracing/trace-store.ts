import type { EpochMs } from "../core/clock.ts";
import type { Page, SearchCondition } from "../core/search-condition.ts";
import type { Feedback, TraceQuery, TraceSession, TraceSummary } from "./schemas.ts";
import type { PackedSpans, SpanRecord, StoredSpan } from "./stored-span.ts";

/** Whose traces are seen: those of these teams, those of these experiments, and those that this caller's calls of the gateway made and nobody else added to. */
export type VisibleTraces = "all" | { teams: readonly string[]; experiments: readonly string[]; caller?: string };

/** Names a trace: two teams may have traces of one id, which know nothing of each other. */
export interface TraceKey {
  team: string;
  traceId: string;
}

/** What is said of a trace beside its spans, as MLflow's clients do before they send these. Absent is left as it is. */
export interface TraceFacts {
  experiment?: string;
  name?: string;
  /** Milliseconds since 1970. */
  start?: number;
  durationMs?: number | null;
  status?: "ok" | "error" | "running";
  session?: string;
  user?: string;
  inputPreview?: string;
  outputPreview?: string;
  tags?: Readonly<Record<string, string | null>>;
  /** Texts that programs keep with it and nobody searches. A value of null removes an entry, also of tags. */
  metadata?: Readonly<Record<string, string | null>>;
}

/** A summary with what only programs ask for. */
export interface StoredTrace {
  summary: TraceSummary;
  metadata: Readonly<Record<string, string>>;
}

/** The last revision of a feedback, and whose trace it is of. */
export interface FoundFeedback {
  team: string;
  feedback: Feedback;
}

/** Spans of which feedback is looked for. */
export interface FeedbackSpans {
  traceIds: readonly string[];
  spanIds: readonly string[];
}

/** The query with what a text can only say through the service. */
export interface TraceSearch extends Omit<TraceQuery, "attributes"> {
  visible: VisibleTraces;
  attributes: Readonly<Record<string, string>>;
  /**
   * Comparisons of the attributes `name`, `id`, `service`, `status` (as summaries have it), `time`, `end` and `duration` (whole milliseconds), of tags, metadata (`param`), spans, feedback and expectations. Texts in tags, metadata and
   * attributes of spans are compared whole. The store throws FILTER_INVALID for others.
   */
  conditions?: readonly SearchCondition[];
  /** Of any of these; absent is any. */
  experiments?: readonly string[];
  /** Least first, for clients that ask for it. */
  ascending?: boolean;
  /** Spans that are looked through for one page, about; `mostSearchedSpans` where it is not said. */
  mostSpans?: number;
}

export interface TracePage<Item = StoredTrace> extends Page<Item> {
  /**
   * Null where the page is full, or the last one. Else the search ended before either, for there is much to look through: how far it looked, in the unit of the order (`start`: milliseconds since 1970; `duration`: milliseconds;
   * `cost`: billionths of a US dollar; -1 among traces without duration or cost). `next` goes on from there.
   */
  searchedUntil: number | null;
}

/** A span of a trace. */
export interface SpanName extends TraceKey {
  spanId: string;
}

/** A span with whose it is. */
export interface KeptSpan {
  team: string;
  span: StoredSpan;
}

/**
 * Traces with their spans and feedback. What has answered is durable. Adapters prove themselves with `trace-store.conformance.ts`.
 */
export interface TraceStore {
  /**
   * Adds spans, in any order and any number of times: a span that is there is replaced, but one that has ended never by one that has not. Summaries follow.
   * Everything of one call is written or nothing.
   */
  write(spans: readonly SpanRecord[], now: EpochMs): Promise<void>;
  /** Makes ready for `writePacked` what is to wait. */
  pack(spans: readonly SpanRecord[]): PackedSpans;
  /** As `write`. */
  writePacked(spans: PackedSpans, now: EpochMs): Promise<void>;
  /** Says something of a trace, and makes it where no span of it came yet. Throws INVALID_PARAMETER where its tags or its metadata would be more than `mostFactCharacters`. */
  describe(key: TraceKey, facts: TraceFacts, now: EpochMs): Promise<void>;
  /** Greatest first by `order`. A page can have less than was asked for, or nothing, and a `next` all the same. Throws INVALID_REQUEST for an `after` that no page gave. */
  search(search: TraceSearch): Promise<TracePage>;
  /** Null where it is not there or not seen. Of several of one id that of the team, else that of `default`, else that of the team whose name is first. */
  find(traceId: string, visible: VisibleTraces, team?: string): Promise<StoredTrace | null>;
  /** By their start. At most `limit`, and fewer where they are larger together than `mostBytes`: the first always. */
  spans(key: TraceKey, limit: number, mostBytes?: number): Promise<StoredSpan[]>;
  /** Those of them that are there and have at most a mebibyte as they are kept, in any order. */
  named(names: readonly SpanName[]): Promise<KeptSpan[]>;
  /** Calls of this server's gateway by the ids of their answers, those that are there. */
  answered(answerIds: readonly string[]): Promise<ReadonlyMap<string, TraceKey>>;
  /** The newest first. `after` is the `next` of the page before. */
  sessions(request: { visible: VisibleTraces; user?: string; after: string | null; limit: number }): Promise<Page<TraceSession>>;
  /** With spans and feedback, which those who follow feedback are told of. Where it is stopped in between, each trace is there whole or in no list and no sum, and `prune` removes what is left. Answers with how many were there. */
  remove(keys: readonly TraceKey[], now: EpochMs): Promise<number>;
  /** Removes what is left of traces whose removal was stopped, and traces that began before, some at a time, and those whose beginning is in the future and that nobody has written to since. Answers with how many went. */
  prune(before: EpochMs, now: EpochMs): Promise<number>;
  /** Adds it, or the next revision of what has its id and its first time; the store says which. Throws TRACE_NOT_FOUND where the trace is not there, INVALID_PARAMETER where its feedback would be more than `mostFeedback`. */
  addFeedback(key: TraceKey, feedback: Omit<Feedback, "revision">): Promise<Feedback>;
  /** Every revision, the first of each id first. */
  feedback(key: TraceKey): Promise<Feedback[]>;
  /** Of traces that are seen: what has one of these ids, is of one of these traces as a whole, or of one of these spans in one of their traces. */
  findFeedback(search: { visible: VisibleTraces; ids: readonly string[]; traceIds: readonly string[]; spans: FeedbackSpans }): Promise<FoundFeedback[]>;
  /** With all revisions, and told of to those who follow feedback. False where there is none. One of this id that is given later counts its revisions on. */
  removeFeedback(key: TraceKey, id: string, now: EpochMs): Promise<boolean>;
}
