import type { AssistantPart, ChatMessage, ChatRequest, ContentPart, ImagePart, ToolDefinition } from "../../conversation/chat-request.ts";
import { FieldReport } from "../field-report.ts";
import { oneCallAtATime } from "../instructions.ts";
import type { MappingTarget, UpstreamRequest } from "../provider-mapping.ts";
import { nameUntold, saysNoThinking } from "../reasoning-words.ts";
import { requestText, type Fields } from "../wire-value.ts";

/** Fields of the provider's own that a caller may send along. */
const own: ReadonlySet<string> = new Set(["safety_mode", "priority"]);
const imageTypes: ReadonlySet<string> = new Set(["image/png", "image/jpeg", "image/webp", "image/gif"]);
const mostStopSequences = 5;

/** A chat as `v2/chat`, whole or streamed. */
export function cohereChatRequest(request: ChatRequest, { model }: MappingTarget): UpstreamRequest {
  const report = new FieldReport();
  report.chat(request, own);
  const messages = request.messages.flatMap((message, index) => messageFields(message, `messages[${index}]`, model, report));
  if (request.parallelToolCalls === false && request.tools.length > 0) {
    report.emulate("parallel_tool_calls", "by an instruction");
    messages.unshift({ role: "system", content: oneCallAtATime });
  }
  const body = {
    model, messages, ...(request.stream ? { stream: true } : {}), ...toolFields(request, report), ...outputFields(request, report), ...samplingFields(request, report), ...thinkingFields(request, model, report),
    ...Object.fromEntries(Object.entries(request.extra).filter(([name]) => own.has(name))),
  };
  report.settle("Cohere");
  return { path: "/v2/chat", headers: { "content-type": "application/json" }, body: requestText(body), dropped: report.dropped, emulated: report.emulated };
}

function messageFields(message: ChatMessage, path: string, model: string, report: FieldReport): Fields[] {
  if (message.role !== "tool" && message.name !== undefined) report.drop(`${path}.name`);
  switch (message.role) {
    case "system":
    case "user":
      return [{ role: message.role, content: message.parts.flatMap((part, place) => contentFields(part, `${path}.content[${place}]`, report)) }];
    case "tool":
      return [{ role: "tool", tool_call_id: message.callId, content: resultText(message, path, report) }];
    case "assistant":
      return [{ role: "assistant", ...assistantFields(message.parts, path, model, report) }];
  }
}

function contentFields(part: ContentPart, path: string, report: FieldReport): Fields[] {
  if (part.type === "audio") {
    report.refuse(path, "this provider takes no audio");
    return [];
  }
  if (part.cache !== undefined) report.drop(`${path}.cache_control`);
  if (part.type === "text") return [{ type: "text", text: part.text }];
  if (part.type === "image") return imageFields(part, path, report);
  if (part.source.kind === "data" && part.source.mediaType.startsWith("text/")) {
    report.emulate(path, "a document as text");
    return [{ type: "text", text: Buffer.from(part.source.base64, "base64").toString("utf8") }];
  }
  report.refuse(path, "of documents, this provider takes texts alone");
  return [];
}

function imageFields({ source, detail }: ImagePart, path: string, report: FieldReport): Fields[] {
  const url = source.kind === "data" && imageTypes.has(source.mediaType) ? `data:${source.mediaType};base64,${source.base64}` : source.kind === "url" && /^https?:/.test(source.url) ? source.url : null;
  if (url !== null) return [{ type: "image_url", image_url: { url, ...(detail === undefined ? {} : { detail }) } }];
  report.refuse(path, "PNG, JPEG, WebP and GIF by data or address");
  return [];
}

/** There is no field for errors: they are told as JSON, the form that the provider's guide shows for results. */
function resultText({ parts, isError }: Extract<ChatMessage, { role: "tool" }>, path: string, report: FieldReport): string {
  const texts = parts.flatMap((part, place) => {
    if (part.type === "text") {
      if (part.cache !== undefined) report.drop(`${path}.content[${place}].cache_control`);
      return [part.text];
    }
    report.refuse(`${path}.content[${place}]`, "results of tools are texts here");
    return [];
  });
  if (!isError) return texts.join("\n");
  report.emulate(`${path}.is_error`, "in words");
  return JSON.stringify({ error: texts.join("\n") });
}

function assistantFields(parts: readonly AssistantPart[], path: string, model: string, report: FieldReport): Fields {
  const content: Fields[] = [];
  const calls: Fields[] = [];
  let plan = "";
  // Models that reason say so in blocks of their content; others make a plan before they call tools.
  const planned = !/reasoning|command-a-plus/.test(model) && parts.some(({ type }) => type === "tool-call");
  parts.forEach((part, place) => {
    const at = `${path}.content[${place}]`;
    switch (part.type) {
      case "text":
        if (part.cache !== undefined) report.drop(`${at}.cache_control`);
        content.push({ type: "text", text: part.text });
        break;
      case "refusal":
        report.emulate(at, "a refusal as text");
        content.push({ type: "text", text: part.text });
        break;
      case "thinking":
        if (part.signature !== null) report.drop(`${at}.signature`);
        if (planned) plan += part.text;
        else if (part.text !== "") content.push({ type: "thinking", thinking: part.text });
        break;
      case "redacted-thinking":
      case "image":
        report.drop(at);
        break;
      case "tool-call":
        if (part.cache !== undefined) report.drop(`${at}.cache_control`);
        if (part.signature !== undefined) report.drop(`${at}.signature`);
        calls.push({ id: part.id, type: "function", function: { name: part.name, arguments: part.arguments.trim() === "" ? "{}" : part.arguments } });
    }
  });
  return { ...(content.length === 0 ? {} : { content }), ...(calls.length === 0 ? {} : { tool_calls: calls }), ...(plan === "" ? {} : { tool_plan: plan }) };
}

function toolFields({ tools, toolChoice }: ChatRequest, report: FieldReport): Fields {
  if (tools.length === 0) return {};
  // A certain tool cannot be demanded; where it is the only one, any is it.
  const offered = toolChoice.type === "tool" ? tools.filter(({ name }) => name === toolChoice.name) : tools;
  if (offered.length === 0) report.refuse("tool_choice", "there is no tool of this name");
  else if (toolChoice.type === "tool") report.emulate("tool_choice", "by offering this tool alone");
  const isStrict = offered.length > 0 && offered.every(({ strict }) => strict === true);
  offered.forEach(({ strict, cache }, index) => {
    if (strict === true && !isStrict) report.drop(`tools[${index}].strict`);
    if (cache !== undefined) report.drop(`tools[${index}].cache_control`);
  });
  return {
    tools: offered.map(toolFunction), ...(isStrict ? { strict_tools: true } : {}),
    ...(toolChoice.type === "auto" ? {} : { tool_choice: toolChoice.type === "none" ? "NONE" : "REQUIRED" }),
  };
}

function toolFunction({ name, description, parameters }: ToolDefinition): Fields {
  const schema = parameters.type === undefined ? { type: "object", properties: {}, ...parameters } : parameters;
  return { type: "function", function: { name, ...(description === undefined ? {} : { description }), parameters: schema } };
}

function outputFields({ output, tools }: ChatRequest, report: FieldReport): Fields {
  if (output.type === "text") return {};
  if (tools.length > 0) {
    report.refuse("response_format", "this provider gives JSON or calls tools, not both");
    return {};
  }
  if (output.type === "json") return { response_format: { type: "json_object" } };
  const schema = output.description === undefined || output.schema.description !== undefined ? output.schema : { ...output.schema, description: output.description };
  return { response_format: { type: "json_object", json_schema: schema } };
}

function samplingFields({ sampling }: ChatRequest, report: FieldReport): Fields {
  const { maxOutputTokens, temperature, topP, topK, stop, seed, frequencyPenalty, presencePenalty } = sampling;
  if (stop.length > mostStopSequences) report.refuse("stop", `at most ${mostStopSequences} sequences`);
  return {
    ...(maxOutputTokens === null ? {} : { max_tokens: maxOutputTokens }), ...(temperature === null ? {} : { temperature }), ...(seed === null ? {} : { seed }), ...(stop.length === 0 ? {} : { stop_sequences: stop }),
    ...within("top_p", "p", topP, 0.01, 0.99, report), ...within("top_k", "k", topK, 0, 500, report),
    ...penalty("frequency_penalty", frequencyPenalty, report), ...penalty("presence_penalty", presencePenalty, report),
  };
}

/** The nearest that the provider takes. */
function within(asked: string, name: string, value: number | null, least: number, most: number, report: FieldReport): Fields {
  if (value === null) return {};
  const nearest = Math.min(Math.max(value, least), most);
  if (nearest !== value) report.emulate(asked, String(nearest));
  return { [name]: nearest };
}

/** From 0 to 1 here: a reward for repeating has no counterpart. */
function penalty(name: string, value: number | null, report: FieldReport): Fields {
  if (value !== null && value < 0) {
    report.refuse(name, "not below 0");
    return {};
  }
  return within(name, name, value, 0, 1, report);
}

function thinkingFields({ reasoning }: ChatRequest, model: string, report: FieldReport): Fields {
  if (reasoning === null || (reasoning.effort === undefined && reasoning.budgetTokens === undefined)) return {};
  const off = saysNoThinking(reasoning);
  const isOff = off !== null;
  if (/command-(r|light|nightly)|command-a-(03-2025|vision|translate)|aya/.test(model)) {
    if (!isOff) report.drop("reasoning");
    return {};
  }
  nameUntold(reasoning, off ?? (reasoning.budgetTokens === undefined ? "effort" : "budget"), report);
  if (isOff) return { thinking: { type: "disabled" } };
  if (reasoning.budgetTokens === undefined) report.emulate("reasoning_effort", "on");
  return { thinking: { type: "enabled", ...(reasoning.budgetTokens === undefined ? {} : { token_budget: reasoning.budgetTokens }) } };
}
