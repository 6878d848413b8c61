import type { ChatAnswer, FinishReason } from "../../conversation/chat-answer.ts";
import type { AssistantPart } from "../../conversation/chat-request.ts";
import { fieldsOf, listOf, readAnswer, textOf, type Fields } from "../wire-value.ts";
import { answerInvalid, argumentsText, contentPieces, errorWords, finishOf, imagesOf, responseUsage, seenSearch, thinkingOf, usageOf } from "./openai-words.ts";

/**
 * A whole answer of chat completions, or of the two other protocols of OpenAI that bytes may pass in: completions and responses tell themselves by `object`. Of several choices the first is the answer, the others stand beside it. Throws
 * PROVIDER_ANSWER_INVALID.
 */
export function readOpenAIAnswer(body: Uint8Array, lenient: boolean): ChatAnswer {
  const document = readAnswer(body);
  if (document.object === "response") return readResponse(document);
  const error = errorWords(document);
  if (error !== null) throw answerInvalid(`The provider answered with an error: ${error}`);
  const [first, ...further] = listOf(document.choices).map((choice) => readChoice(fieldsOf(choice), textOf(document.id), lenient));
  if (first === undefined) throw answerInvalid("The provider's answer has no choice with a message.");
  const model = textOf(document.model);
  const usage = usageOf(document.usage, document.service_tier);
  const seen = seenSearch(model, fieldsOf(fieldsOf(listOf(document.choices)[0]).message), usage);
  return { id: textOf(document.id), model, ...first, usage: { ...usage, ...seen }, ...(further.length === 0 ? {} : { others: further }) };
}

function readChoice(choice: Fields, id: string, lenient: boolean): Pick<ChatAnswer, "parts" | "finish" | "finishWord" | "stopSequence"> {
  const completion = typeof choice.text === "string" && choice.message === undefined;
  if (!completion && (typeof choice.message !== "object" || choice.message === null)) throw answerInvalid("The provider's answer has no choice with a message.");
  const parts: AssistantPart[] = completion ? [{ type: "text", text: textOf(choice.text) }] : readMessage(fieldsOf(choice.message), id);
  const word = textOf(choice.finish_reason);
  if (word === "error") throw answerInvalid("The provider broke its answer off with an error.");
  if (word === "" && !lenient) throw answerInvalid("The provider's answer does not say why it ended.");
  const calls = parts.filter(({ type }) => type === "tool-call").length;
  return { parts, finish: finishOf(word, calls), finishWord: word === "" ? null : word, stopSequence: typeof choice.stop_reason === "string" ? choice.stop_reason : null };
}

function readMessage(message: Fields, id: string): AssistantPart[] {
  const parts: AssistantPart[] = [];
  const content = contentPieces(message.content);
  const thinking = content.thinking || thinkingOf(message);
  if (thinking !== "") parts.push({ type: "thinking", text: thinking, signature: content.signature || null });
  if (content.text !== "") parts.push({ type: "text", text: content.text });
  for (const image of imagesOf(message)) parts.push({ type: "image", source: { kind: "data", ...image } });
  const refusal = textOf(message.refusal);
  if (refusal !== "") parts.push({ type: "refusal", text: refusal });
  for (const [index, value] of listOf(message.tool_calls).entries()) {
    const call = fieldsOf(value);
    const made = fieldsOf(call.function);
    const name = textOf(made.name);
    if (name === "") throw answerInvalid("The provider's answer has a tool call without a name.");
    parts.push({ type: "tool-call", id: textOf(call.id) || madeUpCallId(id, index), name, arguments: argumentsText(made.arguments, answerInvalid) });
  }
  return parts;
}

/** For servers that give calls no id: the same in a stream and in a whole answer, and another in each answer. */
export function madeUpCallId(answerId: string, index: number): string {
  return `call_${answerId.replace(/[^A-Za-z0-9]/g, "").slice(-24)}_${index}`;
}

/** Of POST /v1/responses: a list of items instead of one message. */
function readResponse(response: Fields): ChatAnswer {
  const parts: AssistantPart[] = [];
  for (const item of listOf(response.output).map(fieldsOf)) {
    if (item.type === "function_call") parts.push({ type: "tool-call", id: textOf(item.call_id), name: textOf(item.name), arguments: argumentsText(item.arguments, answerInvalid) });
    else if (item.type === "message") {
      for (const part of listOf(item.content).map(fieldsOf)) {
        if (part.type === "output_text") parts.push({ type: "text", text: textOf(part.text) });
        else if (part.type === "refusal") parts.push({ type: "refusal", text: textOf(part.refusal) });
      }
    } else if (item.type === "reasoning") {
      const text = [...listOf(item.summary), ...listOf(item.content)].map((part) => textOf(fieldsOf(part).text)).join("\n");
      if (text !== "") parts.push({ type: "thinking", text, signature: null });
    }
  }
  return { id: textOf(response.id), model: textOf(response.model), parts, ...responseFinish(response, parts.some(({ type }) => type === "tool-call")), stopSequence: null, usage: responseUsage(response) };
}

/** Throws PROVIDER_ANSWER_INVALID for a response that failed. */
export function responseFinish(response: Fields, calls: boolean): { finish: FinishReason; finishWord: string } {
  const status = textOf(response.status);
  if (status === "failed" || status === "cancelled") throw answerInvalid(`The provider answered with an error: ${errorWords(response) ?? status}`);
  const reason = textOf(fieldsOf(response.incomplete_details).reason);
  if (status === "incomplete") return { finish: reason === "content_filter" ? "content-filter" : "length", finishWord: reason || status };
  return { finish: calls ? "tool-calls" : "stop", finishWord: status };
}
