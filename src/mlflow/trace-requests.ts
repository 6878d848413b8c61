import { z } from "zod";
import type { Caller, Role } from "../core/caller.ts";
import { AppError } from "../core/errors.ts";
import { parsedValue, SpanId, type Feedback, type StoredTrace, type TraceFacts, type TraceService } from "../tracing/index.ts";
import type { SearchCondition, SearchOrder } from "../tracking/index.ts";
import { list, message, requiredText, text } from "./request-fields.ts";
import { artifactLocationTag, artifactsOf, clientRequestKey, errorKey, overridesKey, spansLocationTag, traceIdOf } from "./wire-traces.ts";

export interface MlflowTraceParts {
  traces: TraceService;
  /** The team of an experiment on which the caller has the role contributor. Throws EXPERIMENT_NOT_FOUND, FORBIDDEN. */
  teamOfExperiment(caller: Caller, experiment: string): Promise<string>;
  /** Throws EXPERIMENT_NOT_FOUND, FORBIDDEN. */
  requireExperiment(caller: Caller, role: Role, experiment: string): Promise<void>;
}

const Texts = z.record(z.string(), z.string()).nullish().transform((value) => value ?? {});

const states = { OK: "ok", ERROR: "error", IN_PROGRESS: "running" } as const;

/** Undefined for a state that no trace has. */
export function statusOf(state: string | undefined): (typeof states)["OK" | "ERROR" | "IN_PROGRESS"] | undefined {
  return state !== undefined && Object.hasOwn(states, state) ? states[state as "OK"] : undefined;
}

const Value = z.unknown().optional();
/** An assessment as clients send it, of which an update holds a part. */
export const WireAssessment = message({
  assessment_name: text, span_id: text, source: message({ source_type: text, source_id: text }).nullish(), feedback: message({ value: Value, error: Value }).nullish(),
  expectation: message({ value: Value, serialized_value: message({ value: text }).nullish() }).nullish(), rationale: text, metadata: Texts, overrides: text,
});

/** What a client says of a trace when it has ended. */
export const WireTraceInfo = message({
  trace_id: requiredText, client_request_id: text, trace_location: message({ mlflow_experiment: message({ experiment_id: requiredText }) }), request_preview: text, response_preview: text, request_time: text,
  execution_duration: text, state: text, trace_metadata: Texts, tags: Texts, assessments: list(WireAssessment),
});

export function factsOfTrace(info: z.output<typeof WireTraceInfo>, sendsSpans: boolean): TraceFacts {
  const { trace_metadata: metadata, tags, client_request_id: clientRequestId } = info;
  const experiment = info.trace_location.mlflow_experiment.experiment_id;
  const location: Record<string, string> = sendsSpans ? { [spansLocationTag]: "TRACKING_STORE" } : { [artifactLocationTag]: artifactsOf(experiment, info.trace_id) };
  const start = info.request_time === undefined ? Number.NaN : Date.parse(info.request_time);
  const seconds = Number(info.execution_duration?.replace(/s$/, ""));
  const state = statusOf(info.state);
  return {
    experiment, tags: { ...tags, ...location }, metadata: { ...metadata, ...(clientRequestId === undefined ? {} : { [clientRequestKey]: clientRequestId }) },
    ...(tags["mlflow.traceName"] === undefined ? {} : { name: tags["mlflow.traceName"] }), ...(Number.isNaN(start) ? {} : { start }), ...(Number.isNaN(seconds) ? {} : { durationMs: seconds * 1000 }), ...(state === undefined ? {} : { status: state }),
    ...(metadata["mlflow.trace.session"] === undefined ? {} : { session: metadata["mlflow.trace.session"] }), ...(metadata["mlflow.trace.user"] === undefined ? {} : { user: metadata["mlflow.trace.user"] }),
    ...(info.request_preview === undefined ? {} : { inputPreview: info.request_preview }), ...(info.response_preview === undefined ? {} : { outputPreview: info.response_preview }),
  };
}

/** Whether the client sends spans by OTLP, which those before 3.4 do not. */
export function sendsSpans(userAgent: string | string[] | undefined): boolean {
  const [, major, minor] = /^mlflow-python-client\/(\d+)\.(\d+)/.exec(String(userAgent)) ?? [];
  return major === undefined || Number(major) > 3 || (Number(major) === 3 && Number(minor) >= 4);
}

type Search = Parameters<TraceService["find"]>[1];

/** What a filter and an order ask for. Throws FILTER_INVALID for comparisons that traces cannot be searched by. */
export function traceSearch(conditions: readonly SearchCondition[], order: readonly SearchOrder[]): Omit<Search, "limit" | "experiments"> {
  const texts = conditions.filter(isText);
  if (texts.length > 1) throw new AppError("FILTER_INVALID", "Traces are searched by one text.");
  const search: Omit<Search, "limit" | "experiments"> = {
    order: "start", attributes: {}, conditions: conditions.filter((condition) => !isText(condition)).map(wordsOfStore), ...(texts[0] === undefined ? {} : { text: textAsked(texts[0]) }),
  };
  const [first] = order;
  if (first === undefined) return search;
  if (first.kind !== "attribute" || (first.key !== "time" && first.key !== "duration")) throw new AppError("FILTER_INVALID", `Traces are ordered by timestamp_ms or execution_time, not by ${first.key.slice(0, 250)}.`);
  return { ...search, order: first.key === "time" ? "start" : "duration", ascending: !first.descending };
}

function isText({ kind, key }: SearchCondition): boolean {
  return kind === "attribute" && key === "text";
}

function textAsked(condition: SearchCondition): string {
  if (condition.operator !== "LIKE" && condition.operator !== "ILIKE") throw new AppError("FILTER_INVALID", `Traces cannot be searched by a text with ${condition.operator}; use LIKE or ILIKE.`);
  return condition.value.replaceAll(/^%|%$/g, "");
}

/** Ids, states and what MLflow has as fields of its own, by the names that traces have for them. */
function wordsOfStore(condition: SearchCondition): SearchCondition {
  const { kind, key } = condition;
  if (kind === "attribute" && key === "id") return withValues(condition, (value) => traceIdOf(value) ?? value);
  if (kind === "attribute" && key === "status") return withValues(condition, (value) => statusOf(value) ?? "none");
  if (kind === "attribute" && key === "run") return { ...condition, kind: "param", key: "mlflow.sourceRun" };
  if (kind === "attribute" && key === "clientRequest") return { ...condition, kind: "param", key: clientRequestKey };
  // What a client did not name shows its name as this tag.
  if (kind === "tag" && key === "mlflow.traceName" && "value" in condition) return { ...condition, kind: "attribute", key: "name" };
  return condition;
}

function withValues(condition: SearchCondition, change: (value: string) => string): SearchCondition {
  if (condition.operator === "IN" || condition.operator === "NOT IN") return { ...condition, value: condition.value.map(change) };
  return condition.operator === "=" || condition.operator === "!=" ? { ...condition, value: change(String(condition.value)) } : condition;
}

const sources = { HUMAN: "human", CODE: "code", LLM_JUDGE: "llm" } as const;

type Draft = Parameters<TraceService["writeFeedback"]>[1];

/** What is written for an assessment; `before` is what an update changes. Throws INVALID_PARAMETER. */
export function feedbackOf(wire: z.output<typeof WireAssessment>, actor: string, before?: Feedback): Draft {
  const { expectation, feedback } = wire;
  const name = wire.assessment_name ?? before?.name;
  if (name === undefined || name === "" || name.length > 250) throw new AppError("INVALID_PARAMETER", "Missing value for required parameter 'assessment.assessment_name'.");
  const type = wire.source?.source_type;
  const told = expectation !== null && expectation !== undefined ? { kind: "expectation" as const, value: expectation.serialized_value?.value === undefined ? expectation.value : parsedExpectation(expectation.serialized_value.value) } : feedback !== null && feedback !== undefined ? { kind: "feedback" as const, value: feedback.value } : undefined;
  if (wire.span_id !== undefined && !SpanId.safeParse(wire.span_id).success) throw new AppError("INVALID_PARAMETER", `Invalid value ${JSON.stringify(wire.span_id.slice(0, 100))} for parameter 'assessment.span_id' supplied.`);
  if (told === undefined && before === undefined) throw new AppError("INVALID_PARAMETER", "Missing value for required parameter 'assessment.feedback'.");
  return {
    ...(before === undefined ? {} : { id: before.id }), name, spanId: wire.span_id ?? before?.spanId ?? null, kind: told?.kind ?? before!.kind, value: told?.value ?? before?.value ?? null,
    source: type !== undefined && Object.hasOwn(sources, type) ? sources[type as "CODE"] : (before?.source ?? "human"), sourceId: wire.source?.source_id ?? before?.sourceId ?? "", comment: wire.rationale ?? before?.comment ?? "",
    metadata: {
      ...before?.metadata, ...wire.metadata, ...(feedback?.error === undefined || feedback.error === null ? {} : { [errorKey]: JSON.stringify(feedback.error) }), ...(wire.overrides === undefined ? {} : { [overridesKey]: wire.overrides }),
    },
    actor,
  };
}

function parsedExpectation(text: string): unknown {
  const value = parsedValue(text);
  if (value === undefined) throw new AppError("INVALID_PARAMETER", "Invalid value for parameter 'assessment.expectation.serialized_value.value' supplied: it is no JSON, or nested too deep.");
  return value;
}

/** The id of the trace that a path or a query names. */
export function requiredTraceId(wireId: string): string {
  const id = traceIdOf(wireId);
  if (id === null) throw new AppError("TRACE_NOT_FOUND", `Trace with ID '${wireId.slice(0, 100)}' not found.`);
  return id;
}

export type FoundTrace = StoredTrace["summary"];
