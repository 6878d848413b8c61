import { AppError } from "../../core/errors.ts";
import { inputMessagesOf, outputMessagesOf } from "../dialects/chat-messages.ts";
import { cleanText } from "../otlp/received-spans.ts";
import { wordOf } from "../parsed-value.ts";
import type { AttributeValue, Span } from "../span.ts";

type Json = Record<string, unknown>;

/** A run as LangSmith's clients send it: whole, or first its beginning and later what changed. */
export interface LangsmithRun extends Json {
  id: string;
}

const operations: Readonly<Record<string, string>> = { llm: "chat", embedding: "embeddings", tool: "execute_tool", retriever: "retrieval", chain: "invoke_workflow" };
/** As nanoseconds; what a signed 64-bit integer holds. */
const latest = 2n ** 63n;
/** Further than any time that is kept, and exact. */
const latestMilliseconds = 1e13;
const uuid = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i;

/** Of a UUID its 32 digits; null where it is none. */
export function hexOf(id: unknown): string | null {
  return typeof id === "string" && uuid.test(id) ? id.replaceAll("-", "").toLowerCase() : null;
}

/** The id of the trace of a run. Throws INVALID_REQUEST. */
export function traceIdOfRun(run: LangsmithRun): string {
  const id = hexOf(run.trace_id) ?? (run.parent_run_id === undefined || run.parent_run_id === null ? hexOf(run.id) : null);
  if (id === null) throw new AppError("INVALID_REQUEST", "A run names no trace_id.");
  if (/^0+$/.test(id)) throw new AppError("INVALID_REQUEST", "The id of a trace is not all zeros.");
  return id;
}

/** A parent of zeros is none. */
function isZeros(id: unknown): boolean {
  return /^0+$/.test(hexOf(id) ?? "");
}

/** The half of a UUID that is random in all its versions. Throws INVALID_REQUEST, for zeros too: no span has such an id. */
export function spanIdOfRun(id: unknown): string {
  const hex = hexOf(id);
  if (hex === null) throw new AppError("INVALID_REQUEST", "The id of a run is no UUID.");
  const half = hex.slice(16);
  if (/^0+$/.test(half)) throw new AppError("INVALID_REQUEST", "The second half of a run's id is not all zeros.");
  return half;
}

/** A run as a span, its inputs and outputs as messages where it is a call of a model. Throws INVALID_REQUEST. */
export function spanOfRun(run: LangsmithRun): Span {
  const start = nanosecondsOf(run.start_time) ?? timeOfOrder(run.dotted_order);
  if (start === null) throw new AppError("INVALID_REQUEST", "A run has neither start_time nor dotted_order.");
  const end = nanosecondsOf(run.end_time);
  if (start <= 0n || start >= latest || (end !== null && end >= latest)) throw new AppError("INVALID_REQUEST", "A run begins and ends between 1970 and 2262.");
  const type = wordOf(run.run_type ?? "chain");
  const error = typeof run.error === "string" && run.error !== "" ? run.error : null;
  return {
    traceId: traceIdOfRun(run), spanId: spanIdOfRun(run.id), parentSpanId: run.parent_run_id === undefined || run.parent_run_id === null || isZeros(run.parent_run_id) ? null : spanIdOfRun(run.parent_run_id),
    name: cleanText(wordOf(run.name ?? type), 1024), kind: type === "llm" || type === "embedding" ? "client" : "internal", start, end: end !== null && end < start ? start : end,
    status: { code: error === null ? (end === null ? "unset" : "ok") : "error", message: error === null ? "" : cleanText(error) },
    attributes: attributesOf(run, type), events: [], links: [], resource: { "service.name": cleanText(wordOf(run.session_name ?? "langsmith"), 250) }, scope: { name: "langsmith", version: "" },
  };
}

function attributesOf(run: LangsmithRun, type: string): Record<string, AttributeValue> {
  const extra = objectOf(run.extra);
  const metadata = objectOf(extra.metadata);
  const outputs = objectOf(run.outputs);
  const isChat = type === "llm";
  // Others repeat what the calls within them used.
  const usage = isChat || type === "embedding" ? usageOf(outputs, metadata) : {};
  const input = isChat ? (inputMessagesOf(run.inputs) ?? promptsOf(run.inputs)) : null;
  const output = isChat ? outputMessagesOf(run.outputs) : null;
  const given: Record<string, unknown> = {
    "gen_ai.operation.name": Object.hasOwn(operations, type) ? operations[type] : undefined, "langsmith.run_type": type, "langsmith.run_id": hexOf(run.id) === traceIdOfRun(run) ? undefined : run.id.toLowerCase(), "gen_ai.provider.name": metadata.ls_provider, "gen_ai.request.model": metadata.ls_model_name ?? objectOf(extra.invocation_params).model,
    "gen_ai.response.id": isChat ? answerIdOf(outputs) : undefined, "gen_ai.request.temperature": metadata.ls_temperature, "gen_ai.request.max_tokens": metadata.ls_max_tokens, "gen_ai.conversation.id": metadata.session_id ?? metadata.thread_id ?? metadata.conversation_id, "user.id": metadata.user_id,
    "gen_ai.usage.input_tokens": usage.input_tokens ?? usage.prompt_tokens, "gen_ai.usage.output_tokens": usage.output_tokens ?? usage.completion_tokens, "gen_ai.usage.cost": usage.total_cost, ...partsOfUsage(usage),
    "gen_ai.tool.name": type === "tool" ? run.name : undefined, "langsmith.tags": Array.isArray(run.tags) ? run.tags.map(wordOf) : undefined,
    ...(input === null ? { "input.value": run.inputs } : { "gen_ai.input.messages": input }), ...(output === null ? { "output.value": run.outputs } : { "gen_ai.output.messages": output }),
    ...Object.fromEntries(Object.entries(metadata).filter(([, value]) => typeof value !== "object").map(([key, value]) => [`langsmith.metadata.${key}`, value])),
  };
  const attributes: Record<string, AttributeValue> = {};
  for (const [key, value] of Object.entries(given)) {
    if (value === undefined || value === null) continue;
    if (typeof value === "string") attributes[key] = cleanText(value);
    else if (typeof value === "number" || typeof value === "boolean" || key === "langsmith.tags") attributes[key] = value as AttributeValue;
    else attributes[key] = cleanText(JSON.stringify(value));
  }
  return attributes;
}

/** Where LangChain's and OpenAI's wrappers leave what a call used. */
function usageOf(outputs: Json, metadata: Json): Json {
  const generation: unknown = Array.isArray(outputs.generations) ? (outputs.generations as unknown[]).flat()[0] : undefined;
  const message = objectOf(objectOf(generation).message);
  const places = [outputs.usage_metadata, metadata.usage_metadata, objectOf(message.kwargs).usage_metadata, message.usage_metadata, objectOf(outputs.llm_output).token_usage, outputs.usage];
  return objectOf(places.find((place) => typeof place === "object" && place !== null));
}

/** What of the tokens came from a cache, went to one, or was thought, by the names of LangChain and of OpenAI. LangChain tells what was written by how long it is kept, or in one sum, never both. */
function partsOfUsage(usage: Json): Json {
  const input = objectOf(usage.input_token_details ?? usage.prompt_tokens_details ?? usage.input_tokens_details);
  const output = objectOf(usage.output_token_details ?? usage.completion_tokens_details ?? usage.output_tokens_details);
  const written = [input.cache_creation, input.ephemeral_5m_input_tokens, input.ephemeral_1h_input_tokens].filter((count) => typeof count === "number");
  return {
    "gen_ai.usage.cache_read.input_tokens": input.cache_read ?? input.cached_tokens, "gen_ai.usage.cache_creation.input_tokens": written.length === 0 ? undefined : written.reduce((sum, count) => sum + count, 0),
    "gen_ai.usage.reasoning.output_tokens": output.reasoning ?? output.reasoning_tokens,
  };
}

/** LangChain keeps the provider's id with the message, OpenAI's wrapper has the whole answer. */
function answerIdOf(outputs: Json): unknown {
  const generation: unknown = Array.isArray(outputs.generations) ? (outputs.generations as unknown[]).flat()[0] : undefined;
  const { kwargs } = objectOf(objectOf(generation).message);
  const id = objectOf(objectOf(kwargs).response_metadata).id ?? outputs.id;
  return typeof id === "string" ? id : undefined;
}

function promptsOf(inputs: unknown): object[] | null {
  const { prompts } = objectOf(inputs);
  return Array.isArray(prompts) ? prompts.map((prompt) => ({ role: "user", parts: [{ type: "text", content: wordOf(prompt) }] })) : null;
}

function objectOf(value: unknown): Json {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Json) : {};
}

/** Nanoseconds of an ISO time with up to nine digits behind the second, in UTC where it names no zone; also of milliseconds. */
export function nanosecondsOf(value: unknown): bigint | null {
  if (typeof value === "number" && value > 0) return BigInt(Math.round(Math.min(value, latestMilliseconds) * 1000)) * 1000n;
  const [, second, fraction = "", zone = "Z"] = (typeof value === "string" ? /^(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?\d*(Z|[+-]\d\d:\d\d)?$/.exec(value) : null) ?? [];
  const milliseconds = second === undefined ? Number.NaN : Date.parse(`${second.replace(" ", "T")}${zone}`);
  return Number.isNaN(milliseconds) ? null : BigInt(milliseconds) * 1_000_000n + BigInt(fraction.padEnd(9, "0"));
}

/** The last step of `20260102T030405678901Z<uuid>.20260102T...`. */
function timeOfOrder(order: unknown): bigint | null {
  const last = typeof order === "string" ? order.slice(order.lastIndexOf(".") + 1) : "";
  const [, year, month, day, hour, minute, second, micros] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)(\d{6})Z/.exec(last) ?? [];
  return year === undefined ? null : nanosecondsOf(`${year}-${month}-${day}T${hour}:${minute}:${second}.${micros}Z`);
}
