import { parsedValue, wordOf } from "../parsed-value.ts";

type Json = Record<string, unknown>;

/** A message as `gen_ai.input.messages` has it. */
export interface ChatMessage {
  role: string;
  parts: Json[];
  finish_reason?: string;
}

/** LangChain's names for roles. */
const roles: Readonly<Record<string, string>> = { human: "user", ai: "assistant", AIMessageChunk: "assistant", HumanMessage: "user", AIMessage: "assistant", SystemMessage: "system", ToolMessage: "tool", model: "assistant", developer: "system" };

/** Messages out of what programs log as the input of a chat: lists of messages of OpenAI, Anthropic, Vercel, LangChain or the conventions, or an object that has one. Null where it is none. */
export function inputMessagesOf(value: unknown): ChatMessage[] | null {
  if (isObject(value)) {
    const system = value.system ?? value.instructions ?? value.systemInstruction ?? (isObject(value.config) ? value.config.system_instruction : undefined);
    const list = listOf(value.messages ?? value.input ?? value.contents, "user") ?? (typeof value.prompt === "string" ? [message("user", value.prompt)] : null);
    return list === null || system === undefined || system === null ? list : [message("system", system), ...list];
  }
  return listOf(value, null);
}

/** Messages out of what programs log as the answer of a chat. */
export function outputMessagesOf(value: unknown): ChatMessage[] | null {
  if (!isObject(value)) return listOf(value, null);
  if (Array.isArray(value.choices)) return value.choices.filter(isObject).map(choiceOf);
  if (Array.isArray(value.generations)) return value.generations.flat().filter(isObject).map((generation) => messageOf(generation.message ?? generation, "assistant"));
  if (Array.isArray(value.candidates)) return value.candidates.filter(isObject).map((candidate) => messageOf(candidate.content, "assistant"));
  if (Array.isArray(value.output)) return listOf(value.output, "assistant");
  if (Array.isArray(value.messages)) return listOf(value.messages, "assistant");
  if (isObject(value.content) && Array.isArray(value.content.parts)) return [messageOf(value.content, "assistant")];
  if (value.content !== undefined || value.kwargs !== undefined || value.parts !== undefined) {
    const found = messageOf(value, "assistant");
    return [typeof value.stop_reason === "string" ? { ...found, finish_reason: value.stop_reason } : found];
  }
  return null;
}

function choiceOf(choice: Json): ChatMessage {
  const found = messageOf(choice.message ?? choice.delta ?? { content: choice.text }, "assistant");
  return typeof choice.finish_reason === "string" ? { ...found, finish_reason: choice.finish_reason } : found;
}

function listOf(value: unknown, plainRole: string | null): ChatMessage[] | null {
  if (typeof value === "string") return plainRole === null ? null : [message(plainRole, value)];
  if (!Array.isArray(value) || value.length === 0) return null;
  // LangChain has a list for each of several conversations.
  const items: unknown[] = Array.isArray(value[0]) ? (value[0] as unknown[]) : value;
  if (!items.every((item) => isMessage(item))) return null;
  return items.map((item) => messageOf(item, "user"));
}

function isMessage(value: unknown): boolean {
  return isObject(value) && (value.role !== undefined || value.kwargs !== undefined || value.message !== undefined || (typeof value.type === "string" && (value.content !== undefined || value.type.startsWith("function_call") || value.type === "reasoning")));
}

function message(role: string, content: unknown): ChatMessage {
  return { role, parts: partsOf(content) };
}

function messageOf(value: unknown, otherwise: string): ChatMessage {
  if (!isObject(value)) return message(otherwise, value);
  if (isObject(value.message)) return messageOf(value.message, otherwise);
  if (isObject(value.kwargs)) {
    const name = Array.isArray(value.id) ? wordOf(value.id.at(-1)) : "";
    return messageOf({ role: value.kwargs.type ?? name, ...value.kwargs }, otherwise);
  }
  if (value.type === "function_call") return { role: "assistant", parts: [callOf(value.call_id ?? value.id, value.name, value.arguments)] };
  if (value.type === "function_call_output") return { role: "tool", parts: [responseOf(value.call_id, value.output)] };
  const given = wordOf(value.role ?? value.type ?? otherwise);
  const role = Object.hasOwn(roles, given) ? roles[given]! : given === "message" || given === "reasoning" ? "assistant" : given;
  const finish = value.finish_reason ?? value.finishReason;
  const ending = typeof finish === "string" ? { finish_reason: finish } : {};
  if (Array.isArray(value.parts)) return { role, parts: value.parts.map((part) => partOf(part)), ...ending };
  const toolCallId = value.tool_call_id ?? value.toolCallId ?? (role === "tool" ? value.id : undefined);
  if (role === "tool" && toolCallId !== undefined) return { role, parts: [responseOf(toolCallId, value.content)], ...ending };
  const calls = Array.isArray(value.tool_calls) ? value.tool_calls.filter(isObject).map(({ id, name, args, function: called }) => (isObject(called) ? callOf(id, called.name, called.arguments) : callOf(id, name, args))) : [];
  const legacy = isObject(value.function_call) ? [callOf(null, value.function_call.name, value.function_call.arguments)] : [];
  const reasoning = typeof value.reasoning_content === "string" && value.reasoning_content !== "" ? [{ type: "reasoning", content: value.reasoning_content }] : [];
  return { role, parts: [...reasoning, ...partsOf(value.content), ...calls, ...legacy], ...ending };
}

function partsOf(content: unknown): Json[] {
  if (content === undefined || content === null || content === "") return [];
  if (Array.isArray(content)) return content.map((part) => partOf(part));
  if (typeof content === "string") return [{ type: "text", content }];
  return [partOf(content)];
}

function partOf(part: unknown): Json {
  if (!isObject(part)) return { type: "text", content: typeof part === "string" ? part : JSON.stringify(part) };
  switch (part.type) {
    case "text":
    case "input_text":
    case "output_text":
      return { type: "text", content: part.content ?? part.text ?? "" };
    case "tool_use":
      return callOf(part.id, part.name, part.input);
    case "tool-call":
      return callOf(part.toolCallId, part.toolName, part.args ?? part.input);
    case "tool_result":
      return responseOf(part.tool_use_id, part.content);
    case "tool-result":
      return responseOf(part.toolCallId, part.result ?? part.output);
    case "thinking":
    case "reasoning":
      return { type: "reasoning", content: part.content ?? part.thinking ?? part.text ?? "" };
    case "image_url":
      return { type: "uri", modality: "image", uri: isObject(part.image_url) ? part.image_url.url : part.image_url };
    default:
      return typeof part.type === "string" ? part : untypedPartOf(part);
  }
}

/** Parts of Google, and of Bedrock as Strands logs them, have no type, but a field that is named after it. */
function untypedPartOf(part: Json): Json {
  if (typeof part.text === "string") return { type: part.thought === true ? "reasoning" : "text", content: part.text };
  const call = part.functionCall ?? part.function_call;
  if (isObject(call)) return callOf(call.id, call.name, call.args);
  const answer = part.functionResponse ?? part.function_response;
  if (isObject(answer)) return responseOf(answer.id, answer.response);
  if (isObject(part.toolUse)) return callOf(part.toolUse.toolUseId, part.toolUse.name, part.toolUse.input);
  if (isObject(part.toolResult)) return responseOf(part.toolResult.toolUseId, part.toolResult.content);
  const thought = isObject(part.reasoningContent) ? part.reasoningContent.reasoningText : undefined;
  if (isObject(thought)) return { type: "reasoning", content: thought.text ?? "" };
  return { ...part, type: "other" };
}

function callOf(id: unknown, name: unknown, given: unknown): Json {
  return { type: "tool_call", id: id ?? null, name: name ?? "", arguments: typeof given === "string" ? parsed(given) : (given ?? {}) };
}

function responseOf(id: unknown, response: unknown): Json {
  return { type: "tool_call_response", id: id ?? null, response: response ?? null };
}

function parsed(text: string): unknown {
  const read = parsedValue(text);
  return read === undefined ? text : read;
}

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
