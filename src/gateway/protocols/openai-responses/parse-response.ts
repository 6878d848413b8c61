import type { ChatMessage, ChatRequest, OutputFormat, Reasoning, ToolChoice, ToolDefinition } from "../../conversation/chat-request.ts";
import { efforts, functionTool, otherToolChoice, plainFormat, schemaFormat, toolChoiceWord } from "../openai-chat/parse-chat.ts";
import type { Fields } from "../request-fields.ts";
import { isFields, RequestFields, shown } from "../request-fields.ts";
import { InputReader, wholeInput } from "./read-input.ts";

const known = new Set([
  "model", "input", "instructions", "tools", "tool_choice", "parallel_tool_calls", "text", "reasoning", "max_output_tokens", "temperature", "top_p", "stream", "user", "include", "truncation",
  "store", "previous_response_id", "conversation", "background", "prompt",
]);
const textFields = new Set(["format", "verbosity"]);
const reasoningFields = new Set(["effort"]);
/** What only a server that keeps answers can do. The gateway passes it to providers of this protocol, and to no others. */
const keeping = {
  previous_response_id: `is of a server that keeps answers; leave it out, and ${wholeInput}`, conversation: `is of a server that keeps conversations; leave it out, and ${wholeInput}`,
  prompt: "is of a server that keeps prompts; send its text as instructions and input",
};

/** The body of POST /v1/responses. */
export function parseResponse(body: Fields): ChatRequest {
  const fields = new RequestFields();
  fields.name(body.model, "model");
  const messages = readInput(fields, body);
  const tools = readTools(fields, body.tools);
  const extra = fields.extra(body, known);
  for (const [field, message] of Object.entries(keeping)) if (body[field] !== undefined && body[field] !== null) fields.native(field, message, body[field]);
  if (fields.flag(body.store, "store") === true) fields.native("store", `is of a server that keeps answers; send store: false, and ${wholeInput}`);
  if (fields.flag(body.background, "background") === true) fields.native("background", "is of a server that keeps answers; send background: false, and read the answer as a stream where it takes long");
  // `auto` lets the server drop what does not fit; here the route's own setting says what happens then.
  if (fields.oneOf(body.truncation, "truncation", ["auto", "disabled"]) === "auto") fields.leave("truncation");
  fields.optionalList(body.include, "include").forEach((item, index) => {
    // Encrypted thinking always comes along.
    if (fields.text(item, `include[${index}]`) !== "reasoning.encrypted_content") fields.leave(`include[${index}]`);
  });
  const text = fields.optionalRecord(body.text, "text");
  if (text !== undefined) fields.leaveRest(text, textFields, "text");
  if (text?.verbosity !== undefined && text.verbosity !== null) extra.verbosity = text.verbosity;
  return {
    messages,
    tools,
    toolChoice: readToolChoice(fields, body.tool_choice),
    parallelToolCalls: fields.flag(body.parallel_tool_calls, "parallel_tool_calls"),
    output: readFormat(fields, text),
    sampling: {
      maxOutputTokens: fields.count(body.max_output_tokens, "max_output_tokens", 1),
      temperature: fields.number(body.temperature, "temperature", 0, 2),
      topP: fields.number(body.top_p, "top_p", 0, 1),
      topK: null,
      stop: [],
      seed: null,
      frequencyPenalty: null,
      presencePenalty: null,
    },
    reasoning: readReasoning(fields, fields.optionalRecord(body.reasoning, "reasoning")),
    stream: fields.flag(body.stream, "stream") ?? false,
    user: fields.optionalText(body.user, "user") ?? null,
    ...fields.finish(extra),
  };
}

function readInput(fields: RequestFields, body: Fields): readonly ChatMessage[] {
  const reader = new InputReader(fields);
  const instructions = fields.optionalText(body.instructions, "instructions");
  if (instructions !== undefined) reader.messages.push({ role: "system", parts: [{ type: "text", text: instructions }] });
  if (typeof body.input === "string") reader.messages.push({ role: "user", parts: [{ type: "text", text: body.input }] });
  else if (body.input !== undefined || !isFields(body.prompt)) {
    fields.list(body.input, "input").forEach((item, index) => reader.read(item, `input[${index}]`));
    if (Array.isArray(body.input) && body.input.length === 0) fields.problem("input", "must have at least one item");
  }
  return reader.messages;
}

function readTools(fields: RequestFields, value: unknown): readonly ToolDefinition[] {
  const tools: ToolDefinition[] = [];
  fields.optionalList(value, "tools").forEach((item, index) => {
    const path = `tools[${index}]`;
    const tool = fields.record(item, path);
    if (tool.type === "function") tools.push(functionTool(fields, tool, path, undefined));
    else if (typeof tool.type === "string") fields.native(path, `tools of type ${shown(tool.type)} are not carried over`, tool);
    else fields.problem(`${path}.type`, `must be function, but is ${shown(tool.type)}`);
  });
  return tools;
}

function readToolChoice(fields: RequestFields, value: unknown): ToolChoice {
  const choice = toolChoiceWord(fields, value);
  if (choice !== null) return choice;
  const object = fields.record(value, "tool_choice");
  if (object.type === "function") return { type: "tool", name: fields.name(object.name, "tool_choice.name") };
  otherToolChoice(fields, object);
  return { type: "auto" };
}

function readFormat(fields: RequestFields, text: Fields | undefined): OutputFormat {
  const format = fields.optionalRecord(text?.format, "text.format");
  return format?.type === "json_schema" ? schemaFormat(fields, format, "text.format") : plainFormat(fields, format, "text.format");
}

function readReasoning(fields: RequestFields, reasoning: Fields | undefined): Reasoning | null {
  // Thinking is shown as the provider shows it: there is nothing to choose (`summary`).
  if (reasoning !== undefined) fields.leaveRest(reasoning, reasoningFields, "reasoning");
  const effort = fields.oneOf(reasoning?.effort, "reasoning.effort", efforts);
  return effort === undefined ? null : { effort };
}
