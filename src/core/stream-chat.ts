import type { ApiClient } from "./api-client.ts";
import { errorCatalogue, type ErrorCode } from "./error-catalogue.ts";
import { AppError } from "./errors.ts";

/** A chat completion as it is asked for in OpenAI's protocol; other fields of that go along as they are. */
export interface ChatQuestion {
  /** A route, or PROVIDER/MODEL. */
  model: string;
  messages: readonly { role: string; content?: unknown; [field: string]: unknown }[];
  [field: string]: unknown;
}

/** In tokens. */
export interface ChatUsage {
  prompt_tokens: number;
  completion_tokens: number;
  total_tokens: number;
  [field: string]: unknown;
}

/** A whole answer in OpenAI's protocol. */
export interface ChatCompletion {
  id: string;
  model: string;
  choices: { index: number; message: { role: string; content: string | null; [field: string]: unknown }; finish_reason: string | null; [field: string]: unknown }[];
  usage?: ChatUsage;
  [field: string]: unknown;
}

/** A piece of an answer in OpenAI's protocol. The last one has the usage, and no choices. */
export interface ChatChunk {
  id: string;
  model: string;
  choices: { index: number; delta: { role?: string; content?: string | null; [field: string]: unknown }; finish_reason: string | null; [field: string]: unknown }[];
  usage?: ChatUsage | null;
  [field: string]: unknown;
}

/**
 * The pieces of an answer as they come, until it is whole; the last tells the usage, unless the question has `stream_options` of its own. An answer that fails after it began throws the AppError that the stream has, one that
 * ends without saying so PROVIDER_STREAM_FAILED, a connection that breaks SERVER_UNREACHABLE, and a signal that aborts its reason. Who stops reading ends the call.
 */
export async function* streamChat(api: Pick<ApiClient, "stream">, question: ChatQuestion, signal?: AbortSignal): AsyncGenerator<ChatChunk, void, undefined> {
  let isWhole = false;
  for await (const { data } of api.stream("/v1/chat/completions", { stream_options: { include_usage: true }, ...question, stream: true }, signal)) {
    // What comes behind is nothing; a connection that is read to its end is kept for the next call.
    if (isWhole || (isWhole = data === "[DONE]")) continue;
    const chunk = chunkOf(data);
    if (typeof chunk.error === "object" && chunk.error !== null) throw errorOf(chunk.error);
    yield chunk;
  }
  if (!isWhole) throw new AppError("PROVIDER_STREAM_FAILED", "The answer ended before it was whole.");
}

function chunkOf(data: string): ChatChunk {
  try {
    const chunk = JSON.parse(data) as ChatChunk | null;
    if (typeof chunk === "object" && chunk !== null) return chunk;
  } catch (cause) {
    throw new AppError("PROVIDER_ANSWER_INVALID", "A piece of the answer is not JSON.", { cause });
  }
  throw new AppError("PROVIDER_ANSWER_INVALID", "A piece of the answer is no JSON object.");
}

/** Errors within a stream have the codes of OpenAI's clients, which are fewer than this server's; the hint behind the message tells them apart. */
function errorOf({ message, code }: { message?: unknown; code?: unknown }): AppError {
  const text = typeof message === "string" ? message : "The answer failed.";
  const own = String(code).toUpperCase();
  const found = (Object.hasOwn(errorCatalogue, own) ? own : Object.entries(errorCatalogue).find(([, { hint }]) => text.endsWith(` ${hint}`))?.[0]) as ErrorCode | undefined;
  const known = found ?? "PROVIDER_STREAM_FAILED";
  const { hint } = errorCatalogue[known];
  return new AppError(known, text.endsWith(` ${hint}`) ? text.slice(0, -hint.length - 1) : text);
}
