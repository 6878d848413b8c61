import type { CacheMark, ContentPart, DocumentPart, ImagePart } from "../../conversation/chat-request.ts";
import type { FieldReport } from "../field-report.ts";
import { rowOf, type Fields } from "../wire-value.ts";

const imageFormats: Readonly<Record<string, string>> = { "image/png": "png", "image/jpeg": "jpeg", "image/jpg": "jpeg", "image/gif": "gif", "image/webp": "webp" };
const documentFormats: Readonly<Record<string, string>> = {
  "application/pdf": "pdf", "text/csv": "csv", "text/html": "html", "text/plain": "txt", "text/markdown": "md", "application/msword": "doc", "application/vnd.ms-excel": "xls",
  "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
};
const audioFormats: Readonly<Record<string, string>> = { "audio/mpeg": "mp3", "audio/mp3": "mp3", "audio/wav": "wav", "audio/x-wav": "wav", "audio/aac": "aac", "audio/flac": "flac", "audio/ogg": "ogg", "audio/opus": "opus", "audio/mp4": "mp4", "audio/webm": "webm" };

/** What the blocks of one request share. */
export interface BlockContext {
  report: FieldReport;
  cachePoints: boolean;
  cacheTimes: boolean;
  /** Documents want a name of their own each. */
  documents: number;
}

/** A part of a message as blocks of Converse: none where it is blank or was refused, two where a cache mark follows. */
export function bedrockBlocks(part: ContentPart, path: string, context: BlockContext): Fields[] {
  if (part.type === "text" && part.text.trim() === "") {
    // Models refuse blank texts, and there is nothing to be kept then.
    if (part.cache !== undefined) context.report.drop(`${path}.cache_control`);
    return [];
  }
  if (part.type === "text") return [{ text: part.text }, ...cachePoint(part.cache, path, context)];
  if (part.type === "audio") {
    const format = rowOf(audioFormats, part.mediaType);
    if (format !== undefined) return [{ audio: { format, source: { bytes: part.base64 } } }];
    context.report.refuse(path, `${part.mediaType} is no audio that this provider reads`);
    return [];
  }
  return [...(part.type === "image" ? imageBlock(part, path, context) : documentBlock(part, path, context)), ...cachePoint(part.cache, path, context)];
}

function imageBlock({ source, detail }: ImagePart, path: string, { report }: BlockContext): Fields[] {
  if (detail !== undefined && detail !== "auto") report.drop(`${path}.detail`);
  if (source.kind === "data") {
    const format = rowOf(imageFormats, source.mediaType);
    if (format !== undefined) return [{ image: { format, source: { bytes: source.base64 } } }];
    report.refuse(path, `${source.mediaType} is no image that this provider reads`);
    return [];
  }
  const address = source.kind === "url" ? source.url : source.id;
  const format = imageFormats[`image/${/\.(\w{3,4})$/.exec(address)?.[1]?.toLowerCase().replace("jpg", "jpeg") ?? ""}`];
  if (address.startsWith("s3://") && format !== undefined) return [{ image: { format, source: { s3Location: { uri: address } } } }];
  report.refuse(path, "images by data or in S3, not by address");
  return [];
}

function documentBlock({ source, name }: DocumentPart, path: string, context: BlockContext): Fields[] {
  context.documents++;
  const named = { name: documentName(name, context.documents) };
  if (name !== undefined && named.name !== name) context.report.emulate(`${path}.name`, named.name);
  if (source.kind === "data") {
    const format = rowOf(documentFormats, source.mediaType) ?? (source.mediaType.startsWith("text/") ? "txt" : undefined);
    if (format !== undefined) return [{ document: { format, ...named, source: { bytes: source.base64 } } }];
    context.report.refuse(path, `${source.mediaType} is no document that this provider reads`);
    return [];
  }
  const address = source.kind === "url" ? source.url : source.id;
  const format = /\.(pdf|csv|docx?|xlsx?|html|txt|md)$/i.exec(address)?.[1]?.toLowerCase();
  if (address.startsWith("s3://") && format !== undefined) return [{ document: { format, ...named, source: { s3Location: { uri: address } } } }];
  context.report.refuse(path, "documents by data or in S3, not by address");
  return [];
}

/** Letters, digits, single spaces, dashes, parentheses and brackets; no two alike. */
function documentName(name: string | undefined, number: number): string {
  const clean = (name ?? "").slice(0, 180).replace(/[^A-Za-z0-9\s\-()[\]]/g, "-").replace(/\s+/g, " ").trim();
  return clean === "" ? `document-${number}` : number === 1 ? clean : `${clean} ${number}`;
}

/** A mark stands behind what it closes. */
export function cachePoint(mark: CacheMark | undefined, path: string, { report, cachePoints, cacheTimes }: BlockContext): Fields[] {
  if (mark === undefined) return [];
  if (!cachePoints) {
    report.drop(`${path}.cache_control`);
    return [];
  }
  const isTimed = mark.ttl === "1h" || mark.ttl === "5m";
  // Other models keep for five minutes, and refuse to be told an hour.
  if (isTimed && !cacheTimes && mark.ttl === "1h") report.drop(`${path}.cache_control.ttl`);
  return [{ cachePoint: { type: "default", ...(isTimed && cacheTimes ? { ttl: mark.ttl } : {}) } }];
}
