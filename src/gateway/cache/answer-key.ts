import { hash } from "node:crypto";
import { canonicalJson } from "../../core/canonical-json.ts";
import type { AssistantPart, ChatMessage, ChatRequest, ContentPart, MediaSource, Sampling } from "../conversation/chat-request.ts";

/** Whose answers these are and what gave them. Nothing is ever answered with what another tenant asked. */
export interface AnswerScope {
  team: string;
  /** Narrower than the team, such as a key that does not share with others; empty for the team's own. */
  keyScope: string;
  route: string;
  /** Targets that may answer, such as `openai/gpt-5-mini`, and whatever else of the route changes answers, such as its system prompt. In any order; the list is not changed afterwards. */
  targets: readonly string[];
}

/** Says nothing to the model: who asks, how the answer is sent, what is written about it elsewhere. */
const withoutMeaning = new Set(["user", "stream", "stream_options", "metadata", "safety_identifier", "prompt_cache_key", "prompt_cache_retention"]);
/** Written into keys: another form of them begins with another word, and finds nothing of this one. */
const form = "chat-2";

/**
 * 64 hex digits of SHA-256 over the tenant and everything in a chat that changes its answer, in one spelling: the order of keys and white space of JSON do not matter, nor the protocol that it came in, nor
 * whether it is streamed. Texts count as they are, to the last space.
 */
export function answerKey(scope: AnswerScope, request: ChatRequest): string {
  return digest(`${head(scope, request)}${request.messages.map(messageText).join("")}`);
}

/** The text that a semantic cache compares, and a key of everything else, which must be equal. */
export interface SemanticQuestion {
  scope: string;
  text: string;
}

/** Embedding models read the first 256 tokens or so: beyond, what differs would not be seen. */
const longestQuestion = 1000;

/**
 * Null where a chat is not for the semantic cache: its last message is not one short text of the user. Everything before it, the tools and all parameters are the scope.
 */
export function semanticQuestion(scope: AnswerScope, request: ChatRequest): SemanticQuestion | null {
  const last = request.messages.at(-1);
  if (last?.role !== "user" || last.parts.length !== 1) return null;
  const [part] = last.parts;
  if (part?.type !== "text" || part.text.length > longestQuestion || part.text.trim() === "") return null;
  const before = request.messages.slice(0, -1).map(messageText).join("");
  return { scope: digest(`semantic${head(scope, request)}${before}${said(last.name)}`), text: part.text };
}

/** The fields of sampling in the order in which keys have them. */
const samplingFields = Object.keys({
  maxOutputTokens: 0, temperature: 0, topP: 0, topK: 0, stop: 0, seed: 0, frequencyPenalty: 0, presencePenalty: 0,
} satisfies Record<keyof Sampling, 0>) as (keyof Sampling)[];

/** Of lists that stay what they are, as those of a route do. */
const sortedTargets = new WeakMap<readonly string[], string>();

function head({ team, keyScope, route, targets }: AnswerScope, request: ChatRequest): string {
  const { tools, toolChoice, parallelToolCalls, output, sampling, reasoning, extra } = request;
  let target = sortedTargets.get(targets);
  if (target === undefined) sortedTargets.set(targets, (target = JSON.stringify([...targets].sort())));
  let text = `${form}${said(team)}${said(keyScope)}${said(route)}${target}${parallelToolCalls}`;
  for (const name of samplingFields) text += `,${JSON.stringify(sampling[name])}`;
  // What few calls have takes longer.
  text += toolChoice.type === "auto" ? "-" : canonicalJson(toolChoice);
  text += output.type === "text" ? "-" : canonicalJson(output);
  text += reasoning === null ? "-" : canonicalJson(reasoning);
  text += tools.length === 0 ? "-" : canonicalJson(tools.map(({ name, description, parameters, strict }) => ({ name, description, parameters, strict })));
  return `${text}${others(extra)}`;
}

function others(extra: Readonly<Record<string, unknown>>): string {
  let kept: Record<string, unknown> | null = null;
  for (const name in extra) if (!withoutMeaning.has(name)) (kept ??= Object.create(null) as Record<string, unknown>)[name] = extra[name];
  return kept === null ? "-" : canonicalJson(kept);
}

/** Written by hand for speed, each field behind the other: a conversation is nearly all of what is hashed. `cache` marks tell the provider what to keep, not what to answer. */
function messageText(message: ChatMessage): string {
  switch (message.role) {
    case "tool":
      return `T${said(message.callId)}${message.isError ? "!" : "."}${parts(message.parts)}`;
    case "system":
    case "user":
    case "assistant":
      return `${message.role}${said(message.name)}${parts(message.parts)}`;
  }
}

function parts(all: readonly (ContentPart | AssistantPart)[]): string {
  let text = "[";
  for (const part of all) text += partText(part);
  return `${text}]`;
}

function partText(part: ContentPart | AssistantPart): string {
  switch (part.type) {
    case "text":
      return said(part.text);
    case "refusal":
      return `r${said(part.text)}`;
    case "thinking":
      return `t${said(part.text)}${said(part.signature)}`;
    case "redacted-thinking":
      return `d${said(part.data)}`;
    case "tool-call":
      return `c${said(part.id)}${said(part.name)}${said(part.arguments)}${said(part.signature)}`;
    case "image":
      return `i${source(part.source)}${said("detail" in part ? part.detail : undefined)}${"signature" in part ? said(part.signature) : ""}`;
    case "document":
      return `f${source(part.source)}${said(part.name)}`;
    case "audio":
      return `a${said(part.mediaType)}${said(part.base64)}`;
  }
}

function source(media: MediaSource): string {
  switch (media.kind) {
    case "data":
      return `b${said(media.mediaType)}${said(media.base64)}`;
    case "url":
      return `u${said(media.url)}`;
    case "file":
      return `o${said(media.id)}`;
  }
}

/** The length before the text keeps neighbours apart, in a fraction of the time that quoting takes. Halves of surrogate pairs have no bytes of their own: they are quoted. */
function said(text: string | null | undefined): string {
  if (text === null || text === undefined) return "-";
  return text.isWellFormed() ? `${text.length}:${text}` : JSON.stringify(text);
}

function digest(text: string): string {
  return hash("sha256", text, "hex");
}
