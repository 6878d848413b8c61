import { unknownUsage, type ChatAnswer } from "../../conversation/chat-answer.ts";
import type { ChatRequest } from "../../conversation/chat-request.ts";
import { compatibleRerank } from "../compatible/rerank.ts";
import { readHttpFailure } from "../http-failure.ts";
import { countWords, inputWords, type LocalProvider } from "../local-provider.ts";
import { openAIDialect } from "../openai/openai.ts";
import { openAIEmbeddings } from "../openai/openai-embeddings.ts";
import { modelIds, openAIChat } from "../openai/openai-mapping.ts";
import type { ProviderMapping } from "../provider-mapping.ts";
import { wordEmbeddings, wordRerank } from "./word-vectors.ts";

/** Answers with what it was asked: the last text of the user, or the last result of a tool; `call NAME {json}` calls a tool that the request offers. */
export const echoProvider: LocalProvider = {
  chat: (request, model, _, turn) => ({ answer: echoAnswer(request, model, turn), delayMs: 0 }),
  embeddings: wordEmbeddings,
  rerank: wordRerank,
};

function echoAnswer(request: ChatRequest, model: string, turn: number): ChatAnswer {
  const last = request.messages.findLast(({ role }) => role === "user" || role === "tool");
  const asked = (last?.parts ?? []).flatMap((part) => ("text" in part ? [part.text] : [])).join("\n");
  const inputTokens = inputWords(request);
  const rest = { id: `echo-${turn}`, model, finishWord: null };
  const call = last?.role === "user" ? /^call ([A-Za-z0-9_-]+)(?:\s+([^]*))?$/.exec(asked.trim()) : null;
  if (call !== null && request.tools.some(({ name }) => name === call[1]) && request.toolChoice.type !== "none") {
    const text = call[2] ?? "{}";
    return { ...rest, parts: [{ type: "tool-call", id: `call_echo_${turn}`, name: call[1] ?? "", arguments: text }], finish: "tool-calls", stopSequence: null, usage: { ...unknownUsage, inputTokens, outputTokens: countWords(text) + 1 } };
  }
  const { text, finish, stopSequence } = cut(asked, request);
  return { ...rest, parts: text === "" ? [] : [{ type: "text", text }], finish, stopSequence, usage: { ...unknownUsage, inputTokens, outputTokens: countWords(text) } };
}

/** Ends at the first stop sequence, and after as many words as the caller wants tokens at most. */
function cut(asked: string, { sampling }: ChatRequest): { text: string; finish: "stop" | "length"; stopSequence: string | null } {
  let [text, stopSequence]: [string, string | null] = [asked, null];
  for (const stop of sampling.stop) {
    const at = stop === "" ? -1 : text.indexOf(stop);
    if (at >= 0) [text, stopSequence] = [text.slice(0, at), stop];
  }
  const most = sampling.maxOutputTokens;
  if (most === null || countWords(text) <= most) return { text, finish: "stop", stopSequence };
  return { text: (text.match(/\S+\s*/g) ?? []).slice(0, most).join("").trimEnd(), finish: "length", stopSequence: null };
}

/** Both local providers speak OpenAI's protocol to the rest of the gateway, and take all that it can say. */
export function localMapping(name: string): ProviderMapping {
  return {
    native: { "openai-chat": { path: () => "/chat/completions" }, "openai-embeddings": { path: () => "/embeddings" }, rerank: { path: () => "/rerank" } },
    chat: openAIChat({ ...openAIDialect, name, topK: true, cacheMarks: true, anyImageType: true, thinking: "reasoning_content" }),
    embeddings: openAIEmbeddings({ name, path: () => "/embeddings", dimensions: "dimensions", tokens: true, user: true, extra: "all" }),
    rerank: compatibleRerank,
    authorize: () => ({}),
    failure: readHttpFailure,
    models: { path: "/models", read: modelIds },
  };
}

export const echo: ProviderMapping = localMapping("echo");
