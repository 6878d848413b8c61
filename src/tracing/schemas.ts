import { z } from "zod";

/** 32 small hex digits, not all 0. */
export const TraceId = z.string().regex(/^(?!0{32})[0-9a-f]{32}$/, "32 hexadecimal digits, not all 0").meta({ id: "TraceId", example: "0af7651916cd43dd8448eb211c80319c" });
/** 16 small hex digits, not all 0. */
export const SpanId = z.string().regex(/^(?!0{16})[0-9a-f]{16}$/, "16 hexadecimal digits, not all 0").meta({ id: "SpanId", example: "b7ad6b7169203331" });

const Milliseconds = z.number().meta({ description: "Milliseconds; fractions down to microseconds" });
const Cost = z.number().int().nullable().meta({ description: "Billionths of a US dollar; null where no span tells a cost" });
const Tokens = z.number().int().nullable().meta({ description: "Null where no span tells them" });

export const TraceStatus = z.enum(["ok", "error", "running"]).meta({ id: "TraceStatus", description: "`running`: the root has not ended. Without a root, whether any span failed" });
export type TraceStatus = z.infer<typeof TraceStatus>;

/** One line of a list of traces. */
export const TraceSummary = z
  .object({
    traceId: TraceId,
    team: z.string(),
    /** Of the root span; of the first that arrived until the root is there. */
    name: z.string(),
    service: z.string().nullable(),
    status: TraceStatus,
    start: Milliseconds,
    durationMs: Milliseconds.nullable(),
    spans: z.number().int(),
    /** Spans that failed. */
    errors: z.number().int(),
    inputTokens: Tokens,
    outputTokens: Tokens,
    cost: Cost,
    models: z.array(z.string()),
    session: z.string().nullable(),
    user: z.string().nullable(),
    /** The first characters of what went into the root, and of what came out of it. */
    inputPreview: z.string().nullable(),
    outputPreview: z.string().nullable(),
    /** Id of the experiment that it was logged to. */
    experiment: z.string().nullable(),
    tags: z.record(z.string(), z.string()),
    feedback: z.number().int().meta({ description: "How many feedbacks it has" }),
  })
  .meta({ id: "TraceSummary" });
export type TraceSummary = z.infer<typeof TraceSummary>;

/** A part of a message, as the GenAI conventions have it; parts of other types are shown as they came. */
const MessagePart = z.looseObject({ type: z.string().meta({ description: "`text`, `tool_call`, `tool_call_response`, `reasoning`, `blob`, `uri` or another" }) });

/** `parts`: text `{type, content}`; tool_call `{type, id, name, arguments}`; tool_call_response `{type, id, response}`. */
export const TraceMessage = z
  .object({ role: z.string(), parts: z.array(MessagePart), finishReason: z.string().nullable() })
  .meta({ id: "TraceMessage" });
export type TraceMessage = z.infer<typeof TraceMessage>;

const Values = z.record(z.string(), z.unknown());

export const SpanView = z
  .object({
    spanId: SpanId,
    parentSpanId: z.string().nullable(),
    name: z.string(),
    kind: z.enum(["internal", "server", "client", "producer", "consumer"]),
    /** `gen_ai.operation.name`: chat, embeddings, retrieval, execute_tool, invoke_agent, ... */
    operation: z.string().nullable(),
    start: Milliseconds,
    /** From the start of the trace. */
    offsetMs: Milliseconds,
    durationMs: Milliseconds.nullable(),
    status: z.object({ code: z.enum(["unset", "ok", "error"]), message: z.string() }),
    provider: z.string().nullable(),
    model: z.string().nullable(),
    inputTokens: Tokens,
    outputTokens: Tokens,
    cost: Cost,
    inputMessages: z.array(TraceMessage).nullable(),
    outputMessages: z.array(TraceMessage).nullable(),
    /** What went in and came out where it is no list of messages. */
    input: z.string().nullable(),
    output: z.string().nullable(),
    /** In the GenAI conventions, beside whatever else it has. Integers beyond 2^53 are texts. */
    attributes: Values,
    /** Attributes that came in another dialect, as they came. */
    original: Values,
    events: z.array(z.object({ name: z.string(), time: Milliseconds, attributes: Values })),
    links: z.array(z.object({ traceId: z.string(), spanId: z.string(), attributes: Values })),
    resource: Values,
    scope: z.object({ name: z.string(), version: z.string() }),
  })
  .meta({ id: "SpanView" });
export type SpanView = z.infer<typeof SpanView>;

export const FeedbackSource = z.enum(["human", "code", "llm"]).meta({ id: "FeedbackSource" });
export type FeedbackSource = z.infer<typeof FeedbackSource>;

export const Feedback = z
  .object({
    id: z.string(),
    traceId: TraceId,
    spanId: SpanId.nullable(),
    name: z.string(),
    kind: z.enum(["feedback", "expectation"]).meta({ description: "What was thought of it, or what should have come out" }),
    value: z.unknown().meta({ description: "A number, a boolean or a text; other JSON from MLflow's clients" }),
    source: FeedbackSource,
    /** Who or what gave it: a person, a program, a model. */
    sourceId: z.string(),
    comment: z.string(),
    metadata: z.record(z.string(), z.string()),
    revision: z.number().int().meta({ description: "From 1; each change makes the next" }),
    createdAt: z.number().int(),
    updatedAt: z.number().int(),
    actor: z.string(),
  })
  .meta({ id: "TraceFeedback" });
export type Feedback = z.infer<typeof Feedback>;

export const NewFeedback = z
  .strictObject({
    /** Of a feedback of this trace that is changed; the former value stays as its revision. */
    id: z.string().max(64).optional(),
    spanId: SpanId.optional(),
    name: z.string().min(1).max(250),
    kind: z.enum(["feedback", "expectation"]).default("feedback"),
    value: z.union([z.number(), z.boolean(), z.string().max(65_536)]),
    source: FeedbackSource.default("human"),
    sourceId: z.string().max(250).optional(),
    comment: z.string().max(65_536).default(""),
  })
  .meta({ id: "NewTraceFeedback" });
export type NewFeedback = z.infer<typeof NewFeedback>;
/** The same as programs say it. */
export type GivenFeedback = z.input<typeof NewFeedback>;

/** A trace that was made a row of a dataset. */
export const AddedRow = z
  .object({
    dataset: z.string(),
    version: z.number().int(),
    rows: z.number().int(),
    added: z.boolean().meta({ description: "False where the dataset had the trace already: version and rows are those that it has" }),
  })
  .meta({ id: "AddedTraceRow" });
export type AddedRow = z.infer<typeof AddedRow>;

/** A trace with everything; spans in the order of their start, parents before children that began with them. */
export const TraceView = z
  .object({ trace: TraceSummary, spans: z.array(SpanView), feedback: z.array(Feedback), moreSpans: z.boolean().meta({ description: "Whether it has more spans than are shown" }) })
  .meta({ id: "TraceView" });
export type TraceView = z.infer<typeof TraceView>;

export const TraceSession = z
  .object({
    session: z.string(),
    team: z.string(),
    user: z.string().nullable(),
    traces: z.number().int(),
    errors: z.number().int().meta({ description: "Traces in which a span failed" }),
    /** Of the first trace, and of the last. */
    start: Milliseconds,
    end: Milliseconds,
    inputTokens: Tokens,
    outputTokens: Tokens,
    cost: Cost,
  })
  .meta({ id: "TraceSession" });
export type TraceSession = z.infer<typeof TraceSession>;

const Text = z.string().min(1).max(250);
const flag = z.stringbool().optional();

/** How traces are searched: all that is said must hold. Times are milliseconds since 1970. */
export const TraceQuery = z
  .strictObject({
    text: z.string().min(1).max(500).optional().meta({ description: "In the name, in what went in or out, or in an attribute of a span" }),
    name: Text.optional(),
    errors: flag.meta({ description: "Only traces with a failed span (true) or without (false)" }),
    slowerThanMs: z.coerce.number().min(0).optional(),
    minCost: z.coerce.number().min(0).optional().meta({ description: "Billionths of a US dollar" }),
    minTokens: z.coerce.number().min(0).optional(),
    session: Text.optional(),
    user: Text.optional(),
    service: Text.optional(),
    model: Text.optional(),
    team: Text.optional(),
    experiment: Text.optional(),
    feedback: Text.optional().meta({ description: "Only traces with a feedback of this name" }),
    /** JSON object of texts: each attribute on some span of the trace, or tag of it. */
    attributes: z.string().max(4000).optional().meta({ description: "JSON object of attributes that some span, or the trace's tags, must have", example: "{\"gen_ai.tool.name\":\"search\"}" }),
    from: z.coerce.number().int().optional(),
    to: z.coerce.number().int().optional(),
    order: z.enum(["start", "duration", "cost"]).default("start").meta({ description: "Greatest first" }),
    after: z.string().max(500).optional().meta({ description: "The `next` of the page before" }),
    limit: z.coerce.number().int().min(1).max(500).default(50),
  });
export type TraceQuery = z.infer<typeof TraceQuery>;

/** The same as programs say it. */
export interface TraceSearchQuery extends Partial<Omit<TraceQuery, "attributes">> {
  attributes?: Readonly<Record<string, string>>;
}

/** A search that has to look into spans ends its page after so many of them: of a kilobyte each that takes some tenths of a second. */
export const mostSearchedSpans = 30_000;

export const TraceList = z.object({
  traces: z.array(TraceSummary),
  next: z.string().nullable().meta({ description: "Give it as after for the rest; null at the end" }),
  searchedUntil: z.number().nullable().meta({
    description: "Null where the page is full or the last one. Else the search ended before either: how far it looked, by the order that was asked for (start: milliseconds since 1970; duration: milliseconds; cost: billionths of a US dollar; -1 among traces that have none). `next` goes on from there",
  }),
});
export type TraceList = z.infer<typeof TraceList>;
