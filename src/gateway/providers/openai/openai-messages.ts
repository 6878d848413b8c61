import type { AssistantPart, CacheMark, ChatMessage, ChatRequest, ContentPart, MediaSource } from "../../conversation/chat-request.ts";
import type { FieldReport } from "../field-report.ts";
import { argumentsObject } from "../tool-arguments.ts";
import type { OpenAIDialect } from "./openai-dialect.ts";

type Written = Record<string, unknown>;

const imageTypes: ReadonlySet<string> = new Set(["image/png", "image/jpeg", "image/gif", "image/webp"]);

/** The messages of a chat in OpenAI's form, as this dialect takes them. */
export function writeMessages(request: ChatRequest, dialect: OpenAIDialect, report: FieldReport): Written[] {
  const written: Written[] = [];
  const { messages } = request;
  /** Images of tool results that wait for the end of their turn: no message may come between results of one turn. */
  let images: Written[] = [];
  const showImages = () => {
    if (images.length > 0) written.push({ role: "user", content: images });
    images = [];
  };
  for (const [index, message] of messages.entries()) {
    const path = `messages[${index}]`;
    if (message.role !== "tool") showImages();
    switch (message.role) {
      case "system":
        written.push({ role: "system", content: writeContent(message.parts, path, dialect, report), ...named(message, path, dialect, report) });
        break;
      case "user":
        written.push({ role: "user", content: writeContent(message.parts, path, dialect, report), ...named(message, path, dialect, report) });
        break;
      case "assistant":
        written.push({ role: "assistant", ...writeAssistant(message.parts, path, dialect, report), ...named(message, path, dialect, report), ...(dialect.prefixMark && index === messages.length - 1 && message.parts.every(({ type }) => type !== "tool-call") ? { prefix: true } : {}) });
        break;
      case "tool": {
        const { result, aside } = writeResult(message, path, dialect, report);
        written.push(result);
        images.push(...aside);
      }
    }
  }
  showImages();
  return written;
}

function named({ name }: { name?: string }, path: string, dialect: OpenAIDialect, report: FieldReport): Written {
  if (name === undefined) return {};
  if (dialect.namesAndRefusals) return { name };
  report.drop(`${path}.name`);
  return {};
}

/** One text is a string, which every server takes; several parts stay apart. */
function writeContent(parts: readonly ContentPart[], path: string, dialect: OpenAIDialect, report: FieldReport): string | Written[] {
  const written = parts.map((part, index) => writePart(part, `${path}.content[${index}]`, dialect, report));
  const [first] = written;
  if (first === undefined) return "";
  return written.length === 1 && first.type === "text" && !("cache_control" in first) ? (first.text as string) : written;
}

function writePart(part: ContentPart, path: string, dialect: OpenAIDialect, report: FieldReport): Written {
  switch (part.type) {
    case "text":
      return { type: "text", text: part.text, ...cacheMark(part.cache, dialect, report) };
    case "image":
      return { type: "image_url", image_url: { url: imageUrl(part.source, path, dialect, report), ...(part.detail === undefined ? {} : { detail: part.detail }) }, ...cacheMark(part.cache, dialect, report) };
    case "document":
      return { ...writeDocument(part, path, dialect, report), ...cacheMark(part.cache, dialect, report) };
    case "audio": {
      const format = part.mediaType.replace(/^audio\/(x-)?/, "").replace("mpeg", "mp3").replace(/^wave?$/, "wav");
      if (dialect.audio === null) report.refuse(path, "this provider takes no audio");
      return { type: "input_audio", input_audio: dialect.audio === "text" ? part.base64 : { data: part.base64, format } };
    }
  }
}

function cacheMark(cache: CacheMark | undefined, dialect: OpenAIDialect, report: FieldReport): Written {
  if (cache === undefined) return {};
  if (dialect.cacheMarks) return { cache_control: { type: "ephemeral", ...(cache.ttl === undefined ? {} : { ttl: cache.ttl }) } };
  report.drop("cache_control");
  return {};
}

function imageUrl(source: MediaSource, path: string, dialect: OpenAIDialect, report: FieldReport): string {
  if (source.kind === "file") {
    report.refuse(path, "this provider takes images as data or by their address, not as a stored file");
    return "";
  }
  if (source.kind === "url") {
    if (!dialect.imageUrls) report.refuse(path, "this provider takes images as data only");
    return source.url;
  }
  const mediaType = source.mediaType.toLowerCase();
  if (!(imageTypes.has(mediaType) || (dialect.anyImageType && mediaType.startsWith("image/")))) report.refuse(path, `images of type ${source.mediaType.slice(0, 60)} are not taken: send PNG, JPEG, GIF or WebP`);
  return `data:${mediaType};base64,${source.base64}`;
}

function writeDocument(part: Extract<ContentPart, { type: "document" }>, path: string, dialect: OpenAIDialect, report: FieldReport): Written {
  const { source, name } = part;
  if (source.kind === "data" && source.mediaType.toLowerCase().startsWith("text/")) {
    report.emulate("document", "a text document as text");
    return { type: "text", text: `${name === undefined ? "" : `${name}:\n`}${Buffer.from(source.base64, "base64").toString("utf8")}` };
  }
  if (source.kind === "data" && source.mediaType.toLowerCase() !== "application/pdf") report.refuse(path, `documents of type ${source.mediaType.slice(0, 60)} are not taken: send a PDF or a text`);
  if (dialect.documents === "document_url") {
    if (source.kind === "file") return { type: "file", file_id: source.id };
    return { type: "document_url", document_url: source.kind === "url" ? source.url : `data:application/pdf;base64,${source.base64}`, ...(name === undefined ? {} : { document_name: name }) };
  }
  if (dialect.documents === null) report.refuse(path, "this provider takes no documents");
  else if (source.kind === "url") report.refuse(path, "this provider takes documents as data or as a stored file, not by their address");
  if (source.kind === "file") return { type: "file", file: { file_id: source.id } };
  return { type: "file", file: { filename: name ?? "document.pdf", file_data: source.kind === "data" ? `data:application/pdf;base64,${source.base64}` : "" } };
}

function writeAssistant(parts: readonly AssistantPart[], path: string, dialect: OpenAIDialect, report: FieldReport): Written {
  const content: Written[] = [];
  const calls: Written[] = [];
  let [text, thinking, refusal] = ["", "", ""];
  for (const part of parts) {
    switch (part.type) {
      case "text":
        text += part.text;
        if (part.cache !== undefined) report.drop("cache_control");
        content.push({ type: "text", text: part.text });
        break;
      case "refusal":
        if (dialect.namesAndRefusals) refusal += part.text;
        else {
          report.emulate("refusal", "as text of the assistant");
          text += part.text;
          content.push({ type: "text", text: part.text });
        }
        break;
      case "thinking": {
        thinking += part.text;
        // It says whose it is; of others nobody can tell.
        const isGeminis = part.signature?.startsWith("gemini:") === true;
        if (dialect.thinking === "dropped") report.drop(`${path}.thinking`);
        else if (isGeminis || (dialect.thinking === "reasoning_content" && part.signature !== null)) report.drop(`${path}.thinking.signature`);
        content.push({ type: "thinking", thinking: [{ type: "text", text: part.text }], ...(part.signature === null || isGeminis ? {} : { signature: part.signature }) });
        break;
      }
      case "redacted-thinking":
        report.drop(`${path}.redacted_thinking`);
        break;
      case "image":
        // A message of the assistant has no place for one.
        report.drop(`${path}.images`);
        break;
      case "tool-call":
        if (part.signature !== undefined) report.drop(`${path}.tool_calls.signature`);
        if (part.cache !== undefined) report.drop("cache_control");
        calls.push({ id: dialect.toolCallId(part.id), type: "function", function: { name: part.name, arguments: writeArguments(part.arguments, dialect, report) } });
    }
  }
  const asParts = dialect.thinking === "content" && thinking !== "";
  return {
    content: asParts ? content : text !== "" || (calls.length === 0 && refusal === "") ? text : null,
    ...(refusal === "" ? {} : { refusal }),
    ...(thinking !== "" && dialect.thinking === "reasoning_content" ? { reasoning_content: thinking } : {}),
    ...(calls.length === 0 ? {} : { tool_calls: calls }),
  };
}

function writeArguments(text: string, dialect: OpenAIDialect, report: FieldReport): string {
  if (text.trim() === "") return "{}";
  if (!dialect.parsesArguments) return text;
  const { value, wrapped } = argumentsObject(text);
  if (!wrapped) return text;
  report.emulate("tool_calls.function.arguments", "wrapped: no JSON object");
  return JSON.stringify(value);
}

function writeResult(message: Extract<ChatMessage, { role: "tool" }>, path: string, dialect: OpenAIDialect, report: FieldReport): { result: Written; aside: Written[] } {
  const id = dialect.toolCallId(message.callId);
  let parts = message.parts;
  if (message.isError) {
    report.emulate("is_error", "told in the text of the result");
    parts = [{ type: "text", text: "Error: " }, ...parts];
  }
  const written = parts.map((part, index) => writePart(part, `${path}.content[${index}]`, dialect, report));
  const aside = dialect.imagesInToolResults ? [] : written.filter(({ type }) => type !== "text");
  const texts = written.filter(({ type }) => type === "text");
  if (aside.length > 0) {
    report.emulate("images of tool results", "as a message of the user");
    aside.unshift({ type: "text", text: `Result of the tool call ${id}:` });
    if (texts.length === 0) texts.push({ type: "text", text: "The result follows in the next message of the user." });
  }
  const inside = aside.length > 0 ? texts : written;
  const plain = inside.every((part) => part.type === "text" && !("cache_control" in part));
  return { result: { role: "tool", tool_call_id: id, content: plain ? inside.map(({ text }) => text as string).join("") : inside }, aside };
}
