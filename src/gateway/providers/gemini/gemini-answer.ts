import type { ChatAnswer } from "../../conversation/chat-answer.ts";
import { AnswerCollector } from "../../conversation/chat-event.ts";
import { readAnswer } from "../wire-value.ts";
import { GeminiChunkReader } from "./gemini-stream.ts";

/** Of a 200: also where the prompt was blocked, which is an answer without parts. Throws PROVIDER_ANSWER_INVALID, also where the model wrote a call that nobody can read. */
export function geminiChatAnswer(body: Uint8Array): ChatAnswer {
  const reader = new GeminiChunkReader("PROVIDER_ANSWER_INVALID");
  const collector = new AnswerCollector();
  for (const event of [...reader.read(readAnswer(body)), ...reader.end()]) collector.add(event);
  return collector.answer();
}
