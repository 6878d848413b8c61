import type { ChatRequest, Reasoning, ToolChoice } from "../../conversation/chat-request.ts";
import { FieldReport } from "../field-report.ts";
import type { MappingTarget, UpstreamRequest } from "../provider-mapping.ts";
import { oneCallAtATime } from "../instructions.ts";
import { nameUntold, saysNoThinking } from "../reasoning-words.ts";
import { fieldsOf, listOf, requestText, rowOf, type Fields } from "../wire-value.ts";
import { geminiContents } from "./gemini-contents.ts";
import { geminiAbilities, geminiPath, type GeminiAbilities } from "./gemini-model.ts";
import { geminiJsonSchema, geminiOpenApiSchema } from "./gemini-schema.ts";

/** Fields of the provider's own that a caller may send along, and their names there. */
const own: Readonly<Record<string, string>> = { safety_settings: "safetySettings", safetySettings: "safetySettings", cached_content: "cachedContent", cachedContent: "cachedContent" };
/** Both ask for the search of Google, the second in the words of OpenAI. */
const searchNames = ["google_search", "web_search_options"] as const;
const ownNames: ReadonlySet<string> = new Set([...Object.keys(own), ...searchNames, "modalities"]);
const mostStopSequences = 5;

/** A chat as `generateContent` or `streamGenerateContent` with server-sent events. */
export function geminiChatRequest(request: ChatRequest, target: MappingTarget): UpstreamRequest {
  const report = new FieldReport();
  const abilities = geminiAbilities(target);
  report.chat(request, ownNames);
  const { contents, system } = geminiContents(request.messages, abilities, report);
  const instructions = [...system];
  if (request.parallelToolCalls === false && request.tools.length > 0) {
    report.emulate("parallel_tool_calls", "by an instruction");
    instructions.push({ text: oneCallAtATime });
  }
  const body = {
    contents,
    ...(instructions.length === 0 ? {} : { systemInstruction: { parts: instructions } }),
    ...toolFields(request, abilities, report),
    generationConfig: { ...samplingFields(request, report), ...outputFields(request, abilities, report), ...modalityFields(request.extra, report), ...thinkingFields(request.reasoning, target, abilities, report) },
    ...Object.fromEntries(Object.entries(request.extra).flatMap(([name, value]) => (Object.hasOwn(own, name) ? [[own[name], value]] : []))),
  };
  report.settle("Gemini");
  return {
    path: request.stream ? `${geminiPath(target, "streamGenerateContent")}?alt=sse` : geminiPath(target, "generateContent"),
    headers: { "content-type": "application/json" }, body: requestText(body), dropped: report.dropped, emulated: report.emulated,
  };
}

function samplingFields({ sampling }: ChatRequest, report: FieldReport): Fields {
  if (sampling.stop.length > mostStopSequences) report.refuse("stop", `at most ${mostStopSequences} sequences`);
  return present({
    maxOutputTokens: sampling.maxOutputTokens, temperature: sampling.temperature, topP: sampling.topP, topK: sampling.topK, seed: sampling.seed,
    frequencyPenalty: sampling.frequencyPenalty, presencePenalty: sampling.presencePenalty, stopSequences: sampling.stop.length === 0 ? null : sampling.stop,
  });
}

function present(fields: Fields): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null));
}

function toolFields({ tools, toolChoice, extra }: ChatRequest, abilities: GeminiAbilities, report: FieldReport): Fields {
  const search = searchTools(extra, report);
  if (tools.length === 0) return search.length === 0 ? {} : { tools: search };
  const functionDeclarations = tools.map(({ name, description, parameters, strict, cache }, index) => {
    if (strict === true) report.drop(`tools[${index}].strict`);
    if (cache !== undefined) report.drop(`tools[${index}].cache_control`);
    return { name, ...(description === undefined ? {} : { description }), ...parameterFields(parameters, abilities, `tools[${index}].parameters`, report) };
  });
  return { tools: [{ functionDeclarations }, ...search], ...(toolChoice.type === "auto" ? {} : { toolConfig: { functionCallingConfig: callingConfig(toolChoice) } }) };
}

function searchTools(extra: Fields, report: FieldReport): Fields[] {
  if (!searchNames.some((name) => isAsked(extra[name]))) return [];
  if (!isAsked(extra.google_search)) report.emulate("web_search_options", "google_search");
  return [{ googleSearch: fieldsOf(extra.google_search) }];
}

/** An object without fields asks too. */
function isAsked(value: unknown): boolean {
  return value !== undefined && value !== null && value !== false;
}

/** Functions without parameters leave them out: an object without properties is refused. */
function parameterFields(parameters: Fields, abilities: GeminiAbilities, path: string, report: FieldReport): Fields {
  if (Object.keys(parameters).every((keyword) => keyword === "type" || keyword === "properties" || keyword === "$schema" || keyword === "additionalProperties" || keyword === "required") && Object.keys(parameters.properties ?? {}).length === 0) return {};
  if (abilities.jsonSchema) return { parametersJsonSchema: geminiJsonSchema(parameters) };
  const { schema, simplified } = geminiOpenApiSchema(parameters);
  if (simplified) report.emulate(path, "a simpler schema");
  return { parameters: schema };
}

function callingConfig(choice: ToolChoice): Fields {
  if (choice.type === "none") return { mode: "NONE" };
  return choice.type === "tool" ? { mode: "ANY", allowedFunctionNames: [choice.name] } : { mode: "ANY" };
}

function outputFields({ output, tools }: ChatRequest, abilities: GeminiAbilities, report: FieldReport): Fields {
  if (output.type === "text") return {};
  if (tools.length > 0 && !abilities.thirdGeneration) {
    report.refuse("response_format", "this model gives JSON or calls tools, not both");
    return {};
  }
  if (output.type === "json") return { responseMimeType: "application/json" };
  const described = output.description === undefined || output.schema.description !== undefined ? output.schema : { ...output.schema, description: output.description };
  if (abilities.jsonSchema) return { responseMimeType: "application/json", responseJsonSchema: geminiJsonSchema(described) };
  const { schema, simplified } = geminiOpenApiSchema(described);
  if (simplified) report.emulate("response_format", "a simpler schema");
  return { responseMimeType: "application/json", responseSchema: schema };
}

/** OpenAI's `modalities`, with `image` as OpenRouter and LiteLLM have it: models that draw do so where nothing is said, too. */
function modalityFields({ modalities }: Fields, report: FieldReport): Fields {
  const words = listOf(modalities);
  if (words.every((word) => word === "text")) return {};
  if (words.every((word) => word === "text" || word === "image")) return { responseModalities: words.map((word) => String(word).toUpperCase()) };
  report.refuse("modalities", "this provider answers with text and images");
  return {};
}

/** Budgets that Google's own OpenAI endpoint takes for the words. */
const budgets: Readonly<Record<string, number>> = { minimal: 1024, low: 1024, medium: 8192, high: 24_576, xhigh: 24_576, max: 24_576 };
const levels: Readonly<Record<string, string>> = { none: "MINIMAL", minimal: "MINIMAL", low: "LOW", medium: "MEDIUM", high: "HIGH", xhigh: "HIGH", max: "HIGH" };
const leastBudget = 128;

function thinkingFields(reasoning: Reasoning | null, { model }: MappingTarget, abilities: GeminiAbilities, report: FieldReport): Fields {
  if (reasoning === null || (reasoning.effort === undefined && reasoning.budgetTokens === undefined)) return {};
  const { effort, budgetTokens } = reasoning;
  const off = saysNoThinking(reasoning);
  const isOff = off !== null;
  if (abilities.thinking === "none") {
    if (!isOff) report.drop("reasoning");
    return {};
  }
  nameUntold(reasoning, off ?? (budgetTokens === undefined ? "effort" : "budget"), report);
  if (budgetTokens !== undefined && !isOff) return { thinkingConfig: { includeThoughts: true, thinkingBudget: budgetTokens } };
  if (abilities.thinking === "budget") {
    const budget = isOff ? (abilities.thinkingOptional ? 0 : leastBudget) : rowOf(budgets, effort ?? "");
    if (budget === undefined) report.refuse("reasoning_effort", "one of none, minimal, low, medium, high, xhigh");
    else if (!isOff || budget > 0) report.emulate("reasoning_effort", `${budget} tokens`);
    return { thinkingConfig: { includeThoughts: !isOff, thinkingBudget: budget } };
  }
  // Pro models of the third generation think at least a little.
  const level = model.includes("pro") && (isOff || effort === "minimal") ? "LOW" : rowOf(levels, isOff ? "none" : (effort ?? ""));
  if (level === undefined) report.refuse("reasoning_effort", "one of none, minimal, low, medium, high, xhigh");
  else if (level.toLowerCase() !== effort) report.emulate("reasoning_effort", level.toLowerCase());
  return { thinkingConfig: { includeThoughts: !isOff, thinkingLevel: level } };
}
