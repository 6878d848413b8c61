import type { ChatAnswer } from "../../conversation/chat-answer.ts";
import type { AssistantPart } from "../../conversation/chat-request.ts";
import { AppError } from "../../../core/errors.ts";
import { callerText, fieldsOf, jsonText, listOf, readExactAnswer, textOf } from "../wire-value.ts";
import { outputTool } from "./anthropic-request.ts";
import { finishOf, newerUsage, tokenUsage, untold } from "./anthropic-words.ts";

/** A whole message. Blocks of the provider's own tools are passed over: they pass where bytes do. Throws PROVIDER_ANSWER_INVALID. */
export function readAnthropicAnswer(body: Uint8Array): ChatAnswer {
  const message = readExactAnswer(body);
  if (message.type === "error") throw invalid(`The provider answered with an error: ${callerText(textOf(fieldsOf(message.error).message))}`);
  if (!Array.isArray(message.content)) throw invalid("The provider's answer has no content.");
  const word = textOf(message.stop_reason);
  if (word === "") throw invalid("The provider's answer does not say why it ended.");
  const parts: AssistantPart[] = [];
  let calls = 0;
  for (const block of listOf(message.content).map(fieldsOf)) {
    switch (block.type) {
      case "text":
        if (block.text !== "") parts.push({ type: "text", text: textOf(block.text) });
        break;
      case "thinking":
        parts.push({ type: "thinking", text: textOf(block.thinking), signature: textOf(block.signature) || null });
        break;
      case "redacted_thinking":
        parts.push({ type: "redacted-thinking", data: textOf(block.data) });
        break;
      case "tool_use": {
        const text = jsonText(block.input ?? {});
        // A call must not be made without its arguments.
        if (text === null) throw invalid("The arguments of a tool call are nested too deeply.");
        if (block.name === outputTool) {
          parts.push({ type: "text", text });
          break;
        }
        if (textOf(block.name) === "") throw invalid("The provider's answer has a tool call without a name.");
        calls++;
        parts.push({ type: "tool-call", id: textOf(block.id), name: textOf(block.name), arguments: text });
      }
    }
  }
  const stopSequence = textOf(message.stop_sequence) || null;
  return { id: textOf(message.id), model: textOf(message.model), parts, finish: finishOf(word, calls), finishWord: word, stopSequence, usage: tokenUsage(newerUsage(untold, message.usage)) };
}

function invalid(message: string): AppError {
  return new AppError("PROVIDER_ANSWER_INVALID", message);
}
