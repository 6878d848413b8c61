import { AppError } from "../../core/errors.ts";
import type { CallBounds } from "../calls/call-ledger.ts";
import type { ChatRequest } from "../conversation/chat-request.ts";
import type { KeyPolicySettings, RouteSettings } from "../schemas.ts";
import { askedTier, type TierOf } from "../calls/service-tier.ts";
import type { Protocol } from "../providers/provider-mapping.ts";
import { estimateChat, mediaOfChat, mostMediaTokens, mostTokens, mostTokensOfChat, type MediaTokens } from "../tokens/index.ts";
import { isGroundedByPrompt, searchesByItself } from "../calls/web-searches.ts";

/** Output that is reserved, and asked for at most, where a budget holds the call and the caller named no end. */
export const boundedOutput = 4096;
/**
 * What a provider adds that nobody sees here, where neither route nor key says `addedTokens`: what it kept of earlier calls, results of tools that it runs, files behind an address. As much as the well-known models read
 * at their usual price.
 */
export const unseenTokens = 272_000;
/** What a model is told of its broken answer, beside the answer: at most ten problems. */
const tokensOfProblems = 4096;

/** Fields of protocols that bring such text in. A `prompt` is kept by the provider where it is an object. */
const bringsUnseen = [
  "previous_response_id", "conversation", "web_search_options", "google_search", "mcp_servers", "container", "data_sources", "search_parameters", "plugins", "connectors", "cached_content", "cachedContent",
] as const;
/** Searches of the web that are kept for a call under a budget whose caller did not say how many there may be. */
export const unboundedSearches = 20;

/** Names that servers of open models have for the most output, and that go before OpenAI's there. */
const otherMostOutput = ["n_predict", "num_predict", "max_new_tokens"] as const;
/** Tools of a provider's own kind that the caller runs: their results come as messages. Any other is run by the provider. */
const runByCaller = /^(?:function|custom|local_shell|shell|apply_patch|computer|bash|text_editor|memory)(?:_|$)/;

/** Of one round. */
export interface ChatBounds extends CallBounds {
  /** Tokens of input by estimate, also where a budget holds the call. */
  estimatedInput: number;
  tierOf: TierOf;
  webSearches(kind: string, model: string): number;
}

/** What is kept for it: the larger of what route and key say, so that neither has less than it asked for. */
export function addedTokensOf({ addedTokens: ofRoute }: Pick<RouteSettings, "addedTokens">, key: Pick<KeyPolicySettings, "addedTokens"> | null): number {
  const ofKey = key?.addedTokens;
  return ofRoute === undefined && ofKey === undefined ? unseenTokens : Math.max(ofRoute ?? 0, ofKey ?? 0);
}

/**
 * What one chat may use at most. `held`: a budget holds it, so that no text may cost more than is said here; images, audio and PDFs that came with the call count as the provider's rules say, and what the provider adds by
 * itself as `addedTokens`. `protocol`: its caller's. Throws GATEWAY_FIELD_UNSUPPORTED for a call under a budget whose cost nobody would ever be told.
 */
export function boundsOfChat(request: ChatRequest, held: boolean, addedTokens = unseenTokens, protocol?: Protocol): ChatBounds {
  const estimatedInput = estimateChat(request);
  const outputTokens = Math.max(request.sampling.maxOutputTokens ?? boundedOutput, ...otherMostOutput.map((name) => (name in request.extra ? countOf(request.extra[name]) : 0)));
  const { modalities } = request.extra;
  // Without a budget too: guardrails and conditions of targets judge by what the call may cost.
  const common = {
    rateTokens: estimatedInput + outputTokens, estimatedInput, tierOf: askedTier(request.extra, protocol), webSearches: mostSearchesOf(request), ...(Array.isArray(modalities) && modalities.includes("audio") ? { speaks: true } : {}),
  };
  if (!held) return { inputTokens: estimatedInput, outputTokens, ...common };
  if (request.nativeOnly?.some(({ path }) => path === "background") === true) {
    const problems = [{ path: "background", message: "what it costs is told to nobody who waits here" }];
    throw new AppError("GATEWAY_FIELD_UNSUPPORTED", "A call under a budget cannot go on in the background.", { problems });
  }
  refuseOtherModels(request);
  const media = mediaOfChat(request);
  const adding = bringingUnseen(request, media.unmeasured);
  const added = adding.length === 0 ? undefined : { tokens: addedTokens, by: adding };
  const inputTokens = mostTokensOfChat(request) + tokensOfExtra(request) + (added?.tokens ?? 0);
  const predicted = request.extra.prediction === undefined ? 0 : mostTokens(JSON.stringify(request.extra.prediction));
  const hasMedia = media.images.length > 0 || media.pages > 0 || media.audioSeconds > 0;
  return {
    inputTokens, outputTokens: outputTokens + predicted, ...common, added,
    ...(hasMedia ? { mediaTokens: (kind: string, model: string) => mostMediaTokens(media, kind, model) } : {}),
  };
}

/** With all that the call may make of one chat: several answers, rounds of repair, which see the broken answer too, and a hedge that costs as much as the call itself. */
export function boundsOfRounds({ inputTokens, outputTokens, rateTokens, mediaTokens, added, webSearches, ...beside }: CallBounds, { output, stream, extra }: ChatRequest, { repair, hedgeAfterMs }: RouteSettings): CallBounds {
  const answers = answersOf(extra);
  const repairs = output.type !== "text" && !stream ? repair : 0;
  const asked = hedgeAfterMs === undefined ? 1 : 2;
  const times = asked * (1 + repairs);
  const scaled = (kind: string, model: string): MediaTokens => {
    const { tokens, audio } = mediaTokens!(kind, model);
    return { tokens: times * tokens, audio: times * audio };
  };
  return {
    ...beside, mediaTokens: mediaTokens === undefined ? undefined : scaled, added: added === undefined ? undefined : { ...added, tokens: times * added.tokens },
    inputTokens: asked * (inputTokens * (1 + repairs) + repairs * (outputTokens + tokensOfProblems)),
    outputTokens: times * outputTokens * answers,
    ...(webSearches === undefined ? {} : { webSearches: (kind: string, model: string) => times * webSearches(kind, model) }),
    rateTokens: times * (rateTokens + outputTokens * (answers - 1)),
  };
}

/** How often the model writes an answer of full length: `n` for each of several prompts, or the `best_of` that are chosen from. */
function answersOf({ n, best_of: bestOf, prompt }: ChatRequest["extra"]): number {
  const prompts = Array.isArray(prompt) && typeof prompt[0] !== "number" ? Math.max(1, prompt.length) : 1;
  return prompts * Math.max(1, countOf(n), countOf(bestOf));
}

/** Whether the provider chooses the model: OpenRouter asks one of `models` where the first fails. */
export function leavesModel({ extra: { models } }: { extra: Readonly<Record<string, unknown>> }): boolean {
  return Array.isArray(models) && models.length > 0;
}

/** What another model costs would be told after the call alone. Throws GATEWAY_FIELD_UNSUPPORTED. */
export function refuseOtherModels(request: { extra: Readonly<Record<string, unknown>> }): void {
  if (!leavesModel(request)) return;
  const problems = [{ path: "models", message: "which of them answers, and at what price, the provider chooses: name them as targets of a route" }];
  throw new AppError("GATEWAY_FIELD_UNSUPPORTED", "A call under a budget cannot leave the model to its provider.", { problems });
}

/** Of the web, at most, as a provider of a kind counts them. What is returned outlives the call's answer with the call's record: it holds nothing of the call but these fields. */
export function mostSearchesOf({ extra }: ChatRequest): (kind: string, model: string) => number {
  return (kind, model) => searchesOf(extra, kind, model);
}

/** What its tools allow, or the call as a whole. */
function searchesOf(extra: ChatRequest["extra"], kind: string, model: string): number {
  const { web_search_options: asChat, google_search: grounding } = extra;
  if (kind === "gemini") return asChat === undefined && grounding === undefined ? 0 : isGroundedByPrompt(model) ? 1 : unboundedSearches;
  let searches = asChat !== undefined || searchesByItself(model) ? 1 : 0;
  for (const name in extra) {
    if (!name.startsWith("tools[") || typeof extra[name] !== "object" || extra[name] === null) continue;
    const { type, max_uses: most } = extra[name] as { type?: unknown; max_uses?: unknown };
    if (typeof type === "string" && type.startsWith("web_search")) searches += typeof most === "number" && most >= 0 ? Math.ceil(most) : unboundedSearches;
  }
  const { max_tool_calls: all } = extra;
  return typeof all === "number" && all >= 0 ? Math.min(searches, Math.ceil(all)) : searches;
}

function countOf(value: unknown): number {
  return typeof value === "number" && Number.isFinite(value) ? Math.ceil(value) : 1;
}

/** What has no place in the canonical form is sent to a provider that has words for it: definitions of its own tools, prompts as token numbers. */
function tokensOfExtra({ extra }: ChatRequest): number {
  return mostTokens(JSON.stringify(extra));
}

/** By the caller's names for it. */
function bringingUnseen({ extra }: ChatRequest, unmeasured: number): string[] {
  const found: string[] = bringsUnseen.filter((name) => name in extra);
  for (const name in extra) {
    const value = extra[name];
    if (typeof value !== "object" || value === null || Array.isArray(value)) continue;
    const type = String((value as { type?: unknown }).type).slice(0, 64);
    if (name === "prompt") found.push(name);
    else if (name.startsWith("tools[") && !runByCaller.test(type)) found.push(`the tool ${type}`);
  }
  if (unmeasured > 0) found.push(unmeasured === 1 ? "a document that cannot be measured here" : `${unmeasured} documents that cannot be measured here`);
  return found;
}
