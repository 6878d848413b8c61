import type { ChatMessage, ChatRequest, OutputFormat, Reasoning, ToolChoice, ToolDefinition } from "../../conversation/chat-request.ts";
import { cacheMark } from "../media-source.ts";
import type { Fields } from "../request-fields.ts";
import { isFields, RequestFields, shown } from "../request-fields.ts";
import { readChatMessage } from "./read-chat-message.ts";

/** All that has a place in the canonical form; what else comes goes to `extra`. */
const known = new Set([
  "model", "messages", "tools", "tool_choice", "parallel_tool_calls", "response_format", "max_tokens", "max_completion_tokens", "temperature", "top_p", "top_k", "stop", "seed",
  "frequency_penalty", "presence_penalty", "reasoning_effort", "reasoning", "thinking", "stream", "user", "n", "functions", "function_call",
]);
const toolFields = new Set(["type", "function", "cache_control"]);
export const efforts = ["none", "minimal", "low", "medium", "high", "xhigh"] as const;

/** The body of POST /v1/chat/completions. */
export function parseChat(body: Fields): ChatRequest {
  const fields = new RequestFields();
  fields.name(body.model, "model");
  const messages: ChatMessage[] = [];
  fields.list(body.messages, "messages").forEach((value, index) => {
    const message = readChatMessage(fields, value, `messages[${index}]`);
    if (message !== null) messages.push(message);
  });
  if (Array.isArray(body.messages) && body.messages.length === 0) fields.problem("messages", "must have at least one message");
  const extra = fields.extra(body, known);
  const tools = readTools(fields, body.tools, extra);
  readLegacyFunctions(fields, body);
  const count = fields.count(body.n, "n", 1);
  if (count !== null && count > 1) extra.n = count;
  fields.optionalRecord(body.stream_options, "stream_options");
  // Both may be there for servers old and new; the newer name counts.
  const [most, mostOfOld] = [fields.count(body.max_completion_tokens, "max_completion_tokens", 1), fields.count(body.max_tokens, "max_tokens", 1)];
  return {
    messages,
    tools,
    toolChoice: readToolChoice(fields, body.tool_choice),
    parallelToolCalls: fields.flag(body.parallel_tool_calls, "parallel_tool_calls"),
    output: readResponseFormat(fields, body.response_format),
    sampling: {
      maxOutputTokens: most ?? mostOfOld,
      temperature: fields.number(body.temperature, "temperature", 0, 2),
      topP: fields.number(body.top_p, "top_p", 0, 1),
      topK: topK(fields, body.top_k),
      stop: fields.texts(body.stop, "stop"),
      seed: fields.count(body.seed, "seed", Number.MIN_SAFE_INTEGER),
      frequencyPenalty: fields.number(body.frequency_penalty, "frequency_penalty", -2, 2),
      presencePenalty: fields.number(body.presence_penalty, "presence_penalty", -2, 2),
    },
    reasoning: readReasoning(fields, body),
    stream: fields.flag(body.stream, "stream") ?? false,
    user: fields.optionalText(body.user, "user") ?? null,
    ...fields.finish(extra),
  };
}

/** vLLM and llama.cpp write -1 or 0 for "all". */
function topK(fields: RequestFields, value: unknown): number | null {
  const most = fields.count(value, "top_k", -1);
  return most === null || most < 1 ? null : most;
}

/** Gemini's own search, as its clients and those of proxies write it; null for any other tool. */
function googleSearch(tool: Fields): unknown {
  return tool.google_search ?? tool.googleSearch ?? (tool.type === "google_search" ? {} : null);
}

function readTools(fields: RequestFields, value: unknown, extra: Record<string, unknown>): readonly ToolDefinition[] {
  const tools: ToolDefinition[] = [];
  fields.optionalList(value, "tools").forEach((item, index) => {
    const path = `tools[${index}]`;
    const tool = fields.record(item, path);
    if (tool.type !== "function") {
      const search = googleSearch(tool);
      if (search !== null) extra.google_search = isFields(search) && Object.keys(search).length > 0 ? search : true;
      else if (typeof tool.type === "string") fields.native(path, `tools of type ${shown(tool.type)} are not carried over`, tool);
      else fields.problem(`${path}.type`, `must be function, but is ${shown(tool.type)}`);
      return;
    }
    fields.leaveRest(tool, toolFields, path);
    const definition = fields.record(tool.function, `${path}.function`);
    tools.push(functionTool(fields, definition, `${path}.function`, cacheMark(fields, tool, path) ?? cacheMark(fields, definition, `${path}.function`)));
  });
  return tools;
}

const definitionFields = new Set(["type", "name", "description", "parameters", "strict", "cache_control"]);

/** `{ name, description, parameters, strict }`, as both of OpenAI's protocols have it. Without parameters a function takes none. */
export function functionTool(fields: RequestFields, definition: Fields, path: string, cache: ToolDefinition["cache"]): ToolDefinition {
  fields.leaveRest(definition, definitionFields, path);
  const description = fields.optionalText(definition.description, `${path}.description`);
  const strict = fields.flag(definition.strict, `${path}.strict`);
  return {
    name: fields.name(definition.name, `${path}.name`),
    ...(description !== undefined && { description }),
    parameters: fields.optionalDocument(definition.parameters, `${path}.parameters`) ?? { type: "object", properties: {} },
    ...(strict !== null && { strict }),
    ...(cache && { cache }),
  };
}

const choiceWords: Readonly<Record<string, ToolChoice>> = { auto: { type: "auto" }, none: { type: "none" }, required: { type: "required" }, any: { type: "required" } };

function readToolChoice(fields: RequestFields, value: unknown): ToolChoice {
  const choice = toolChoiceWord(fields, value);
  if (choice !== null) return choice;
  const object = fields.record(value, "tool_choice");
  if (object.type === "function") return { type: "tool", name: fields.name(fields.record(object.function, "tool_choice.function").name, "tool_choice.function.name") };
  otherToolChoice(fields, object);
  return { type: "auto" };
}

/** What both protocols write as one word; null where it is not one. */
export function toolChoiceWord(fields: RequestFields, value: unknown): ToolChoice | null {
  if (value === undefined || value === null) return { type: "auto" };
  if (typeof value !== "string") return null;
  if (Object.hasOwn(choiceWords, value)) return choiceWords[value]!;
  fields.problem("tool_choice", `must be auto, none, required or the name of a function, but is ${shown(value)}`);
  return { type: "auto" };
}

export function otherToolChoice(fields: RequestFields, choice: Fields): void {
  if (typeof choice.type === "string") fields.native("tool_choice", `a choice of type ${shown(choice.type)} is not carried over`, choice);
  else fields.problem("tool_choice.type", `must be function, but is ${shown(choice.type)}`);
}

function readResponseFormat(fields: RequestFields, value: unknown): OutputFormat {
  const format = fields.optionalRecord(value, "response_format");
  if (format?.type !== "json_schema") return plainFormat(fields, format, "response_format");
  return schemaFormat(fields, fields.record(format.json_schema, "response_format.json_schema"), "response_format.json_schema");
}

export function plainFormat(fields: RequestFields, format: Fields | undefined, path: string): OutputFormat {
  if (format?.type === "json_object") return { type: "json" };
  if (format !== undefined && format.type !== "text") fields.problem(`${path}.type`, `must be text, json_object or json_schema, but is ${shown(format.type)}`);
  return { type: "text" };
}

/** `{ name, description, schema, strict }`. */
export function schemaFormat(fields: RequestFields, format: Fields, path: string): OutputFormat {
  const description = fields.optionalText(format.description, `${path}.description`);
  return {
    type: "schema",
    name: fields.name(format.name, `${path}.name`),
    ...(description !== undefined && { description }),
    schema: fields.optionalDocument(format.schema, `${path}.schema`) ?? {},
    strict: fields.flag(format.strict, `${path}.strict`) ?? false,
  };
}

const reasoningFields = new Set(["effort", "max_tokens"]);
const thinkingFields = new Set(["type", "budget_tokens"]);

/** `reasoning_effort`, or what OpenRouter (`reasoning`) and LiteLLM (`thinking`) take beside it; what of these has no place is named. */
function readReasoning(fields: RequestFields, body: Fields): Reasoning | null {
  const reasoning = fields.optionalRecord(body.reasoning, "reasoning");
  const thinking = fields.optionalRecord(body.thinking, "thinking");
  if (reasoning !== undefined) fields.leaveRest(reasoning, reasoningFields, "reasoning");
  if (thinking !== undefined) fields.leaveRest(thinking, thinkingFields, "thinking");
  const effort = fields.oneOf(body.reasoning_effort, "reasoning_effort", efforts) ?? fields.oneOf(reasoning?.effort, "reasoning.effort", efforts) ?? (thinking?.type === "disabled" ? "none" : undefined);
  const budgetTokens = fields.count(thinking?.budget_tokens, "thinking.budget_tokens", 0) ?? fields.count(reasoning?.max_tokens, "reasoning.max_tokens", 0);
  if (effort === undefined && budgetTokens === null) {
    // How much is left to the model, which most do anyway.
    if (thinking?.type !== undefined) fields.leave("thinking");
    return null;
  }
  return { ...(effort !== undefined && { effort }), ...(budgetTokens !== null && { budgetTokens }) };
}

function readLegacyFunctions(fields: RequestFields, body: Fields): void {
  if (Array.isArray(body.functions) && body.functions.length > 0) fields.native("functions", "functions of the older kind are not carried over; use tools", body.functions);
  if (isFields(body.function_call) || (typeof body.function_call === "string" && body.function_call !== "auto")) fields.native("function_call", "is not carried over; use tool_choice", body.function_call);
}
