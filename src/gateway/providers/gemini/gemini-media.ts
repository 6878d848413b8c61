import type { AudioPart, ContentPart, DocumentPart, ImagePart, MediaSource } from "../../conversation/chat-request.ts";
import type { FieldReport } from "../field-report.ts";
import { rowOf, type Fields } from "../wire-value.ts";

const images = new Set(["image/png", "image/jpeg", "image/webp", "image/heic", "image/heif", "image/gif"]);
const byEnding: Readonly<Record<string, string>> = { png: "image/png", jpg: "image/jpeg", jpeg: "image/jpeg", webp: "image/webp", heic: "image/heic", heif: "image/heif", gif: "image/gif", pdf: "application/pdf", txt: "text/plain", html: "text/html", csv: "text/csv", md: "text/md" };

/** A part of a user's message, or of a tool's result. Null where it was refused. */
export function geminiPart(part: ContentPart, path: string, report: FieldReport): Fields | null {
  if (part.type === "text") {
    if (part.cache !== undefined) report.drop(`${path}.cache_control`);
    return { text: part.text };
  }
  if (part.type === "audio") return audioPart(part, path, report);
  if (part.cache !== undefined) report.drop(`${path}.cache_control`);
  return mediaPart(part, path, report);
}

function audioPart(part: AudioPart, path: string, report: FieldReport): Fields | null {
  if (part.mediaType.startsWith("audio/")) return { inlineData: { mimeType: part.mediaType, data: part.base64 } };
  report.refuse(path, `${part.mediaType} is no audio`);
  return null;
}

function mediaPart(part: ImagePart | DocumentPart, path: string, report: FieldReport): Fields | null {
  if (part.type === "image" && part.detail !== undefined && part.detail !== "auto") report.drop(`${path}.detail`);
  if (part.type === "document" && part.name !== undefined) report.drop(`${path}.name`);
  const { source } = part;
  if (source.kind === "data") {
    const isKnown = part.type === "image" ? images.has(source.mediaType) : source.mediaType === "application/pdf" || source.mediaType.startsWith("text/");
    if (isKnown) return { inlineData: { mimeType: source.mediaType, data: source.base64 } };
    report.refuse(path, `${source.mediaType} is neither an image nor a document that this provider reads`);
    return null;
  }
  const address = fileAddress(source);
  if (address === null) {
    report.refuse(path, "only addresses with https, and files of this provider");
    return null;
  }
  const ending = /\.(\w{2,5})(?:$|[?#])/.exec(address)?.[1]?.toLowerCase();
  const mimeType = ending === undefined ? undefined : rowOf(byEnding, ending);
  return { fileData: { fileUri: address, ...(mimeType === undefined ? {} : { mimeType }) } };
}

function fileAddress(source: Exclude<MediaSource, { kind: "data" }>): string | null {
  const text = source.kind === "url" ? source.url : source.id.startsWith("files/") ? `https://generativelanguage.googleapis.com/v1beta/${source.id}` : source.id;
  return /^https:\/\/\S+$/.test(text) || (source.kind === "file" && /^gs:\/\/\S+$/.test(text)) ? text : null;
}
