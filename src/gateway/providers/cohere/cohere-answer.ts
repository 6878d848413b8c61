import { AppError } from "../../../core/errors.ts";
import type { ChatAnswer } from "../../conversation/chat-answer.ts";
import type { AssistantPart } from "../../conversation/chat-request.ts";
import { fieldsOf, listOf, readAnswer, textOf } from "../wire-value.ts";
import { cohereFinish, cohereUsage } from "./cohere-words.ts";

/** Of a 200 of `v2/chat`. The model's name is not in it. Throws PROVIDER_ANSWER_INVALID, also for an answer that says that it failed. */
export function cohereChatAnswer(body: Uint8Array): ChatAnswer {
  const answer = readAnswer(body);
  const message = fieldsOf(answer.message);
  const finishWord = textOf(answer.finish_reason);
  const calls = listOf(message.tool_calls).map(callPart);
  const finish = finishWord === "" ? null : cohereFinish(finishWord, calls.length);
  if (finish === null) throw new AppError("PROVIDER_ANSWER_INVALID", finishWord === "" ? "The provider's answer is not one of its chats." : `The provider could not finish its answer (${finishWord.slice(0, 100)}).`);
  const plan = textOf(message.tool_plan);
  const parts: AssistantPart[] = plan === "" ? [] : [{ type: "thinking", text: plan, signature: null }];
  for (const block of listOf(message.content).map(fieldsOf)) {
    if (block.type === "text") parts.push({ type: "text", text: textOf(block.text) });
    else if (block.type === "thinking") parts.push({ type: "thinking", text: textOf(block.thinking), signature: null });
  }
  return { id: textOf(answer.id), model: "", parts: [...parts, ...calls], finish, finishWord, stopSequence: null, usage: cohereUsage(answer.usage) };
}

function callPart(value: unknown): AssistantPart {
  const call = fieldsOf(value);
  const { name, arguments: text } = fieldsOf(call.function);
  return { type: "tool-call", id: textOf(call.id), name: textOf(name), arguments: textOf(text) };
}
