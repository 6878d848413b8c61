import type { ChatRequest, ToolDefinition } from "../../conversation/chat-request.ts";
import { FieldReport } from "../field-report.ts";
import type { MappingTarget, UpstreamRequest } from "../provider-mapping.ts";
import { nameUntold } from "../reasoning-words.ts";
import { fieldsOf, rowOf } from "../wire-value.ts";
import { writeTurns } from "./anthropic-messages.ts";
import { canThinkOn, claudeModel, leastThinkingTopP, type ClaudeModel } from "./claude-models.ts";
import { fitsStructuredOutput, objectSchema } from "./structured-schema.ts";

type Block = Record<string, unknown>;

/** The tool whose arguments are the answer, where a schema cannot be asked for otherwise. Readers give them back as text. */
export const outputTool = "slipway_json_output";

/** Fields of Anthropic's own callers that are passed as they are. */
const known: ReadonlySet<string> = new Set(["container", "mcp_servers", "context_management", "inference_geo", "speed", "cache_control", "diagnostics"]);
/** What an effort means in tokens where a model wants a number; the least is Anthropic's. */
const budgets: Readonly<Record<string, number>> = { minimal: 1024, low: 2048, medium: 8192, high: 16_384, xhigh: 32_768, max: 32_768 };

/** A chat in Anthropic's messages. Throws GATEWAY_FIELD_UNSUPPORTED. */
export function writeAnthropicRequest(request: ChatRequest, target: MappingTarget): UpstreamRequest {
  const report = new FieldReport();
  const model = claudeModel(target.model);
  const { system, messages } = writeTurns(request, model, report);
  const maxTokens = request.sampling.maxOutputTokens ?? model.defaultMaxTokens;
  if (request.sampling.maxOutputTokens === null) report.emulate("max_tokens", `${maxTokens}, as nothing was said`);
  const body: Record<string, unknown> = { model: target.model, max_tokens: maxTokens };
  if (request.output.type === "json") {
    report.emulate("response_format", "by an instruction");
    system.push({ type: "text", text: "Answer with one JSON object and nothing else." });
  }
  const forced = writeTools(request, model, body, report);
  writeThinking(request, model, forced, body, report);
  writeSampling(request, model, body, report);
  writeExtra(request, body, report);
  if (system.length > 0) body.system = system;
  if (messages.length === 0) report.refuse("messages", "this provider wants at least one message that is not empty");
  body.messages = messages;
  if (request.stream) body.stream = true;
  report.settle("Anthropic");
  return { path: "/v1/messages", headers: { "content-type": "application/json", ...versionHeader(target) }, body: JSON.stringify(body), dropped: report.dropped, emulated: report.emulated };
}

export function versionHeader({ settings }: MappingTarget): Readonly<Record<string, string>> {
  return { "anthropic-version": settings.apiVersion ?? "2023-06-01" };
}

function writeSampling({ sampling, user }: ChatRequest, model: ClaudeModel, body: Record<string, unknown>, report: FieldReport): void {
  const fields = { temperature: sampling.temperature, top_p: sampling.topP, top_k: sampling.topK };
  const thinks = fieldsOf(body.thinking).type === "enabled" || fieldsOf(body.thinking).type === "adaptive";
  for (const [name, value] of Object.entries(fields)) {
    if (value === null) continue;
    // Newer models decide for themselves; thinking leaves no choice either, but for a top_p that leaves hardly anything out.
    if (!model.sampling || (thinks && (name !== "top_p" || value < leastThinkingTopP))) report.drop(name);
    else if (name === "top_p" && body.temperature !== undefined && !model.bothSamplings) report.drop("top_p (beside temperature)");
    else if (name === "temperature" && value > 1) {
      body.temperature = 1;
      report.emulate("temperature", "1, the most that is taken");
    } else body[name] = value;
  }
  if (sampling.stop.length > 0) body.stop_sequences = sampling.stop;
  // Best effort wherever it is known.
  if (sampling.seed !== null) report.drop("seed");
  if (sampling.frequencyPenalty !== null && sampling.frequencyPenalty !== 0) report.refuse("frequency_penalty", "this provider has no such field");
  if (sampling.presencePenalty !== null && sampling.presencePenalty !== 0) report.refuse("presence_penalty", "this provider has no such field");
  if (user !== null) body.metadata = { user_id: user };
}

/** True where the model is made to call a tool, in which case it cannot think first. */
function writeTools(request: ChatRequest, model: ClaudeModel, body: Record<string, unknown>, report: FieldReport): boolean {
  const tools: Block[] = request.tools.map((tool, index) => writeTool(tool, index, model, report));
  let choice: Block = { type: request.toolChoice.type === "required" ? "any" : request.toolChoice.type, ...(request.toolChoice.type === "tool" ? { name: request.toolChoice.name } : {}) };
  if (request.output.type === "schema") {
    const { schema, description } = request.output;
    if (model.schema && fitsStructuredOutput(schema)) body.output_config = { format: { type: "json_schema", schema } };
    else {
      const input = objectSchema(schema);
      if (input === null) report.refuse("response_format.json_schema.schema", "this model takes schemas of objects only");
      // With a call that the caller wants now, the answer in its form comes in a later turn.
      else if (choice.type === "auto" || choice.type === "none" || tools.length === 0) {
        report.emulate("response_format", "by a tool");
        tools.push({ name: outputTool, description: description ?? "Give the answer by calling this tool: its input is the answer.", input_schema: input });
        choice = choice.type === "auto" && tools.length > 1 ? { type: "any" } : { type: "tool", name: outputTool };
      } else report.emulate("response_format", "after the tool call that is asked for");
    }
  }
  if (tools.length === 0) {
    const called = new Set(request.messages.flatMap((message) => (message.role === "assistant" ? message.parts.flatMap((part) => (part.type === "tool-call" ? [part.name] : [])) : [])));
    if (called.size === 0) return false;
    // Earlier calls are refused where no tool is defined.
    report.emulate("tools", "named after earlier calls, not to be called");
    tools.push(...Array.from(called, (name) => ({ name, input_schema: { type: "object" } })));
    choice = { type: "none" };
  }
  body.tools = tools;
  if (request.parallelToolCalls === false && choice.type !== "none") choice.disable_parallel_tool_use = true;
  if (choice.type !== "auto" || choice.disable_parallel_tool_use === true) body.tool_choice = choice;
  return choice.type === "any" || choice.type === "tool";
}

function writeTool(tool: ToolDefinition, index: number, model: ClaudeModel, report: FieldReport): Block {
  const schema = objectSchema(tool.parameters);
  if (schema === null) report.refuse(`tools[${index}].function.parameters`, "this provider takes schemas of objects only");
  if (tool.strict === true && !model.schema) report.drop("tools.function.strict");
  return {
    name: tool.name, ...(tool.description === undefined ? {} : { description: tool.description }), input_schema: schema, ...(tool.strict === true && model.schema ? { strict: true } : {}),
    ...(tool.cache === undefined ? {} : { cache_control: { type: "ephemeral", ...(tool.cache.ttl === undefined ? {} : { ttl: tool.cache.ttl }) } }),
  };
}

function writeThinking(request: ChatRequest, model: ClaudeModel, forced: boolean, body: Record<string, unknown>, report: FieldReport): void {
  const { reasoning } = request;
  if (reasoning === null) return;
  if (reasoning.effort === "none") {
    nameUntold(reasoning, "effort", report);
    if (model.thinking !== "none") body.thinking = { type: "disabled" };
    return;
  }
  const told = reasoning.effort === undefined || (reasoning.budgetTokens !== undefined && model.thinking !== "adaptive") ? "budget" : "effort";
  const field = told === "effort" ? "reasoning_effort" : "thinking.budget_tokens";
  nameUntold(reasoning, told, report);
  if (model.thinking === "none" || forced) return report.drop(forced ? `${field} (a tool is forced)` : field);
  if (model.thinking === "adaptive") {
    const effort = reasoning.effort === "minimal" ? "low" : (reasoning.effort ?? effortOf(reasoning.budgetTokens ?? 0));
    if (effort !== reasoning.effort) report.emulate(field, `effort ${effort}`);
    body.thinking = { type: "adaptive" };
    body.output_config = { ...fieldsOf(body.output_config), effort };
    return;
  }
  if (!canThinkOn(request)) return report.drop(`${field} (the turn began without thinking)`);
  const most = Number(body.max_tokens) - 1;
  const asked = reasoning.budgetTokens ?? rowOf(budgets, reasoning.effort ?? "") ?? 8192;
  if (most < 1024) return report.drop(`${field} (max_tokens leaves no room)`);
  const budget = Math.max(1024, Math.min(asked, most));
  if (budget !== reasoning.budgetTokens) report.emulate(field, `budget_tokens ${budget}`);
  body.thinking = { type: "enabled", budget_tokens: budget };
}

function effortOf(tokens: number): string {
  return tokens <= 4096 ? "low" : tokens <= 16_384 ? "medium" : "high";
}

function writeExtra(request: ChatRequest, body: Record<string, unknown>, report: FieldReport): void {
  for (const { path, message } of request.nativeOnly ?? []) report.refuse(path, message);
  for (const path of request.uncarried ?? []) report.drop(path);
  const foreign: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(request.extra)) {
    // The same name stands for other tiers elsewhere.
    if (known.has(name) || (name === "service_tier" && (value === "auto" || value === "standard_only"))) body[name] = value;
    else if (name !== "stream_options") foreign[name] = value;
  }
  report.foreign(foreign);
}
