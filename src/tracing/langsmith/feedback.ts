import { AppError } from "../../core/errors.ts";
import { cleanText } from "../otlp/received-spans.ts";
import type { Feedback } from "../schemas.ts";
import type { TraceService } from "../trace-service.ts";
import { hexOf, spanIdOfRun, traceIdOfRun } from "./runs.ts";

type Json = Record<string, unknown>;

/** What LangSmith's `create_feedback` sends: of a run, or of the trace whose root it is. */
export interface LangsmithFeedback extends Json {
  id: string;
}

type Draft = Parameters<TraceService["writeFeedback"]>[1];

export interface FeedbackOfTrace {
  traceId: string;
  draft: Draft;
}

/** What of a feedback may change. Absent or null is nothing. */
interface Opinion {
  score?: unknown;
  value?: unknown;
  correction?: unknown;
  comment?: unknown;
}

/** The id of a run that is no root: a span keeps half of it alone. */
const runKey = "langsmith.run_id";
const longest = 65_536;

/** Throws INVALID_REQUEST. */
export function feedbackOf(given: LangsmithFeedback, actor: string): FeedbackOfTrace {
  const { key, run_id: run, trace_id: trace, score, value, correction, comment } = given;
  if (typeof key !== "string" || key === "" || key.length > 250) throw new AppError("INVALID_REQUEST", "A feedback has a key of 1 to 250 characters.");
  if (typeof run !== "string" && typeof trace !== "string") throw new AppError("INVALID_REQUEST", "A feedback names neither run_id nor trace_id; feedback of projects is not kept.");
  const { type, metadata } = objectOf(given.feedback_source);
  const source = type === "model" ? "llm" : type === "app" ? "human" : "code";
  const isOfSpan = typeof run === "string" && run !== (trace ?? run);
  return {
    traceId: traceIdOfRun({ id: String(run ?? trace), trace_id: trace ?? run }),
    draft: {
      id: cleanText(given.id, 64), spanId: isOfSpan ? spanIdOfRun(run) : null, name: cleanText(key), kind: "feedback", source, sourceId: typeof type === "string" ? cleanText(type, 250) : "langsmith", actor,
      ...keptOf({ score, value, correction, comment }, { ...objectOf(metadata), ...(isOfSpan ? { [runKey]: run } : {}) }),
    },
  };
}

/** `update_feedback`: what is not said stays, null takes it away. Throws INVALID_REQUEST. */
export function changedFeedback(before: Feedback, change: Json, actor: string): Draft {
  const { traceId: _, revision: _revision, createdAt: _createdAt, updatedAt: _updatedAt, ...draft } = before;
  const said = Object.fromEntries(["score", "value", "correction", "comment"].filter((field) => change[field] !== undefined).map((field) => [field, change[field]]));
  return { ...draft, actor, ...keptOf({ ...opinionOf(before), ...said }, otherMetadata(before)) };
}

/** As LangSmith's clients read it, or null: they take no ids but UUIDs. */
export function wireFeedback(feedback: Feedback): Json | null {
  if (hexOf(feedback.id) === null) return null;
  const { [runKey]: run, ...metadata } = otherMetadata(feedback);
  const trace = uuidOf(feedback.traceId);
  return {
    id: feedback.id, created_at: new Date(feedback.createdAt).toISOString(), modified_at: new Date(feedback.updatedAt).toISOString(), run_id: feedback.spanId === null ? trace : (run ?? null), trace_id: trace, key: feedback.name, session_id: null,
    score: null, value: null, correction: null, ...opinionOf(feedback), comment: feedback.comment === "" ? null : feedback.comment, feedback_source: { type: feedback.sourceId, metadata },
  };
}

/** A score is the value, and what is said beside it stands in the metadata. */
function keptOf({ score, value, correction, comment }: Opinion, metadata: Json): Pick<Draft, "value" | "comment" | "metadata"> {
  const beside = isSaid(score) && isSaid(value) ? { value } : {};
  const entries = Object.entries({ ...metadata, ...(isSaid(correction) ? { correction } : {}), ...beside }).map(([name, each]) => [name, cleanText(typeof each === "string" ? each : JSON.stringify(each), longest)]);
  return { value: score ?? value ?? null, comment: typeof comment === "string" ? cleanText(comment, longest) : "", metadata: Object.fromEntries(entries) as Record<string, string> };
}

function opinionOf({ value, comment, metadata }: Feedback): Opinion {
  const isScore = typeof value === "number" || typeof value === "boolean" || metadata.value !== undefined;
  return { ...(isScore ? { score: value } : { value }), ...(metadata.value === undefined ? {} : { value: jsonOf(metadata.value) }), ...(metadata.correction === undefined ? {} : { correction: jsonOf(metadata.correction) }), comment };
}

function otherMetadata({ metadata: { correction: _, value: _value, ...metadata } }: Feedback): Record<string, string> {
  return metadata;
}

/** Objects and lists as such; everything else is the text that it is kept as. */
function jsonOf(text: string): unknown {
  if (!/^[[{]/.test(text)) return text;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

function isSaid(value: unknown): boolean {
  return value !== undefined && value !== null;
}

function uuidOf(hex: string): string {
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

function objectOf(value: unknown): Json {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Json) : {};
}
