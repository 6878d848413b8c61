import { AppError } from "../../../core/errors.ts";
import type { ChatAnswer } from "../../conversation/chat-answer.ts";
import type { AssistantPart } from "../../conversation/chat-request.ts";
import { fieldsOf, jsonText, listOf, readExactAnswer, textOf } from "../wire-value.ts";
import { answerTool } from "./bedrock-request.ts";
import { bedrockFinish, bedrockUsage, malformedStops, stopSequenceOf } from "./bedrock-words.ts";

/** Of a 200 of Converse. The model's name is not in it; the id is the request's. Throws PROVIDER_ANSWER_INVALID. */
export function bedrockChatAnswer(body: Uint8Array, headers: Readonly<Record<string, string>>): ChatAnswer {
  const answer = readExactAnswer(body);
  const finishWord = textOf(answer.stopReason);
  if (finishWord === "" || malformedStops.has(finishWord)) throw new AppError("PROVIDER_ANSWER_INVALID", finishWord === "" ? "The provider's answer is not one of Converse." : `The model's answer cannot be read (${finishWord}).`);
  const parts = listOf(fieldsOf(fieldsOf(answer.output).message).content).flatMap((block) => partsOf(block));
  const calls = parts.filter(({ type }) => type === "tool-call").length;
  return {
    id: headers["x-amzn-requestid"] ?? "", model: "", parts, finish: bedrockFinish(finishWord, calls), finishWord, stopSequence: stopSequenceOf(answer.additionalModelResponseFields), usage: bedrockUsage(answer),
  };
}

function partsOf(value: unknown): AssistantPart[] {
  const block = fieldsOf(value);
  if (typeof block.text === "string") return [{ type: "text", text: block.text }];
  if (block.toolUse !== undefined) {
    const { toolUseId, name, input } = fieldsOf(block.toolUse);
    const text = input === undefined ? "" : jsonText(input);
    if (text === null) throw new AppError("PROVIDER_ANSWER_INVALID", "The arguments of a tool call are nested too deeply.");
    return [name === answerTool ? { type: "text", text } : { type: "tool-call", id: textOf(toolUseId), name: textOf(name), arguments: text }];
  }
  const { reasoningText, redactedContent } = fieldsOf(block.reasoningContent);
  if (reasoningText !== undefined) return [{ type: "thinking", text: textOf(fieldsOf(reasoningText).text), signature: textOf(fieldsOf(reasoningText).signature) || null }];
  if (typeof redactedContent === "string") return [{ type: "redacted-thinking", data: redactedContent }];
  // Text with its sources: only a caller who asks for them in Converse's own words gets any.
  return listOf(fieldsOf(block.citationsContent).content).map((piece) => ({ type: "text", text: textOf(fieldsOf(piece).text) }));
}
