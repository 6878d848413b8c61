import { AppError } from "../../core/errors.ts";
import { cleanText } from "../otlp/received-spans.ts";
import type { TraceService } from "../trace-service.ts";
import { spanIdOfRun, traceIdOfRun } from "./runs.ts";

type Json = Record<string, unknown>;

/** What LangSmith's `create_feedback` sends: of a run, or of the trace whose root it is. */
export interface LangsmithFeedback extends Json {
  id: string;
}

export interface FeedbackOfTrace {
  traceId: string;
  draft: Parameters<TraceService["writeFeedback"]>[1];
}

/** Throws INVALID_REQUEST. */
export function feedbackOf(given: LangsmithFeedback, actor: string): FeedbackOfTrace {
  const { key, comment, correction, run_id: run, trace_id: trace } = given;
  if (typeof key !== "string" || key === "" || key.length > 250) throw new AppError("INVALID_REQUEST", "A feedback has a key of 1 to 250 characters.");
  if (typeof run !== "string" && typeof trace !== "string") throw new AppError("INVALID_REQUEST", "A feedback names neither run_id nor trace_id; feedback of projects is not kept.");
  const { type, metadata } = objectOf(given.feedback_source);
  const source = type === "model" ? "llm" : type === "app" ? "human" : "code";
  const said = given.score ?? given.value ?? null;
  return {
    traceId: traceIdOfRun({ id: String(run ?? trace), trace_id: trace ?? run }),
    draft: {
      id: cleanText(given.id, 64), spanId: typeof run === "string" && run !== (trace ?? run) ? spanIdOfRun(run) : null, name: cleanText(key), kind: "feedback", value: said, source, sourceId: typeof type === "string" ? cleanText(type, 250) : "langsmith",
      comment: typeof comment === "string" ? cleanText(comment, 65_536) : "", actor,
      metadata: Object.fromEntries(Object.entries({ ...objectOf(metadata), ...(correction === undefined || correction === null ? {} : { correction }), ...(given.score === undefined || given.score === null || given.value === undefined || given.value === null ? {} : { value: given.value }) })
        .map(([name, value]) => [name, cleanText(typeof value === "string" ? value : JSON.stringify(value), 65_536)])),
    },
  };
}

function objectOf(value: unknown): Json {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Json) : {};
}
