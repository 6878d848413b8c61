import type { Clock } from "../../core/clock.ts";
import { AppError } from "../../core/errors.ts";
import type { StopSignal } from "../../core/stop-signal.ts";
import type { CallContext } from "./call-context.ts";
import type { CallFloor } from "./call-floor.ts";
import type { CallBounds } from "./call-ledger.ts";
import type { CallRecord } from "./call-record.ts";
import type { ChatRequest } from "../conversation/chat-request.ts";
import type { Guardrails } from "../guardrails/index.ts";
import type { EmbeddingsRequest, RerankRequest } from "../providers/provider-mapping.ts";
import type { RouteSettings } from "../schemas.ts";

export interface GuardParts {
  floor: Pick<CallFloor, "worstDollars" | "deadline">;
  clock: Pick<Clock, "monotonic">;
  /** Null where the route has none. */
  guardrailsOf(settings: RouteSettings): Guardrails | null;
  /** Asks a model that is served here, for a guardrail of the call whose span is `within` and which has so many milliseconds left; who leaves is not waited for. */
  classify(model: string, text: string, within: { team: string; traceId: string; spanId: string; caller: string }, bounds: { remainingMs: number; signal: StopSignal }): Promise<{ label?: string; score?: number }>;
}

/** One call's surroundings, as its guardrails see them. */
export function guardContext({ floor, clock, classify }: GuardParts, { settings, context, record }: { settings: RouteSettings; context: Pick<CallContext, "now" | "signal">; record: CallRecord }, bounds: CallBounds): Parameters<Guardrails["begin"]>[0] {
  const within = { team: record.attribution.team, traceId: record.attribution.traceId, spanId: record.spanId, caller: record.attribution.actor };
  const costs = settings.targets.map((target) => floor.worstDollars(target, bounds, context.now));
  const deadline = floor.deadline(settings, record);
  return { worstCost: costs.includes(null) ? null : Math.max(...(costs as number[])), monotonic: () => clock.monotonic(), classify: (model, text) => classify(model, text, within, { remainingMs: deadline - clock.monotonic(), signal: context.signal }) };
}

/** Throws GATEWAY_FIELD_UNSUPPORTED for token numbers, which are text to the model alone. */
export function refuseTokenNumbers(path: string, value: unknown): void {
  if (!Array.isArray(value) || !value.flat().some((item) => typeof item === "number")) return;
  throw new AppError("GATEWAY_FIELD_UNSUPPORTED", `The guardrails of the route cannot read token numbers in ${path}; send the text.`, { problems: [{ path, message: "token numbers cannot be read by guardrails" }] });
}

interface SideRequest<Request> {
  operation: "embeddings" | "rerank";
  request: Request;
  texts: readonly string[];
  user: string | null;
}

/** A request for vectors or for an order as the guardrails let it go out, with its texts. Throws CONTENT_BLOCKED, GATEWAY_FIELD_UNSUPPORTED, and what a classifier throws. */
export async function guardedSideRequest<Request>(
  guardrails: Guardrails, context: Parameters<Guardrails["begin"]>[0], record: CallRecord, { operation, request, texts, user }: SideRequest<Request>,
): Promise<Pick<SideRequest<Request>, "request" | "texts">> {
  if (operation === "embeddings" && guardrails.readsInput) refuseTokenNumbers("input", (request as EmbeddingsRequest).input);
  const guarded = guardrails.begin(context);
  record.hooks = guarded.reports;
  const read = await guarded.before({ ...nothingSaid, user, messages: texts.map((text) => ({ role: "user", parts: [{ type: "text", text }] })) });
  const allowed = read.messages.map(({ parts }) => parts.map((part) => (part.type === "text" ? part.text : "")).join(""));
  const [query = "", ...documents] = allowed;
  const changed: Partial<EmbeddingsRequest> | Partial<RerankRequest> = operation === "rerank" ? { query, documents } : guardrails.readsInput ? { input: allowed, user: read.user } : {};
  return { texts: allowed, request: { ...request, ...changed } };
}

const nothingSaid: ChatRequest = {
  messages: [], tools: [], toolChoice: { type: "auto" }, parallelToolCalls: null, output: { type: "text" },
  sampling: { maxOutputTokens: null, temperature: null, topP: null, topK: null, stop: [], seed: null, frequencyPenalty: null, presencePenalty: null },
  reasoning: null, stream: false, user: null, extra: {},
};
