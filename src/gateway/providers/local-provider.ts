import type { ChatAnswer } from "../conversation/chat-answer.ts";
import type { ChatRequest } from "../conversation/chat-request.ts";
import type { ProviderSettings } from "../schemas.ts";
import type { EmbeddingsAnswer, EmbeddingsRequest, RerankAnswer, RerankRequest } from "./provider-mapping.ts";

export interface LocalAnswer {
  answer: ChatAnswer;
  /** Waited before it begins. */
  delayMs: number;
  /** In place of the answer. */
  failure?: { status: number; message: string };
}

/** A provider within this process: it needs no network and no key. Pure; `turn` counts the calls of this provider from 0. */
export interface LocalProvider {
  chat(request: ChatRequest, model: string, settings: ProviderSettings, turn: number): LocalAnswer;
  embeddings(request: EmbeddingsRequest, model: string): EmbeddingsAnswer;
  rerank(request: RerankRequest, model: string): RerankAnswer;
}

/** Where requests to local providers are addressed; nothing is ever sent there. */
export const localBaseUrl = "http://local.invalid";

/** Tokens of local providers are words. */
export function countWords(text: string): number {
  let count = 0;
  let inWord = false;
  for (const character of text) {
    const isSpace = character.trim() === "";
    if (!isSpace && !inWord) count++;
    inWord = !isSpace;
  }
  return count;
}

/** Words of all that a model would read. */
export function inputWords(request: ChatRequest): number {
  let count = 0;
  for (const message of request.messages) {
    for (const part of message.parts) {
      if ("text" in part) count += countWords(part.text);
      else if (part.type === "tool-call") count += countWords(part.arguments) + 1;
    }
  }
  return count;
}
