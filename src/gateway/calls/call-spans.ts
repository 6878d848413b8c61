import { presentAttributes, type Attributes, type AttributeValue, type Span } from "../../tracing/index.ts";
import { newSpanId } from "../../core/trace-context.ts";
import { slipwayVersion } from "../../core/version.ts";
import type { TokenUsage } from "../conversation/chat-answer.ts";
import type { AttemptRecord } from "../routing/call-plan.ts";

/** GenAI conventions v1.41.1. */
export interface TracedCall {
  team: string;
  traceId: string;
  spanId: string;
  parentSpanId: string | null;
  /** `chat`, `embeddings`, `rerank`. */
  operation: string;
  /** As the caller named it. */
  model: string;
  /** Milliseconds since 1970. */
  startedAt: number;
  endedAt: number;
  /** Monotonic milliseconds at its start, which attempts and guardrails count from. */
  startedTick: number;
  /** The answer came as a stream, which its attempt gave until the end. */
  streamed: boolean;
  attempts: readonly AttemptRecord[];
  /** Ids of the ledger's entries that attempts have beside the call's own. */
  beside: ReadonlyMap<AttemptRecord, string> | null;
  usage: TokenUsage;
  /** Whole billionths of a US dollar. */
  cost: number | null;
  error: { code: string; message: string } | null;
  attributes: Readonly<Record<string, AttributeValue | null | undefined>>;
  hooks: readonly { name: string; kind: string; on: string; since: number; ms: number; findings: number; action: string }[];
}

const resource: Attributes = { "service.name": "slipway", "service.version": slipwayVersion };
const scope = { name: "slipway.gateway", version: slipwayVersion };
const nanoseconds = (milliseconds: number): bigint => BigInt(Math.round(milliseconds * 1000)) * 1000n;

/** The span of the call as the caller saw it, and one below it for each attempt on a provider and each guardrail. */
export function spansOfCall(call: TracedCall): Span[] {
  const common = { traceId: call.traceId, events: [], links: [], resource, scope };
  const { usage } = call;
  const at = (tick: number): number => call.startedAt + Math.max(0, tick - call.startedTick);
  const last = call.attempts.at(-1);
  const spans: Span[] = [{
    ...common, spanId: call.spanId, parentSpanId: call.parentSpanId, name: `${call.operation} ${call.model}`, kind: "server",
    start: nanoseconds(call.startedAt), end: nanoseconds(call.endedAt), status: statusOf(call.error),
    attributes: presentAttributes({
      "gen_ai.operation.name": call.operation, "gen_ai.request.model": call.model, "gen_ai.provider.name": last?.provider,
      "gen_ai.usage.input_tokens": usage.inputTokens, "gen_ai.usage.output_tokens": usage.outputTokens, "gen_ai.usage.cache_read.input_tokens": usage.cacheReadTokens,
      "gen_ai.usage.cache_creation.input_tokens": usage.cacheWriteTokens, "gen_ai.usage.reasoning.output_tokens": usage.reasoningTokens,
      "slipway.cost_nano_dollars": call.cost, "error.type": call.error?.code, ...call.attributes,
    }),
  }];
  for (const attempt of call.attempts) {
    const start = at(attempt.since);
    const end = call.streamed && attempt === last ? call.endedAt : start + attempt.ms;
    spans.push({
      ...common, spanId: newSpanId(), parentSpanId: call.spanId, name: `${call.operation} ${attempt.model}`, kind: "client", start: nanoseconds(start), end: nanoseconds(end),
      status: attempt.outcome === "ok" ? { code: "ok", message: "" } : { code: "error", message: attempt.message ?? attempt.outcome },
      attributes: presentAttributes({
        "slipway.attempt": true, "slipway.ledger_entry": call.beside?.get(attempt), "slipway.hedge": attempt.hedge ? true : null, "gen_ai.provider.name": attempt.provider, "gen_ai.request.model": attempt.model,
        "http.response.status_code": attempt.status, "slipway.provider.request_id": attempt.requestId, "error.type": attempt.outcome === "ok" ? null : attempt.outcome,
      }),
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
