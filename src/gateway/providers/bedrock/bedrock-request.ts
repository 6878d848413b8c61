import type { ChatRequest, Sampling, ToolDefinition } from "../../conversation/chat-request.ts";
import { FieldReport } from "../field-report.ts";
import { leastThinkingTopP } from "../anthropic/claude-models.ts";
import { noCalls, oneCallAtATime } from "../instructions.ts";
import type { MappingTarget, UpstreamRequest } from "../provider-mapping.ts";
import { fieldsOf, requestText, type Fields } from "../wire-value.ts";
import { cachePoint, type BlockContext } from "./bedrock-media.ts";
import { bedrockMessages } from "./bedrock-messages.ts";
import { bedrockAbilities, bedrockPath, type BedrockAbilities } from "./bedrock-model.ts";
import { bedrockReasoning, type SamplingLeft } from "./bedrock-reasoning.ts";

/** A tool of this name carries an answer by JSON Schema for models that have none: its arguments are the answer's text. */
export const answerTool = "slipway_answer";

/** Fields of Converse itself that a caller may send along. */
const own: ReadonlySet<string> = new Set(["guardrailConfig", "performanceConfig", "requestMetadata", "serviceTier", "additionalModelRequestFields"]);
const topKFields: Readonly<Partial<Record<BedrockAbilities["family"], (value: number) => Fields>>> = {
  claude: (value) => ({ top_k: value }), mistral: (value) => ({ top_k: value }), nova: (value) => ({ inferenceConfig: { topK: value } }), cohere: (value) => ({ k: value }),
};

/** What is found out on the way to a request. */
interface Draft {
  request: ChatRequest;
  abilities: BedrockAbilities;
  report: FieldReport;
  context: BlockContext;
  system: Fields[];
  calledTools: ReadonlySet<string>;
}

/** A chat as Converse or ConverseStream. */
export function bedrockChatRequest(request: ChatRequest, target: MappingTarget): UpstreamRequest {
  const report = new FieldReport();
  const abilities = bedrockAbilities(target.model);
  report.chat(request, own);
  const context: BlockContext = { report, cachePoints: abilities.cachePoints, cacheTimes: abilities.cacheTimes, documents: 0 };
  const { messages, system, calledTools } = bedrockMessages(request.messages, abilities, context);
  const draft: Draft = { request, abilities, report, context, system, calledTools };
  const byTool = outputByTool(draft);
  const toolConfig = toolFields(draft, byTool);
  const reasoning = bedrockReasoning(request, abilities, byTool || request.toolChoice.type === "required" || request.toolChoice.type === "tool", report);
  const taken = takenSampling(draft, reasoning.leaves);
  const { additionalModelRequestFields, ...passed } = Object.fromEntries(Object.entries(request.extra).filter(([name]) => own.has(name)));
  const additional = { ...(taken.topK === null ? {} : (topKFields[abilities.family]?.(taken.topK) ?? {})), ...reasoning.fields, ...fieldsOf(additionalModelRequestFields) };
  const body = {
    messages, ...(system.length === 0 ? {} : { system }), ...inferenceFields(draft, taken), ...toolConfig, ...outputFields(draft, byTool),
    ...(Object.keys(additional).length === 0 ? {} : { additionalModelRequestFields: additional }),
    // Converse itself does not tell which sequence it met.
    ...(abilities.family === "claude" && request.sampling.stop.length > 0 ? { additionalModelResponseFieldPaths: [request.stream ? "/delta/stop_sequence" : "/stop_sequence"] } : {}), ...passed,
  };
  report.settle("Bedrock");
  return { path: bedrockPath(target, request.stream ? "converse-stream" : "converse"), headers: { "content-type": "application/json" }, body: requestText(body), dropped: report.dropped, emulated: report.emulated };
}

/** Temperature, top_p and top_k as far as this model takes them beside its thinking; what it does not take is named. */
function takenSampling({ request: { sampling }, abilities, report }: Draft, leaves: SamplingLeft): Pick<Sampling, "temperature" | "topP" | "topK"> {
  let { temperature, topP, topK } = sampling;
  if (temperature !== null && temperature > 1) {
    report.emulate("temperature", "1, the most here");
    temperature = 1;
  }
  if (!abilities.sampling || leaves !== "all") {
    // 1 is what Claude does anyway.
    if (temperature !== null && !(temperature === 1 && abilities.family === "claude")) report.drop("temperature");
    const keepsTopP = topP !== null && abilities.sampling && leaves === "high top_p" && topP >= leastThinkingTopP;
    if (topP !== null && !keepsTopP) report.drop("top_p");
    if (topK !== null) report.drop("top_k");
    return { temperature: null, topP: keepsTopP ? topP : null, topK: null };
  }
  if (topP !== null && temperature !== null && !abilities.bothSamplings) {
    report.drop("top_p (beside temperature)");
    topP = null;
  }
  if (topK !== null && topKFields[abilities.family] === undefined) report.refuse("top_k", "this model has no such field");
  return { temperature, topP, topK };
}

function inferenceFields({ request: { sampling }, report }: Draft, { temperature, topP }: Pick<Sampling, "temperature" | "topP">): Fields {
  const { maxOutputTokens, stop } = sampling;
  if (sampling.seed !== null) report.drop("seed");
  if ((sampling.frequencyPenalty ?? 0) !== 0) report.refuse("frequency_penalty", "this provider has no such field");
  if ((sampling.presencePenalty ?? 0) !== 0) report.refuse("presence_penalty", "this provider has no such field");
  const config = {
    ...(maxOutputTokens === null ? {} : { maxTokens: maxOutputTokens }), ...(temperature === null ? {} : { temperature }), ...(topP === null ? {} : { topP }), ...(stop.length === 0 ? {} : { stopSequences: stop }),
  };
  return Object.keys(config).length === 0 ? {} : { inferenceConfig: config };
}

/** Whether the answer comes as the arguments of a tool: the model knows no schemas, or the caller's is not strict, which models that know them insist on. */
function outputByTool({ request: { output }, abilities, report, system }: Draft): boolean {
  if (output.type === "json") {
    report.emulate("response_format", "by an instruction");
    system.push({ text: "Answer with one JSON object and nothing else: no explanation, no code fence." });
  }
  if (output.type !== "schema" || (abilities.schemas && output.strict)) return false;
  if (abilities.forcedTools) report.emulate("response_format", "by a tool");
  else report.refuse("response_format", "this model has neither answers by schema nor tools that can be demanded");
  return abilities.forcedTools;
}

function outputFields({ request: { output } }: Draft, byTool: boolean): Fields {
  if (output.type !== "schema" || byTool) return {};
  return { outputConfig: { textFormat: { type: "json_schema", structure: { jsonSchema: { schema: requestText(output.schema), name: output.name, ...(output.description === undefined ? {} : { description: output.description }) } } } } };
}

function toolFields(draft: Draft, byTool: boolean): Fields {
  const { request, report, system, calledTools } = draft;
  const isOff = request.toolChoice.type === "none";
  let tools = request.tools;
  if (isOff && calledTools.size === 0) {
    // Converse cannot forbid calls; without tools there are none.
    if (tools.length > 0) report.emulate("tool_choice", "none, by leaving the tools out");
    tools = [];
  } else if (isOff) {
    report.emulate("tool_choice", "none, by an instruction");
    system.push({ text: noCalls });
  }
  const missing = [...calledTools].filter((name) => !tools.some((tool) => tool.name === name));
  if (tools.length === 0 && missing.length > 0) report.emulate("tools", "declared for the calls of the conversation");
  const written: Fields[] = tools.flatMap((tool, index) => toolSpec(tool, index, draft));
  // A conversation with calls is refused where no tools are declared.
  if (tools.length === 0) written.push(...missing.map((name) => ({ toolSpec: { name, inputSchema: { json: { type: "object", properties: {} } } } })));
  if (byTool && request.output.type === "schema") {
    const { schema, description = "Gives the final answer." } = request.output;
    written.push({ toolSpec: { name: answerTool, description, inputSchema: { json: schema } } });
  }
  if (request.parallelToolCalls === false && tools.length > 0 && !isOff) {
    report.emulate("parallel_tool_calls", "by an instruction");
    system.push({ text: oneCallAtATime });
  }
  return written.length === 0 ? {} : { toolConfig: { tools: written, ...toolChoice(request, tools.length, byTool) } };
}

function toolSpec({ name, description, parameters, strict, cache }: ToolDefinition, index: number, { abilities, report, context }: Draft): Fields[] {
  if (strict === true && !abilities.schemas) report.drop(`tools[${index}].strict`);
  const json = parameters.type === undefined ? { type: "object", properties: {}, ...parameters } : parameters;
  const toolSpec = { name, ...(description === undefined || description === "" ? {} : { description }), inputSchema: { json }, ...(strict === true && abilities.schemas ? { strict } : {}) };
  return [{ toolSpec }, ...cachePoint(cache, `tools[${index}]`, context)];
}

function toolChoice({ toolChoice: choice }: ChatRequest, tools: number, byTool: boolean): Fields {
  if (byTool) return { toolChoice: tools === 0 || choice.type === "none" ? { tool: { name: answerTool } } : choice.type === "tool" ? { tool: { name: choice.name } } : { any: {} } };
  if (choice.type === "required") return { toolChoice: { any: {} } };
  return choice.type === "tool" ? { toolChoice: { tool: { name: choice.name } } } : {};
}
