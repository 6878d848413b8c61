import type { Problem } from "../../core/errors.ts";

/**
 * A chat as this server understands it, whatever protocol it came in: the one form between the protocols of callers (`../protocols`) and those of
 * providers (`../providers`). It holds all that any of them can say about a conversation, so that a mapping either carries a thing over, or
 * names it as dropped, emulated or refused. Where caller and provider speak the same protocol, bytes pass and this form is only read.
 */
export interface ChatRequest {
  messages: readonly ChatMessage[];
  tools: readonly ToolDefinition[];
  toolChoice: ToolChoice;
  /** Null where the caller did not say. */
  parallelToolCalls: boolean | null;
  output: OutputFormat;
  sampling: Sampling;
  reasoning: Reasoning | null;
  stream: boolean;
  /** The caller's name for its own user. */
  user: string | null;
  /**
   * Fields of the caller's protocol that have no place above, under the caller's names. A provider of that protocol gets them as they are; another takes those that it knows and
   * must name the others as dropped (harmless) or refuse them (the answer would be another).
   */
  extra: Readonly<Record<string, unknown>>;
  /**
   * What was asked for in words that this form lacks (built-in tools, stored answers), by path. Only a provider that speaks the caller's protocol can do it, with the caller's bytes; for any other each one is a
   * problem of GATEWAY_FIELD_UNSUPPORTED. Content among it stands in the messages as text all the same, so that it is counted and judged;
   * other values stand in `extra` under their paths, so that they tell requests apart.
   */
  nativeOnly?: readonly Problem[];
  /** Paths of fields inside of messages and tools that this form leaves behind and that do not change what is asked, to be named as dropped where the caller's bytes do not pass. */
  uncarried?: readonly string[];
  /** The caller's body as it was parsed, for those who must read all of what may pass on. */
  source?: Readonly<Record<string, unknown>>;
}

/** Messages stand in the order of the conversation; system messages too, wherever they came. */
export type ChatMessage =
  | { role: "system"; parts: readonly TextPart[]; name?: string }
  | { role: "user"; parts: readonly ContentPart[]; name?: string }
  | { role: "assistant"; parts: readonly AssistantPart[]; name?: string }
  /** The result of one tool call. Providers that want results of one turn together get neighbours put together. */
  | { role: "tool"; callId: string; parts: readonly ContentPart[]; isError: boolean };

export type ContentPart = TextPart | ImagePart | DocumentPart | AudioPart;
export type AssistantPart = TextPart | RefusalPart | ThinkingPart | RedactedThinkingPart | ToolCallPart | MadeImagePart;

/** Up to here a provider may keep what it computed. */
export interface CacheMark {
  ttl?: string;
}

export interface TextPart {
  type: "text";
  text: string;
  cache?: CacheMark;
}

/** Bytes in base64 with their media type, an address that the provider fetches, or a file that the provider holds. */
export type MediaSource = { kind: "data"; mediaType: string; base64: string } | { kind: "url"; url: string } | { kind: "file"; id: string };

export interface ImagePart {
  type: "image";
  source: MediaSource;
  /** `auto`, `low`, `high`. */
  detail?: string;
  cache?: CacheMark;
}

/** An image that a model made. */
export interface MadeImagePart {
  type: "image";
  source: MediaSource;
  /** Gemini's, of this image: goes back unchanged. */
  signature?: string;
}

/** A PDF or a text. */
export interface DocumentPart {
  type: "document";
  source: MediaSource;
  name?: string;
  cache?: CacheMark;
}

export interface AudioPart {
  type: "audio";
  mediaType: string;
  base64: string;
}

export interface RefusalPart {
  type: "refusal";
  text: string;
}

/** What the model thought before it answered. Never part of the text; the signature goes back to the provider unchanged. */
export interface ThinkingPart {
  type: "thinking";
  text: string;
  signature: string | null;
}

export interface RedactedThinkingPart {
  type: "redacted-thinking";
  data: string;
}

export interface ToolCallPart {
  type: "tool-call";
  id: string;
  name: string;
  /** JSON as the model wrote it, not always well formed; empty for a tool without arguments. */
  arguments: string;
  /** Gemini's thought signature of this call: goes back unchanged. */
  signature?: string;
  cache?: CacheMark;
}

export interface ToolDefinition {
  name: string;
  description?: string;
  /** JSON Schema. */
  parameters: Readonly<Record<string, unknown>>;
  strict?: boolean;
  cache?: CacheMark;
}

export type ToolChoice = { type: "auto" } | { type: "none" } | { type: "required" } | { type: "tool"; name: string };

export type OutputFormat =
  | { type: "text" }
  | { type: "json" }
  | { type: "schema"; name: string; description?: string; schema: Readonly<Record<string, unknown>>; strict: boolean };

/** Null where the caller did not say. */
export interface Sampling {
  maxOutputTokens: number | null;
  /** As OpenAI counts it: 0 to 2. */
  temperature: number | null;
  topP: number | null;
  topK: number | null;
  stop: readonly string[];
  seed: number | null;
  frequencyPenalty: number | null;
  presencePenalty: number | null;
}

/** `effort`: none, minimal, low, medium, high, xhigh. `budgetTokens` is at most what it thinks. */
export interface Reasoning {
  effort?: string;
  budgetTokens?: number;
}
