import type { ChatAnswer, TokenUsage } from "../../conversation/chat-answer.ts";
import type { AssistantPart, ChatRequest, MadeImagePart, OutputFormat, ToolChoice } from "../../conversation/chat-request.ts";
import { countedRound } from "../../tokens/index.ts";
import type { AnswerFrame } from "../client-protocol.ts";
import { signatureContent } from "../openai-chat/chat-document.ts";
import { sealThinking } from "./sealed-thinking.ts";

export type Item = Record<string, unknown>;

/** A `response` whose model has ended. */
export function responseDocument(answer: ChatAnswer, frame: AnswerFrame, request: ChatRequest): Record<string, unknown> {
  const output = outputItems(answer.parts, frame.id);
  return closedResponse(responseFrame(frame, request), { finish: answer.finish, usage: responseUsage(request, answer.usage, () => answer.parts) }, output, output.some(hasRefusal));
}

/** What a `response` says of its request, before anything of its answer. */
export function responseFrame(frame: AnswerFrame, request: ChatRequest): Record<string, unknown> {
  const { sampling, tools, toolChoice, output, extra } = request;
  return {
    id: frame.id,
    object: "response",
    created_at: frame.created,
    status: "in_progress",
    background: false,
    error: null,
    incomplete_details: null,
    instructions: null,
    max_output_tokens: sampling.maxOutputTokens,
    metadata: extra.metadata ?? {},
    model: frame.model,
    output: [],
    parallel_tool_calls: request.parallelToolCalls ?? true,
    previous_response_id: null,
    reasoning: { effort: request.reasoning?.effort ?? null, summary: null },
    store: false,
    temperature: sampling.temperature,
    text: { format: formatDocument(output), ...(extra.verbosity !== undefined && { verbosity: extra.verbosity }) },
    tool_choice: choiceDocument(toolChoice),
    tools: tools.map(({ name, description, parameters, strict }) => ({ type: "function", name, description: description ?? null, parameters, strict: strict ?? null })),
    top_p: sampling.topP,
    truncation: "disabled",
    usage: null,
    user: request.user,
  };
}

function formatDocument(output: OutputFormat): Record<string, unknown> {
  if (output.type === "text") return { type: "text" };
  if (output.type === "json") return { type: "json_object" };
  return { type: "json_schema", name: output.name, ...(output.description !== undefined && { description: output.description }), schema: output.schema, strict: output.strict };
}

function choiceDocument(choice: ToolChoice): unknown {
  return choice.type === "tool" ? { type: "function", name: choice.name } : choice.type;
}

/** The frame with its end: out of tokens and filtered answers are incomplete, a refusal in words is a whole answer. */
export function closedResponse(frame: Item, { finish, usage }: Pick<ChatAnswer, "finish" | "usage">, output: readonly Item[], refused: boolean): Item {
  const reason = finish === "length" ? "max_output_tokens" : finish === "content-filter" && !refused ? "content_filter" : null;
  return { ...frame, status: reason === null ? "completed" : "incomplete", incomplete_details: reason === null ? null : { reason }, output, usage: usageDocument(usage) };
}

export function hasRefusal(item: Item): boolean {
  return Array.isArray(item.content) && (item.content as Item[]).some(({ type }) => type === "refusal");
}

/** Its figures cannot be unknown one by one: where one was told alone, the other is an estimate. */
export function responseUsage(request: ChatRequest, usage: TokenUsage, parts: () => readonly AssistantPart[]): TokenUsage {
  return (usage.inputTokens === null) === (usage.outputTokens === null) ? usage : countedRound(request, { usage, parts: parts() });
}

/** Null where nobody told the usage. */
function usageDocument({ inputTokens, outputTokens, cacheReadTokens, cacheWriteTokens, reasoningTokens, tokensEstimated }: TokenUsage): unknown {
  if (inputTokens === null && outputTokens === null) return null;
  return {
    input_tokens: inputTokens ?? 0,
    input_tokens_details: { cached_tokens: cacheReadTokens ?? 0, cache_write_tokens: cacheWriteTokens ?? 0 },
    output_tokens: outputTokens ?? 0,
    output_tokens_details: { reasoning_tokens: reasoningTokens ?? 0 },
    total_tokens: (inputTokens ?? 0) + (outputTokens ?? 0),
    ...(tokensEstimated === true && { estimated: true }),
  };
}

/** Ids of items are those of the answer with their place, so that they are the same however the answer was given. */
export function itemId(prefix: "msg" | "rs" | "fc" | "ig", answerId: string, index: number): string {
  return `${prefix}_${answerId.slice(answerId.indexOf("_") + 1)}_${index}`;
}

/** Texts and refusals side by side are parts of one message; every thought and every call is an item. */
function outputItems(parts: readonly AssistantPart[], answerId: string): Item[] {
  const items: Item[] = [];
  let content: Item[] | null = null;
  for (const part of parts) {
    if (part.type === "text" || part.type === "refusal") {
      if (content === null) items.push(messageItem(itemId("msg", answerId, items.length), "completed", (content = [])));
      content.push(contentDocument(part.type, part.text));
      continue;
    }
    content = null;
    if (part.type === "tool-call") items.push(callItem(itemId("fc", answerId, items.length), "completed", part, part.arguments));
    else if (part.type === "image") items.push(imageItem(itemId("ig", answerId, items.length), "completed", part));
    else if (part.type === "thinking") items.push(reasoningItem(itemId("rs", answerId, items.length), part.text, part.signature === null ? null : sealThinking("signature", part.signature)));
    else items.push(reasoningItem(itemId("rs", answerId, items.length), "", sealThinking("redacted", part.data)));
  }
  return items;
}

export function contentDocument(kind: "text" | "refusal", text: string): Item {
  return kind === "text" ? { type: "output_text", text, annotations: [], logprobs: [] } : { type: "refusal", refusal: text };
}

export function messageItem(id: string, status: "in_progress" | "completed", content: readonly Item[]): Item {
  return { id, type: "message", status, role: "assistant", content };
}

export function callItem(id: string, status: "in_progress" | "completed", call: { id: string; name: string; signature?: string }, text: string): Item {
  return { id, type: "function_call", status, call_id: call.id, name: call.name, arguments: text, ...signatureContent(call.signature) };
}

/** As images are that OpenAI's own tool makes. */
export function imageItem(id: string, status: "in_progress" | "completed", { source, signature }: MadeImagePart): Item {
  return { id, type: "image_generation_call", status, result: status === "completed" && source.kind === "data" ? source.base64 : null, ...signatureContent(signature) };
}

export function reasoningItem(id: string, text: string, encrypted: string | null): Item {
  return { id, type: "reasoning", summary: text === "" ? [] : [{ type: "summary_text", text }], ...(encrypted !== null && { encrypted_content: encrypted }) };
}
