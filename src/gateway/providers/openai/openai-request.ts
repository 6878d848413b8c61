import type { ChatRequest } from "../../conversation/chat-request.ts";
import { FieldReport } from "../field-report.ts";
import type { MappingTarget, UpstreamRequest } from "../provider-mapping.ts";
import { takeExtra, type OpenAIDialect } from "./openai-dialect.ts";
import { writeMessages } from "./openai-messages.ts";

/** A chat in OpenAI's chat completions. Throws GATEWAY_FIELD_UNSUPPORTED. */
export function writeOpenAIRequest(request: ChatRequest, target: MappingTarget, dialect: OpenAIDialect): UpstreamRequest {
  const report = new FieldReport();
  const { sampling } = request;
  const body: Record<string, unknown> = { model: target.model, messages: writeMessages(request, dialect, report) };
  if (sampling.maxOutputTokens !== null) body[dialect.maxTokens(target)] = sampling.maxOutputTokens;
  if (sampling.temperature !== null) body.temperature = sampling.temperature;
  if (sampling.topP !== null) body.top_p = sampling.topP;
  if (sampling.stop.length > 0) body.stop = sampling.stop;
  if (sampling.seed !== null) body[dialect.seed] = sampling.seed;
  if (sampling.frequencyPenalty !== null) body.frequency_penalty = sampling.frequencyPenalty;
  if (sampling.presencePenalty !== null) body.presence_penalty = sampling.presencePenalty;
  if (sampling.topK !== null) {
    if (dialect.topK) body.top_k = sampling.topK;
    else report.refuse("top_k", "this provider has no such field");
  }
  if (request.reasoning !== null) dialect.reasoning(request.reasoning, body, report);
  writeTools(request, dialect, body, report);
  if (request.output.type === "json") body.response_format = { type: "json_object" };
  else if (request.output.type === "schema") {
    const { name, description, schema, strict } = request.output;
    body.response_format = { type: "json_schema", json_schema: { name, ...(description === undefined ? {} : { description }), schema, strict } };
  }
  if (request.user !== null) {
    if (dialect.user) body.user = request.user;
    else report.drop("user");
  }
  if (request.stream) {
    body.stream = true;
    const asked = request.extra.stream_options;
    if (dialect.asksForUsage) body.stream_options = { ...(typeof asked === "object" ? asked : {}), include_usage: true };
  }
  for (const { path, message } of request.nativeOnly ?? []) report.refuse(path, message);
  for (const path of request.uncarried ?? []) report.drop(path);
  takeExtra(request.extra, dialect.extra, body, report);
  report.settle(dialect.name);
  return { path: dialect.path(target), headers: { "content-type": "application/json" }, body: JSON.stringify(body), dropped: report.dropped, emulated: report.emulated };
}

function writeTools(request: ChatRequest, dialect: OpenAIDialect, body: Record<string, unknown>, report: FieldReport): void {
  const { toolChoice } = request;
  if (request.tools.length === 0) return;
  if (toolChoice.type === "none" && dialect.toolRequired === null) return report.emulate("tool_choice", "none: without tools");
  body.tools = request.tools.map(({ name, description, parameters, strict, cache }) => {
    if (cache !== undefined) report.drop("cache_control");
    return { type: "function", function: { name, ...(description === undefined ? {} : { description }), parameters: dialect.toolSchema(parameters), ...(strict === undefined ? {} : { strict }) } };
  });
  if (toolChoice.type === "none") body.tool_choice = "none";
  else if (toolChoice.type !== "auto") {
    if (dialect.toolRequired === null) report.refuse("tool_choice", "this provider cannot be made to call a tool");
    else body.tool_choice = toolChoice.type === "required" ? dialect.toolRequired : { type: "function", function: { name: toolChoice.name } };
  }
  if (request.parallelToolCalls === null) return;
  if (dialect.parallelToolCalls) body.parallel_tool_calls = request.parallelToolCalls;
  else if (!request.parallelToolCalls) report.refuse("parallel_tool_calls", "this provider cannot be held to one tool call at a time");
}
