import type { ChatRequest } from "../../conversation/chat-request.ts";
import { isImageMadeHere, isSealedHere } from "../../protocols/openai-responses/sealed-thinking.ts";
import { fieldsOf } from "../wire-value.ts";

/** Whether items of earlier answers can go back to OpenAI as the caller has them. Where another provider gave one, after a fallback or by weight, what it thought and the signatures of its calls are nothing to OpenAI, which refuses the whole request. */
export function takesItems({ source }: ChatRequest): boolean {
  const input = source?.input;
  return !Array.isArray(input) || input.map(fieldsOf).every((item) => (item.type === "reasoning" ? !isSealedHere(item) : item.type === "image_generation_call" ? !isImageMadeHere(item) : item.type !== "function_call" || item.extra_content === undefined));
}
