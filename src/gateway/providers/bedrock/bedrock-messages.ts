import type { AssistantPart, ChatMessage, ToolCallPart } from "../../conversation/chat-request.ts";
import { isSignedByClaude } from "../anthropic/claude-models.ts";
import { argumentsObject } from "../tool-arguments.ts";
import type { Fields } from "../wire-value.ts";
import { bedrockBlocks, cachePoint, type BlockContext } from "./bedrock-media.ts";
import type { BedrockAbilities } from "./bedrock-model.ts";

interface Message {
  role: "user" | "assistant";
  content: Fields[];
}

interface Walk {
  messages: Message[];
  context: BlockContext;
  abilities: BedrockAbilities;
  calledTools: Set<string>;
}

export interface BedrockConversation {
  messages: readonly Message[];
  system: Fields[];
  /** Tools that the conversation has calls of. */
  calledTools: ReadonlySet<string>;
}

/** Converse wants user and assistant in turn: neighbours of one role are one message, results of tools first within it as they came. */
export function bedrockMessages(given: readonly ChatMessage[], abilities: BedrockAbilities, context: BlockContext): BedrockConversation {
  const walk: Walk = { messages: [], context, abilities, calledTools: new Set() };
  const system: Fields[] = [];
  given.forEach((message, index) => {
    const path = `messages[${index}]`;
    if (message.role !== "tool" && message.name !== undefined) context.report.drop(`${path}.name`);
    if (message.role === "assistant") append(walk, "assistant", message.parts.flatMap((part, place) => assistantBlocks(part, `${path}.content[${place}]`, walk)));
    else if (message.role === "tool") append(walk, "user", [resultBlock(message, path, walk)]);
    else {
      const blocks = message.parts.flatMap((part, place) => bedrockBlocks(part, `${path}.content[${place}]`, context));
      if (message.role === "system" && walk.messages.length === 0) system.push(...blocks);
      else {
        if (message.role === "system") context.report.emulate(path, "a system message as the user's");
        append(walk, "user", blocks);
      }
    }
  });
  return { messages: walk.messages, system, calledTools: walk.calledTools };
}

function append({ messages }: Walk, role: Message["role"], blocks: readonly Fields[]): void {
  if (blocks.length === 0) return;
  const last = messages.at(-1);
  if (last?.role === role) last.content.push(...blocks);
  else messages.push({ role, content: [...blocks] });
}

function assistantBlocks(part: AssistantPart, path: string, walk: Walk): Fields[] {
  const { report } = walk.context;
  switch (part.type) {
    case "text":
      return bedrockBlocks(part, path, walk.context);
    case "refusal":
      report.emulate(path, "a refusal as text");
      return part.text.trim() === "" ? [] : [{ text: part.text }];
    case "thinking":
      // Claude takes back what it has signed; other models take no thinking, and signatures of other providers are nothing to it.
      if (walk.abilities.family === "claude" && isSignedByClaude(part)) return [{ reasoningContent: { reasoningText: { text: part.text, signature: part.signature } } }];
      report.drop(path);
      return [];
    case "redacted-thinking":
      if (walk.abilities.family === "claude") return [{ reasoningContent: { redactedContent: part.data } }];
      report.drop(path);
      return [];
    case "image":
      report.drop(path);
      return [];
    case "tool-call":
      return callBlocks(part, path, walk);
  }
}

function callBlocks(part: ToolCallPart, path: string, { context, calledTools }: Walk): Fields[] {
  const { value, wrapped } = argumentsObject(part.arguments);
  if (wrapped) context.report.emulate(`${path}.arguments`, "no JSON object, wrapped in one");
  if (part.signature !== undefined) context.report.drop(`${path}.signature`);
  calledTools.add(part.name);
  return [{ toolUse: { toolUseId: callId(part.id), name: part.name, input: value } }, ...cachePoint(part.cache, path, context)];
}

function resultBlock(message: Extract<ChatMessage, { role: "tool" }>, path: string, { context, abilities }: Walk): Fields {
  const content: Fields[] = [];
  const points: Fields[] = [];
  message.parts.forEach((part, place) => {
    for (const block of bedrockBlocks(part, `${path}.content[${place}]`, context)) {
      if ("cachePoint" in block) points.push(block);
      else if ("audio" in block) context.report.refuse(`${path}.content[${place}]`, "no audio in the result of a tool");
      else content.push(block);
    }
  });
  // A mark may not stand within a result.
  if (points.length > 0) context.report.drop(`${path}.cache_control`);
  if (message.isError && !abilities.errorResults) {
    context.report.emulate(`${path}.is_error`, "in words");
    content.unshift({ text: "The tool failed:" });
  }
  return { toolResult: { toolUseId: callId(message.callId), content, ...(message.isError && abilities.errorResults ? { status: "error" } : {}) } };
}

/** Ids of other providers may be longer, or have other characters, than the 64 letters, digits, dashes and underscores that are allowed. The same id always becomes the same. */
function callId(id: string): string {
  if (/^[\w-]{1,64}$/.test(id)) return id;
  let hash = 0;
  for (let index = 0; index < id.length; index++) hash = (Math.imul(hash, 31) + id.charCodeAt(index)) >>> 0;
  return `${id.replace(/[^\w-]/g, "_").slice(0, 55)}_${hash.toString(36)}`;
}
