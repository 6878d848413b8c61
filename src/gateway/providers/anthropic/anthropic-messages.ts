import type { AssistantPart, CacheMark, ChatMessage, ChatRequest, ContentPart, TextPart } from "../../conversation/chat-request.ts";
import type { FieldReport } from "../field-report.ts";
import { argumentsObject } from "../tool-arguments.ts";
import { isSignedByClaude, type ClaudeModel } from "./claude-models.ts";

type Block = Record<string, unknown>;
interface Turn {
  role: "user" | "assistant" | "system";
  content: Block[];
}

const imageTypes: ReadonlySet<string> = new Set(["image/png", "image/jpeg", "image/gif", "image/webp"]);

/** Anthropic takes letters, digits, dashes and underscores; calls and results change alike. */
function toolUseId(id: string): string {
  return id.replace(/[^A-Za-z0-9_-]/g, "_") || "_";
}

/**
 * Whether turns of the model can go back as the caller has them. Where another provider gave one, after a fallback or by weight, its thinking is not Claude's, and its calls may have a signature or an id that is refused:
 * the whole request would fail.
 */
export function takesTurns({ messages }: ChatRequest): boolean {
  return messages.every((message) => {
    if (message.role === "tool") return toolUseId(message.callId) === message.callId;
    if (message.role !== "assistant") return true;
    return message.parts.every((part) => (part.type === "thinking" ? isSignedByClaude(part) : part.type !== "tool-call" || (part.signature === undefined && toolUseId(part.id) === part.id)));
  });
}

/** System prompt and turns. Neighbours of one role become one turn, so that all results of one turn's calls stand together. */
export function writeTurns(request: ChatRequest, model: ClaudeModel, report: FieldReport): { system: Block[]; messages: Turn[] } {
  const system: Block[] = [];
  const turns: Turn[] = [];
  const add = (role: Turn["role"], blocks: readonly Block[]) => {
    const last = turns.at(-1);
    if (last?.role === role) last.content.push(...blocks);
    else if (blocks.length > 0) turns.push({ role, content: [...blocks] });
  };
  for (const [index, message] of request.messages.entries()) {
    const path = `messages[${index}]`;
    if ("name" in message && message.name !== undefined) report.drop(`${path}.name`);
    switch (message.role) {
      case "system": {
        const blocks = writeTexts(message.parts);
        if (turns.length === 0) system.push(...blocks);
        else if (model.systemMessages && turns.at(-1)?.role !== "assistant" && request.messages[index + 1]?.role !== "user" && request.messages[index + 1]?.role !== "tool") add("system", blocks);
        else {
          report.emulate("system messages in mid-conversation", "as text of the user");
          add("user", blocks.map((block) => ({ ...block, text: `<system>\n${block.text as string}\n</system>` })));
        }
        break;
      }
      case "user":
        add("user", message.parts.flatMap((part, place) => writePart(part, `${path}.content[${place}]`, report)));
        break;
      case "assistant":
        add("assistant", writeAssistant(message.parts, path, report));
        break;
      case "tool":
        add("user", [writeResult(message, path, report)]);
    }
  }
  return { system, messages: turns };
}

function cacheMark(cache: CacheMark | undefined): Block {
  return cache === undefined ? {} : { cache_control: { type: "ephemeral", ...(cache.ttl === undefined ? {} : { ttl: cache.ttl }) } };
}

/** Empty texts are refused by Anthropic, and say nothing. */
function writeTexts(parts: readonly TextPart[]): Block[] {
  return parts.filter(({ text }) => text !== "").map(({ text, cache }) => ({ type: "text", text, ...cacheMark(cache) }));
}

function writePart(part: ContentPart, path: string, report: FieldReport): Block[] {
  switch (part.type) {
    case "text":
      return writeTexts([part]);
    case "image": {
      if (part.detail !== undefined && part.detail !== "auto") report.drop("image_url.detail");
      const { source } = part;
      if (source.kind === "data" && !imageTypes.has(source.mediaType.toLowerCase())) report.refuse(path, `images of type ${source.mediaType.slice(0, 60)} are not taken: send PNG, JPEG, GIF or WebP`);
      return [{ type: "image", source: source.kind === "data" ? { type: "base64", media_type: source.mediaType.toLowerCase(), data: source.base64 } : source.kind === "url" ? { type: "url", url: source.url } : { type: "file", file_id: source.id }, ...cacheMark(part.cache) }];
    }
    case "document":
      return [{ type: "document", source: documentSource(part, path, report), ...(part.name === undefined ? {} : { title: part.name }), ...cacheMark(part.cache) }];
    case "audio":
      report.refuse(path, "this provider takes no audio");
      return [];
  }
}

function documentSource({ source }: Extract<ContentPart, { type: "document" }>, path: string, report: FieldReport): Block {
  if (source.kind === "url") return { type: "url", url: source.url };
  if (source.kind === "file") return { type: "file", file_id: source.id };
  const mediaType = source.mediaType.toLowerCase();
  // Other kinds of text are told as plain text.
  if (mediaType.startsWith("text/")) return { type: "text", media_type: "text/plain", data: Buffer.from(source.base64, "base64").toString("utf8") };
  if (mediaType !== "application/pdf") report.refuse(path, `documents of type ${source.mediaType.slice(0, 60)} are not taken: send a PDF or a text`);
  return { type: "base64", media_type: mediaType, data: source.base64 };
}

function writeAssistant(parts: readonly AssistantPart[], path: string, report: FieldReport): Block[] {
  const blocks: Block[] = [];
  for (const part of parts) {
    switch (part.type) {
      case "text":
        blocks.push(...writeTexts([part]));
        break;
      case "refusal":
        report.emulate("refusal", "as text of the assistant");
        blocks.push(...writeTexts([{ type: "text", text: part.text }]));
        break;
      case "thinking":
        // The signature proves that Claude thought so: without it the whole request is refused.
        if (!isSignedByClaude(part)) report.drop(`${path}.thinking (${part.signature === null || part.signature === "" ? "unsigned" : "signed by another provider"})`);
        else blocks.push({ type: "thinking", thinking: part.text, signature: part.signature });
        break;
      case "image":
        // A turn of the model has no place for one.
        report.drop(`${path}.images`);
        break;
      case "redacted-thinking":
        blocks.push({ type: "redacted_thinking", data: part.data });
        break;
      case "tool-call": {
        const { value, wrapped } = argumentsObject(part.arguments);
        if (wrapped) report.emulate("tool_calls.function.arguments", "wrapped: no JSON object");
        if (part.signature !== undefined) report.drop(`${path}.tool_calls.signature`);
        blocks.push({ type: "tool_use", id: toolUseId(part.id), name: part.name, input: value, ...cacheMark(part.cache) });
      }
    }
  }
  return blocks;
}

function writeResult(message: Extract<ChatMessage, { role: "tool" }>, path: string, report: FieldReport): Block {
  // What lies inside of a result cannot be marked by itself.
  const cache = message.parts.map((part) => (part.type === "audio" ? undefined : part.cache)).findLast((mark) => mark !== undefined);
  const content = message.parts.flatMap((part, index) => writePart(part, `${path}.content[${index}]`, report)).map(({ cache_control: _, ...block }) => block);
  return { type: "tool_result", tool_use_id: toolUseId(message.callId), ...(content.length === 0 ? {} : { content }), ...(message.isError ? { is_error: true } : {}), ...cacheMark(cache) };
}
