import type { ChatMessage, ChatRequest, OutputFormat, Reasoning, ToolChoice, ToolDefinition } from "../../conversation/chat-request.ts";
import { cacheMark } from "../media-source.ts";
import type { Fields } from "../request-fields.ts";
import { isFields, RequestFields, shown } from "../request-fields.ts";
import { readMessage, readTexts } from "./read-blocks.ts";

const known = new Set([
  "model", "messages", "system", "max_tokens", "temperature", "top_p", "top_k", "stop_sequences", "stream", "tools", "tool_choice", "thinking", "metadata", "output_config", "output_format",
]);
const toolFields = new Set(["type", "name", "description", "input_schema", "strict", "cache_control"]);
const thinkingFields = new Set(["type", "budget_tokens"]);
const outputFields = new Set(["effort", "format"]);
const metadataFields = new Set(["user_id"]);
const efforts = ["low", "medium", "high", "xhigh", "max"] as const;

/** The body of POST /v1/messages, and of /v1/messages/count_tokens, which is the same without `max_tokens`. */
export function parseMessages(body: Fields): ChatRequest {
  const fields = new RequestFields();
  fields.name(body.model, "model");
  const messages: ChatMessage[] = [];
  if (body.system !== undefined && body.system !== null) {
    const parts = readTexts(fields, body.system, "system");
    if (parts.length > 0) messages.push({ role: "system", parts });
  }
  fields.list(body.messages, "messages").forEach((message, index) => messages.push(...readMessage(fields, message, `messages[${index}]`)));
  if (Array.isArray(body.messages) && body.messages.length === 0) fields.problem("messages", "must have at least one message");
  const tools = readTools(fields, body.tools);
  const extra = fields.extra(body, known);
  const choice = fields.optionalRecord(body.tool_choice, "tool_choice");
  const disabled = fields.flag(choice?.disable_parallel_tool_use, "tool_choice.disable_parallel_tool_use");
  const output = fields.optionalRecord(body.output_config, "output_config");
  const metadata = fields.optionalDocument(body.metadata, "metadata");
  if (output !== undefined) fields.leaveRest(output, outputFields, "output_config");
  if (metadata !== undefined) fields.leaveRest(metadata, metadataFields, "metadata");
  return {
    messages,
    tools,
    toolChoice: choice === undefined ? { type: "auto" } : readToolChoice(fields, choice),
    parallelToolCalls: disabled === null ? null : !disabled,
    output: readFormat(fields, output?.format ?? body.output_format, output?.format === undefined ? "output_format" : "output_config.format"),
    sampling: {
      maxOutputTokens: fields.count(body.max_tokens, "max_tokens", 1),
      temperature: fields.number(body.temperature, "temperature", 0, 1),
      topP: fields.number(body.top_p, "top_p", 0, 1),
      topK: fields.count(body.top_k, "top_k", 0),
      stop: body.stop_sequences === undefined || body.stop_sequences === null ? [] : fields.texts(fields.list(body.stop_sequences, "stop_sequences"), "stop_sequences"),
      seed: null,
      frequencyPenalty: null,
      presencePenalty: null,
    },
    reasoning: readThinking(fields, body.thinking, output),
    stream: fields.flag(body.stream, "stream") ?? false,
    user: fields.optionalText(metadata?.user_id, "metadata.user_id") ?? null,
    ...fields.finish(extra),
  };
}

function readTools(fields: RequestFields, value: unknown): readonly ToolDefinition[] {
  const tools: ToolDefinition[] = [];
  fields.optionalList(value, "tools").forEach((item, index) => {
    const path = `tools[${index}]`;
    const tool = fields.record(item, path);
    if (tool.type !== undefined && tool.type !== null && tool.type !== "custom") {
      fields.native(path, `tools of type ${shown(tool.type)} are not carried over`, tool);
      return;
    }
    fields.leaveRest(tool, toolFields, path);
    const description = fields.optionalText(tool.description, `${path}.description`);
    const strict = fields.flag(tool.strict, `${path}.strict`);
    const cache = cacheMark(fields, tool, path);
    tools.push({
      name: fields.name(tool.name, `${path}.name`),
      ...(description !== undefined && { description }),
      parameters: fields.document(tool.input_schema, `${path}.input_schema`),
      ...(strict !== null && { strict }),
      ...(cache && { cache }),
    });
  });
  return tools;
}

function readToolChoice(fields: RequestFields, choice: Fields): ToolChoice {
  switch (choice.type) {
    case "auto":
    case "none":
      return { type: choice.type };
    case "any":
      return { type: "required" };
    case "tool":
      return { type: "tool", name: fields.name(choice.name, "tool_choice.name") };
    default:
      fields.problem("tool_choice.type", `must be auto, any, tool or none, but is ${shown(choice.type)}`);
      return { type: "auto" };
  }
}

/** Anthropic's schemas have no names, and what is asked for is kept to. */
function readFormat(fields: RequestFields, value: unknown, path: string): OutputFormat {
  const format = fields.optionalRecord(value, path);
  if (format === undefined) return { type: "text" };
  if (format.type !== "json_schema") fields.problem(`${path}.type`, `must be json_schema, but is ${shown(format.type)}`);
  return { type: "schema", name: "answer", schema: fields.document(format.schema, `${path}.schema`), strict: true };
}

/**
 * `thinking` and `output_config.effort`. A model that decides by itself how much it thinks (`adaptive`) is told nothing unless an effort is said, since most models decide so anyway. The highest effort of
 * the canonical form stands for `max`.
 */
function readThinking(fields: RequestFields, value: unknown, output: Fields | undefined): Reasoning | null {
  const thinking = fields.optionalRecord(value, "thinking");
  if (thinking !== undefined) fields.leaveRest(thinking, thinkingFields, "thinking");
  const said = fields.oneOf(output?.effort, "output_config.effort", efforts);
  const effort = said === "max" ? "xhigh" : said;
  const told = effort === undefined ? {} : { effort };
  switch (thinking?.type) {
    case undefined:
      if (isFields(thinking)) fields.problem("thinking.type", "is missing");
      return effort === undefined ? null : told;
    case "enabled":
      return { ...told, budgetTokens: fields.count(thinking.budget_tokens, "thinking.budget_tokens", 1) ?? 1024 };
    case "disabled":
      return { effort: "none" };
    case "adaptive":
    case "between_tools":
      if (effort === undefined) fields.leave("thinking");
      return effort === undefined ? null : told;
    default:
      fields.problem("thinking.type", `must be enabled, disabled or adaptive, but is ${shown(thinking?.type)}`);
      return null;
  }
}
