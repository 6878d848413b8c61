import { presentAttributes, type Attributes, type AttributeValue, type Span } from "../../tracing/index.ts";
import { newSpanId } from "../../core/trace-context.ts";
import { slipwayVersion } from "../../core/version.ts";
import type { TokenUsage } from "../conversation/chat-answer.ts";
import type { Sampling } from "../conversation/chat-request.ts";
import type { AttemptRecord } from "../routing/call-plan.ts";

/** What one attempt used. */
export interface AttemptUse {
  /** Of its entry of the ledger beside the call's own; null where that is the call's. */
  id: string | null;
  usage: TokenUsage;
  /** Whole billionths of a US dollar; null where the price is not known. */
  cost: number | null;
}

/** What a provider said of its answer, beside what is in it. */
export interface AnswerFacts {
  /** The provider's; empty where it has none. */
  id: string;
  /** Of each choice, in the provider's words where it has some. */
  finishReasons: readonly string[];
}

/** GenAI conventions v1.41.1. */
export interface TracedCall {
  team: string;
  traceId: string;
  spanId: string;
  parentSpanId: string | null;
  /** `chat`, `embeddings`, `rerank`. */
  operation: string;
  /** By which name its route was called, or PROVIDER/MODEL. */
  model: string;
  /** Milliseconds since 1970. */
  startedAt: number;
  endedAt: number;
  /** Monotonic milliseconds at its start, which attempts and guardrails count from. */
  startedTick: number;
  /** The answer came as a stream, which its attempt gave until the end. */
  streamed: boolean;
  attempts: readonly AttemptRecord[];
  /** Of attempts that used something: each token and each cent is on one span, for whoever sums them. */
  uses: ReadonlyMap<AttemptRecord, AttemptUse>;
  /** Of a call that none of its attempts used anything for, such as one that a cache answered. */
  usage: TokenUsage;
  /** All that the call cost. Whole billionths of a US dollar. */
  cost: number | null;
  /** As the caller asked for it; null where it is no chat, or did not come so far. */
  sampling: Sampling | null;
  /** The attempt that was answered; of several rounds the last. */
  answered: AttemptRecord | null;
  /** The model that counts as having answered it. */
  answeredModel: string | null;
  answer: AnswerFacts | null;
  /** What the conventions call a provider of this name. */
  providerName(entered: string): string;
  error: { code: string; message: string } | null;
  attributes: Readonly<Record<string, AttributeValue | null | undefined>>;
  hooks: readonly { name: string; kind: string; on: string; since: number; ms: number; findings: number; action: string }[];
}

const resource: Attributes = { "service.name": "slipway", "service.version": slipwayVersion };
const scope = { name: "slipway.gateway", version: slipwayVersion };
const nanoseconds = (milliseconds: number): bigint => BigInt(Math.round(milliseconds * 1000)) * 1000n;

/**
 * The span of the call as the caller saw it, and one below it for each attempt on a provider and each guardrail. Spans of attempts are those that the conventions mean: models, tokens and costs are theirs alone, so that a sum over
 * spans has each once.
 */
export function spansOfCall(call: TracedCall): Span[] {
  const common = { traceId: call.traceId, events: [], links: [], resource, scope };
  const at = (tick: number): number => call.startedAt + Math.max(0, tick - call.startedTick);
  const last = call.attempts.at(-1);
  const hasUses = call.uses.size > 0;
  const spans: Span[] = [{
    ...common, spanId: call.spanId, parentSpanId: call.parentSpanId, name: `${call.operation} ${call.model}`, kind: "server",
    start: nanoseconds(call.startedAt), end: nanoseconds(call.endedAt), status: statusOf(call.error),
    attributes: presentAttributes({ "gen_ai.operation.name": call.operation, "error.type": call.error?.code }, hasUses ? { "slipway.call_cost_nano_dollars": call.cost } : useAttributes(call), call.attributes),
  }];
  const asked = call.attempts.length === 0 || call.sampling === null ? null : samplingAttributes(call.sampling);
  for (const attempt of call.attempts) {
    const start = at(attempt.since);
    const end = call.streamed && attempt === last ? call.endedAt : start + attempt.ms;
    const provider = call.providerName(attempt.provider);
    const use = call.uses.get(attempt);
    const isAnswered = attempt === call.answered;
    const { outcome, message } = isAnswered ? endOfAnswered(attempt, call) : attempt;
    spans.push({
      ...common, spanId: newSpanId(), parentSpanId: call.spanId, name: `${call.operation} ${attempt.model}`, kind: "client", start: nanoseconds(start), end: nanoseconds(end), status: statusOfAttempt(outcome, message),
      attributes: presentAttributes(
        {
          "slipway.attempt": true, "slipway.ledger_entry": use?.id, "slipway.hedge": attempt.hedge ? true : null, "gen_ai.operation.name": call.operation, "gen_ai.provider.name": provider,
          "slipway.provider": provider === attempt.provider ? null : attempt.provider, "gen_ai.request.model": attempt.model, "http.response.status_code": attempt.status, "http.request.resend_count": attempt.resends, "slipway.provider.request_id": attempt.requestId,
        },
        asked,
        isAnswered ? { "gen_ai.response.model": call.answeredModel, "gen_ai.response.id": call.answer?.id === "" ? null : call.answer?.id, "gen_ai.response.finish_reasons": call.answer?.finishReasons.length === 0 ? null : call.answer?.finishReasons } : null,
        use === undefined ? null : useAttributes(use),
        outcome === "ok" ? null : outcome === "cancelled" ? { "slipway.cancelled": message ?? outcome } : { "error.type": outcome },
      ),
    });
  }
  for (const hook of call.hooks) {
    spans.push({
      ...common, spanId: newSpanId(), parentSpanId: call.spanId, name: `guardrail ${hook.name}`, kind: "internal", start: nanoseconds(at(hook.since)), end: nanoseconds(at(hook.since) + hook.ms),
      status: { code: "ok", message: "" }, attributes: { "slipway.guardrail.kind": hook.kind, "slipway.guardrail.on": hook.on, "slipway.guardrail.action": hook.action, "slipway.guardrail.findings": hook.findings },
    });
  }
  return spans;
}

function statusOf(error: TracedCall["error"]): Span["status"] {
  return error === null ? { code: "ok", message: "" } : { code: "error", message: error.message };
}

/** How calls end whose provider broke off the stream that it had begun. */
const brokenStreams: Partial<Record<string, AttemptRecord["outcome"]>> = { PROVIDER_STREAM_FAILED: "broken-answer", PROVIDER_TIMEOUT: "timeout" };

/** An attempt is a success from the first of its answer on; where a stream breaks off behind that, it has failed all the same. */
function endOfAnswered(attempt: AttemptRecord, { streamed, error }: Pick<TracedCall, "streamed" | "error">): Pick<AttemptRecord, "outcome" | "message"> {
  const broken = streamed && error !== null ? brokenStreams[error.code] : undefined;
  return broken === undefined ? attempt : { outcome: broken, message: error!.message };
}

/** An attempt that was given up, such as the slower of two, has not failed. */
function statusOfAttempt(outcome: AttemptRecord["outcome"], message: string | null): Span["status"] {
  if (outcome === "ok") return { code: "ok", message: "" };
  return outcome === "cancelled" ? { code: "unset", message: "" } : { code: "error", message: message ?? outcome };
}

function useAttributes({ usage, cost }: Pick<AttemptUse, "usage" | "cost">): TracedCall["attributes"] {
  return {
    "gen_ai.usage.input_tokens": usage.inputTokens, "gen_ai.usage.output_tokens": usage.outputTokens, "gen_ai.usage.cache_read.input_tokens": usage.cacheReadTokens,
    "gen_ai.usage.cache_creation.input_tokens": usage.cacheWriteTokens, "gen_ai.usage.reasoning.output_tokens": usage.reasoningTokens, "slipway.cost_nano_dollars": cost,
  };
}

/** Of what callers choose: a span is no place for much of it. */
const [mostStops, longestStop] = [16, 200];

function samplingAttributes({ temperature, topP, topK, maxOutputTokens, stop, seed, frequencyPenalty, presencePenalty }: Sampling): TracedCall["attributes"] {
  return {
    "gen_ai.request.max_tokens": maxOutputTokens, "gen_ai.request.temperature": temperature, "gen_ai.request.top_p": topP, "gen_ai.request.top_k": topK, "gen_ai.request.seed": seed,
    "gen_ai.request.frequency_penalty": frequencyPenalty, "gen_ai.request.presence_penalty": presencePenalty, "gen_ai.request.stop_sequences": stop.length === 0 ? null : stop.slice(0, mostStops).map((text) => text.slice(0, longestStop)),
  };
}
