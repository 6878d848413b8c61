import { AppError } from "../core/errors.ts";
import type { CallBounds } from "./call-ledger.ts";
import type { ChatRequest } from "./conversation/chat-request.ts";
import type { RouteSettings } from "./schemas.ts";
import { estimateChat, mostTokens, mostTokensOfChat } from "./tokens/index.ts";

/** Output that is reserved, and asked for at most, where a budget holds the call and the caller named no end. */
export const boundedOutput = 4096;
/** What a provider adds that nobody sees here: what it kept of earlier calls, results of tools that it runs, files behind an address. As much as the well-known models read at their usual price. */
export const unseenTokens = 272_000;
/** What a model is told of its broken answer, beside the answer: at most ten problems. */
const tokensOfProblems = 4096;

/** Fields of protocols that bring such text in. A `prompt` is kept by the provider where it is an object. */
const bringsUnseen = ["previous_response_id", "conversation", "web_search_options", "mcp_servers"] as const;
/** Tools of a provider's own kind that the caller runs: their results come as messages. Any other is run by the provider. */
const runByCaller = /^(?:function|custom|local_shell|shell|apply_patch|computer|bash|text_editor|memory)(?:_|$)/;

/** Of one round. */
export interface ChatBounds extends CallBounds {
  /** Tokens of input by estimate, also where a budget holds the call. */
  estimatedInput: number;
}

/**
 * What one chat may use at most. `held`: a budget holds it, so that no text may cost more than is said here; images, and documents that came with the call, are taken at their usual count. Throws
 * GATEWAY_FIELD_UNSUPPORTED for a call under a budget whose cost nobody would ever be told.
 */
export function boundsOfChat(request: ChatRequest, held: boolean): ChatBounds {
  const estimatedInput = estimateChat(request);
  const outputTokens = request.sampling.maxOutputTokens ?? boundedOutput;
  const rateTokens = estimatedInput + outputTokens;
  if (!held) return { inputTokens: estimatedInput, outputTokens, rateTokens, estimatedInput };
  if (request.nativeOnly?.some(({ path }) => path === "background") === true) {
    const problems = [{ path: "background", message: "what it costs is told to nobody who waits here" }];
    throw new AppError("GATEWAY_FIELD_UNSUPPORTED", "A call under a budget cannot go on in the background.", { problems });
  }
  const inputTokens = mostTokensOfChat(request) + tokensOfExtra(request) + (hasUnseen(request) ? unseenTokens : 0);
  const predicted = request.extra.prediction === undefined ? 0 : mostTokens(JSON.stringify(request.extra.prediction));
  return { inputTokens, outputTokens: outputTokens + predicted, rateTokens, estimatedInput };
}

/** With all that the call may make of one chat: several answers, rounds of repair, which see the broken answer too, and a hedge that costs as much as the call itself. */
export function boundsOfRounds({ inputTokens, outputTokens, rateTokens }: CallBounds, { output, stream, extra }: ChatRequest, { repair, hedgeAfterMs }: RouteSettings): CallBounds {
  const answers = answersOf(extra);
  const repairs = output.type !== "text" && !stream ? repair : 0;
  const asked = hedgeAfterMs === undefined ? 1 : 2;
  return {
    inputTokens: asked * (inputTokens * (1 + repairs) + repairs * (outputTokens + tokensOfProblems)),
    outputTokens: asked * outputTokens * answers * (1 + repairs),
    rateTokens: asked * (1 + repairs) * (rateTokens + outputTokens * (answers - 1)),
  };
}

/** How often the model writes an answer of full length: `n` for each of several prompts, or the `best_of` that are chosen from. */
function answersOf({ n, best_of: bestOf, prompt }: ChatRequest["extra"]): number {
  const prompts = Array.isArray(prompt) && typeof prompt[0] !== "number" ? Math.max(1, prompt.length) : 1;
  return prompts * Math.max(1, countOf(n), countOf(bestOf));
}

function countOf(value: unknown): number {
  return typeof value === "number" && Number.isFinite(value) ? Math.ceil(value) : 1;
}

/** What has no place in the canonical form is sent to a provider that has words for it: definitions of its own tools, prompts as token numbers. */
function tokensOfExtra({ extra }: ChatRequest): number {
  return mostTokens(JSON.stringify(extra));
}

function hasUnseen({ extra, messages }: ChatRequest): boolean {
  if (bringsUnseen.some((name) => name in extra)) return true;
  for (const name in extra) {
    const value = extra[name];
    if (typeof value !== "object" || value === null || Array.isArray(value)) continue;
    if (name === "prompt" || (name.startsWith("tools[") && !runByCaller.test(String((value as { type?: unknown }).type)))) return true;
  }
  return messages.some(({ parts }) => parts.some((part) => part.type === "document" && part.source.kind !== "data"));
}
