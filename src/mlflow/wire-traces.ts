import { anyValue, parsedValue, spanJson, type AttributeValue, type Feedback, type StoredSpan, type StoredTrace } from "../tracing/index.ts";

type Json = Record<string, unknown>;

const idPrefix = "tr-";
export const spansLocationTag = "mlflow.trace.spansLocation";
export const artifactLocationTag = "mlflow.artifactLocation";
/** In the metadata of a trace: what MLflow has as fields of their own. */
export const clientRequestKey = "slipway.clientRequestId";
/** In the metadata of a feedback. */
export const errorKey = "slipway.error";
export const overridesKey = "slipway.overrides";

/** The id by which MLflow's clients know a trace. */
export function wireTraceId(traceId: string): string {
  return `${idPrefix}${traceId}`;
}

/** Where clients keep the file of a trace's spans, by the id that they know it by. */
export function artifactsOf(experiment: string, wireId: string): string {
  return `mlflow-artifacts:/${experiment}/traces/${wireId}/artifacts`;
}

/** The id of a trace that a client names; null for what can be none. */
export function traceIdOf(wireId: string): string | null {
  const id = wireId.startsWith(idPrefix) ? wireId.slice(idPrefix.length) : wireId;
  return /^(?!0{32})[0-9a-f]{32}$/.test(id) ? id : null;
}

/** TraceInfoV3. */
export function wireTraceInfo({ summary, metadata }: StoredTrace, feedback: readonly Feedback[]): Json {
  const { [clientRequestKey]: clientRequestId, ...rest } = metadata;
  const tags = { ...summary.tags };
  // Spans that came by OTLP are asked for here, and looked for among the artifacts otherwise.
  if (tags[spansLocationTag] === undefined && tags[artifactLocationTag] === undefined) tags[spansLocationTag] = "TRACKING_STORE";
  tags["mlflow.traceName"] ??= summary.name;
  return {
    trace_id: wireTraceId(summary.traceId), ...(clientRequestId === undefined ? {} : { client_request_id: clientRequestId }),
    trace_location: { type: "MLFLOW_EXPERIMENT", mlflow_experiment: { experiment_id: summary.experiment ?? "0" } },
    ...(summary.inputPreview === null ? {} : { request_preview: summary.inputPreview }), ...(summary.outputPreview === null ? {} : { response_preview: summary.outputPreview }),
    request_time: timeText(summary.start), ...(summary.durationMs === null ? {} : { execution_duration: `${(summary.durationMs / 1000).toFixed(6)}s` }),
    state: { ok: "OK", error: "ERROR", running: "IN_PROGRESS" }[summary.status],
    trace_metadata: { "mlflow.trace_schema.version": "3", ...tokenUsage(summary), ...(summary.session === null ? {} : { "mlflow.trace.session": summary.session }), ...(summary.user === null ? {} : { "mlflow.trace.user": summary.user }), ...rest }, tags,
    ...(feedback.length === 0 ? {} : { assessments: wireAssessments(feedback) }),
  };
}

function tokenUsage({ inputTokens, outputTokens }: StoredTrace["summary"]): Record<string, string> {
  if (inputTokens === null && outputTokens === null) return {};
  const [input, output] = [inputTokens ?? 0, outputTokens ?? 0];
  return { "mlflow.trace.tokenUsage": JSON.stringify({ input_tokens: input, output_tokens: output, total_tokens: input + output }) };
}

/** A span as protobuf's JSON has it: ids in base64, and values that are JSON as what they say, for a client wants the object that it logged. */
export function wireSpan(span: StoredSpan): object {
  return spanJson(span, (id) => Buffer.from(id, "hex").toString("base64"), structuredValue);
}

function structuredValue(value: AttributeValue): object {
  // A text may only look like it.
  const read = typeof value === "string" && /^[[{]/.test(value) ? parsedValue(value) : undefined;
  return read === undefined ? anyValue(value) : looseValue(read);
}

function looseValue(value: unknown): object {
  if (value === null) return {};
  if (Array.isArray(value)) return { arrayValue: { values: value.map(looseValue) } };
  if (typeof value === "object") return { kvlistValue: { values: Object.entries(value).map(([key, item]) => ({ key, value: looseValue(item) })) } };
  return anyValue(value as string | number | boolean);
}

const sourceTypes = { human: "HUMAN", code: "CODE", llm: "LLM_JUDGE" } as const;

/** Every assessment; what another one overrides is not valid any more. */
function wireAssessments(feedback: readonly Feedback[]): Json[] {
  const overridden = new Set(feedback.map(({ metadata }) => metadata[overridesKey]));
  return feedback.map((each) => wireAssessment(each, !overridden.has(each.id)));
}

export function wireAssessment({ metadata, ...feedback }: Feedback, valid = true): Json {
  const { [errorKey]: error, [overridesKey]: overrides, ...rest } = metadata;
  const structured = typeof feedback.value === "object" && feedback.value !== null;
  const value = feedback.kind === "feedback"
    ? { feedback: { value: feedback.value, ...(error === undefined ? {} : { error: JSON.parse(error) as Json }) } }
    : { expectation: structured ? { serialized_value: { serialization_format: "JSON_FORMAT", value: JSON.stringify(feedback.value) } } : { value: feedback.value } };
  return {
    assessment_id: feedback.id, assessment_name: feedback.name, trace_id: wireTraceId(feedback.traceId), ...(feedback.spanId === null ? {} : { span_id: feedback.spanId }),
    source: { source_type: sourceTypes[feedback.source], source_id: feedback.sourceId }, create_time: timeText(feedback.createdAt), last_update_time: timeText(feedback.updatedAt), ...value,
    ...(feedback.comment === "" ? {} : { rationale: feedback.comment }), metadata: rest, ...(overrides === undefined ? {} : { overrides }), valid,
  };
}

/** RFC 3339 with microseconds. */
function timeText(milliseconds: number): string {
  const whole = Math.floor(milliseconds);
  const micros = Math.min(999, Math.floor((milliseconds - whole) * 1000));
  return `${new Date(whole).toISOString().slice(0, -1)}${String(micros).padStart(3, "0")}Z`;
}
