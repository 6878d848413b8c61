import type { ChatAnswer, TokenUsage } from "../conversation/chat-answer.ts";
import type { ChatEvent } from "../conversation/chat-event.ts";
import type { ChatRequest } from "../conversation/chat-request.ts";
import type { ProviderSettings } from "../schemas.ts";
import type { Fields } from "./wire-value.ts";

/** The protocols that callers and providers both speak: between equal ones, bytes pass untouched. */
export type Protocol = "openai-chat" | "openai-completions" | "openai-responses" | "openai-embeddings" | "anthropic-messages" | "anthropic-count" | "rerank";

/** What goes to a provider. `path` is appended to the provider's base URL and may have a query. */
export interface UpstreamRequest {
  path: string;
  /** Without authorization, which `authorize` adds. Names in small letters. */
  headers: Readonly<Record<string, string>>;
  body: Uint8Array | string;
  /** Fields of the caller that this provider has nothing for and that do not change what is asked, such as `user`. */
  dropped: readonly string[];
  /** Fields that are done in another way here, such as `response_format (by a tool)`. */
  emulated: readonly string[];
}

/** Where a call goes. */
export interface MappingTarget {
  /** As the provider names it. */
  model: string;
  settings: ProviderSettings;
}

/** An answer without 2xx, as far as it could be understood. */
export interface UpstreamFailure {
  status: number;
  /** For the caller, in the provider's words where it gave any; shortened, without secrets. */
  message: string;
  /** The provider's word for it, such as `insufficient_quota`. */
  code: string | null;
  kind:
    /** The caller's fault: another provider would say the same. */
    | "invalid"
    /** The prompt is too long for this model; one with more room may answer. */
    | "context-length"
    /** The provider's filter refused. */
    | "content-filter"
    /** The provider's key is wrong, or may not do this: the operator's fault. */
    | "unauthorized"
    | "not-found"
    /** Paid-for quota is used up (402, insufficient_quota): waiting does not help. */
    | "quota"
    | "rate-limited"
    | "overloaded"
    | "failed";
  /** The provider says when to come back: Retry-After in seconds or as a date, retry-after-ms, Gemini's RetryInfo. */
  retryAfterMs: number | null;
}

/** Reads one streamed answer, however its bytes are cut. */
export interface ChatStreamReader {
  /**
   * The events that these bytes complete. Throws AppError PROVIDER_STREAM_FAILED where the provider reports an error in the middle, sends what is not its protocol, or more than 8 MiB without
   * the end of one event.
   */
  push(bytes: Uint8Array): ChatEvent[];
  /** No more bytes come. Throws PROVIDER_STREAM_FAILED where the model had not finished. */
  end(): ChatEvent[];
  /** The provider has said, in the words of its protocol, that nothing of the answer comes any more: whatever comes is no part of it. Absent where the protocol has no such words. */
  readonly isOver?: boolean;
}

export interface EmbeddingsRequest {
  /** Texts, or texts as token numbers. */
  input: readonly (string | readonly number[])[];
  dimensions: number | null;
  encoding: "float" | "base64";
  /** Such as `search_query`, where the caller said. */
  inputType: string | null;
  user: string | null;
  extra: Readonly<Record<string, unknown>>;
}

export interface EmbeddingsAnswer {
  model: string;
  vectors: readonly (readonly number[])[];
  usage: TokenUsage;
}

export interface RerankRequest {
  query: string;
  documents: readonly string[];
  topN: number | null;
  extra: Readonly<Record<string, unknown>>;
}

export interface RerankAnswer {
  model: string;
  /** From the best; `index` into the documents. */
  results: readonly { index: number; score: number }[];
  usage: TokenUsage;
}

/** One thing that a provider can do in a protocol of its own. Pure: no I/O, no clock. */
export interface Operation<Request, Answer> {
  /** Throws AppError GATEWAY_FIELD_UNSUPPORTED, with each field in `problems`, for what cannot be asked of this provider. */
  request(request: Request, target: MappingTarget): UpstreamRequest;
  /** Of a 2xx answer. Throws PROVIDER_ANSWER_INVALID for what is not this protocol. */
  answer(body: Uint8Array, headers: Readonly<Record<string, string>>): Answer;
}

export interface ChatOperation extends Operation<ChatRequest, ChatAnswer> {
  stream(): ChatStreamReader;
}

/**
 * A protocol that the provider itself speaks. The body passes but for what the gateway must change (the model's name, and `stream_options.include_usage` so that streams can be billed).
 */
export interface NativeProtocol {
  path(target: MappingTarget): string;
  /** Headers that the protocol wants, such as `anthropic-version`, where the caller sent none. */
  headers?(target: MappingTarget): Readonly<Record<string, string>>;
  /** Whether the chat can pass as it came. What other providers said earlier in it, and the caller gives back, may be refused here; the mapping says it so that it is taken. Absent where all is. */
  takes?(request: ChatRequest): boolean;
  /** Fields of the caller's body with other values, where what other providers said earlier in the chat would be refused and can be left out; `dropped` names it. Null where all can pass as it came; absent where it always can. */
  without?(source: Fields, target: MappingTarget): { fields: Fields; dropped: readonly string[] } | null;
}

/** One kind of provider: a folder of tables and pure functions. */
export interface ProviderMapping {
  /** Protocols in which bytes pass. */
  native: Readonly<Partial<Record<Protocol, NativeProtocol>>>;
  chat?: ChatOperation;
  embeddings?: Operation<EmbeddingsRequest, EmbeddingsAnswer>;
  rerank?: Operation<RerankRequest, RerankAnswer>;
  /** Counts a chat's tokens of input, where the provider has that. */
  countTokens?: Operation<ChatRequest, number>;
  /** The headers that show who pays, for a request as it will be sent. `secret` is null for providers without one. */
  authorize(request: { method: "GET" | "POST"; url: URL; headers: Readonly<Record<string, string>>; body: Uint8Array | string }, secret: string | null, settings: ProviderSettings, now: number): Readonly<Record<string, string>>;
  failure(status: number, headers: Readonly<Record<string, string>>, body: Uint8Array): UpstreamFailure;
  /** Path that lists the provider's models (also its health check), and how to read it; null where there is none. */
  models: { path: string; read(body: unknown): string[] } | null;
}
