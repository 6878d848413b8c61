import type { ChatMessage, ChatRequest, ContentPart, AssistantPart } from "../conversation/chat-request.ts";
import type { CallFacts } from "../routing/call-plan.ts";
import { estimateTokens, mostTokens } from "./estimate-tokens.ts";
import { imageTokens } from "./image-tokens.ts";
import { measuredImage, mostAudioSeconds, type ChatMedia } from "./media-bounds.ts";
import { pdfPages } from "./pdf-pages.ts";

/** What stands around each message, and before the answer, in OpenAI's form of a chat. Source: "How to count tokens with tiktoken", OpenAI cookbook. */
const tokensOfMessage = 3;
const tokensOfName = 1;
const tokensOfStart = 3;
/** A tool's frame: its name and parameters stand in a text of the provider's own. */
const tokensOfTool = 12;
/** A document that is not text: providers read each page as text and picture; a page has some 50 KB. */
const tokensOfPage = 1500;
const bytesOfPage = 50_000;
/** Audio at 10 tokens a second and 32 kB of it. */
const audioBytesOfToken = 3200;

/** What of a request is text, and what the rest counts. */
export interface ChatTexts {
  texts: string[];
  /** Frames of messages and tools. */
  framing: number;
  /** Images, documents and audio, by their size: never exact. */
  media: number;
}

/** Tokens of a request by a cheap estimate: for routing, limits and truncation. */
export function estimateChat(request: ChatRequest): number {
  const { texts, framing, media } = chatTexts(request);
  let total = framing + media;
  for (const text of texts) total += estimateTokens(text);
  return total;
}

/** Tokens that the text of a request cannot exceed, at one for each byte: for reservations that must hold. Images, audio and documents that are no text are not in it: see `mediaOfChat`. */
export function mostTokensOfChat(request: ChatRequest): number {
  const { texts, framing } = chatTexts(request);
  let total = framing;
  for (const text of texts) total += mostTokens(text);
  for (const { parts } of request.messages) for (const part of parts) if (part.type === "redacted-thinking") total += part.data.length;
  return total;
}

/** What a request carries beside text, and how many of its documents nobody can measure: those behind an address, or whose pages cannot be counted. */
export function mediaOfChat({ messages }: ChatRequest): ChatMedia & { unmeasured: number } {
  const media = { images: [] as ChatMedia["images"], pages: 0, audioSeconds: 0, unmeasured: 0 };
  for (const { parts } of messages) {
    for (const part of parts) {
      if (part.type === "image") media.images.push(measuredImage(part));
      else if (part.type === "audio") media.audioSeconds += mostAudioSeconds(part);
      else if (part.type === "document" && !(part.source.kind === "data" && part.source.mediaType.startsWith("text/"))) {
        const pages = part.source.kind === "data" && part.source.mediaType === "application/pdf" ? pdfPages(part.source.base64) : null;
        if (pages === null) media.unmeasured++;
        else media.pages += pages;
      }
    }
  }
  return media;
}

/** Tokens of one message by the estimate, its frame included. */
export function estimateMessage(message: ChatMessage): number {
  const into: ChatTexts = { texts: [], framing: 0, media: 0 };
  addMessage(into, message);
  return into.framing + into.media + into.texts.reduce((sum, text) => sum + estimateTokens(text), 0);
}

/** All that a provider reads as text, for a count elsewhere. */
export function chatTexts(request: ChatRequest): ChatTexts {
  const into: ChatTexts = { texts: [], framing: tokensOfStart, media: 0 };
  for (const message of request.messages) addMessage(into, message);
  for (const { name, description, parameters } of request.tools) {
    into.framing += tokensOfTool;
    into.texts.push(name, JSON.stringify(parameters));
    if (description !== undefined) into.texts.push(description);
  }
  if (request.output.type === "schema") into.texts.push(JSON.stringify(request.output.schema));
  return into;
}

/** What a target must be able to do for this request. */
export function needsOf(request: ChatRequest): CallFacts["needs"] {
  const needs = new Set<"tools" | "images" | "documents" | "audio" | "schema" | "reasoning" | "stream">();
  if (request.tools.length > 0) needs.add("tools");
  if (request.output.type === "schema") needs.add("schema");
  if (request.reasoning !== null && request.reasoning.effort !== "none") needs.add("reasoning");
  if (request.stream) needs.add("stream");
  for (const message of request.messages) {
    for (const part of message.parts) {
      if (part.type === "image") needs.add("images");
      else if (part.type === "document") needs.add("documents");
      else if (part.type === "audio") needs.add("audio");
      // A conversation with calls in it cannot be read by a model without tools, also when this turn offers none.
      else if (part.type === "tool-call") needs.add("tools");
    }
  }
  return needs;
}

function addMessage(into: ChatTexts, message: ChatMessage): void {
  into.framing += tokensOfMessage;
  if (message.role !== "tool" && message.name !== undefined) {
    into.framing += tokensOfName;
    into.texts.push(message.name);
  }
  for (const part of message.parts) addPart(into, part);
}

function addPart(into: ChatTexts, part: ContentPart | AssistantPart): void {
  switch (part.type) {
    case "text":
    case "refusal":
    case "thinking":
      into.texts.push(part.text);
      return;
    case "tool-call":
      into.framing += tokensOfMessage;
      into.texts.push(part.name, part.arguments);
      return;
    case "redacted-thinking":
      into.media += Math.ceil(part.data.length / 4);
      return;
    case "image":
      into.media += imageTokens(part);
      return;
    case "document": {
      const { source } = part;
      if (source.kind !== "data") into.media += tokensOfPage;
      else if (source.mediaType.startsWith("text/")) into.texts.push(Buffer.from(source.base64, "base64").toString());
      else into.media += tokensOfPage * Math.ceil((source.base64.length * 0.75) / bytesOfPage);
      return;
    }
    case "audio":
      into.media += Math.ceil((part.base64.length * 0.75) / audioBytesOfToken);
  }
}
