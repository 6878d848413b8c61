import type { AudioPart, CacheMark, DocumentPart, ImagePart, MediaSource } from "../conversation/chat-request.ts";
import { mayBePublic } from "./public-address.ts";
import type { RequestFields } from "./request-fields.ts";
import { isFields, shown } from "./request-fields.ts";

/** Pixels that at least one provider takes; drawings (SVG) are programs and belong to none. */
const imageTypes = new Set(["image/png", "image/jpeg", "image/gif", "image/webp", "image/heic", "image/heif", "image/bmp", "image/tiff", "image/avif"]);
const audioTypes: Readonly<Record<string, string>> = {
  wav: "audio/wav", mp3: "audio/mpeg", flac: "audio/flac", ogg: "audio/ogg", opus: "audio/opus", aac: "audio/aac", m4a: "audio/mp4", pcm16: "audio/pcm", webm: "audio/webm", aiff: "audio/aiff",
};

/** Null, with a problem, where it is neither an address nor a `data:` URI in base64. */
export function urlSource(fields: RequestFields, value: unknown, path: string): MediaSource | null {
  const url = fields.name(value, path);
  if (url === "") return null;
  if (url.startsWith("data:")) return dataSource(fields, url, path);
  if (/^gs:\/\/[^\s/]/.test(url)) return { kind: "url", url };
  if (!/^https?:\/\//i.test(url)) fields.problem(path, "must be an http or https address, or a data: URI");
  else if (!mayBePublic(url)) fields.problem(path, "must be an address of the internet; send what stands within a network as a data: URI");
  else return { kind: "url", url };
  return null;
}

/** Megabytes come this way: nothing but the first characters is looked at. */
function dataSource(fields: RequestFields, uri: string, path: string): MediaSource | null {
  const comma = uri.indexOf(",");
  const head = comma < 0 || comma > 300 ? "" : uri.slice(5, comma);
  if (!/;base64$/i.test(head) || comma === uri.length - 1) {
    fields.problem(path, "must be a data: URI with a media type and base64, such as data:image/png;base64,iVBO...");
    return null;
  }
  return { kind: "data", mediaType: plainType(head), base64: uri.slice(comma + 1) };
}

/** `image/jpg; charset=x` is what some write for `image/jpeg`. */
function plainType(text: string): string {
  const type = text.split(";", 1)[0]!.trim().toLowerCase();
  return type === "image/jpg" ? "image/jpeg" : type;
}

/** A source that came as an image: a PDF among them becomes a document, anything else that is no image a problem. */
export function imagePart(fields: RequestFields, source: MediaSource | null, path: string, detail: string | undefined, cache: CacheMark | undefined): ImagePart | DocumentPart | null {
  if (source === null) return null;
  if (source.kind === "data" && source.mediaType === "application/pdf") return { type: "document", source, ...(cache && { cache }) };
  if (source.kind === "data" && !imageTypes.has(source.mediaType)) {
    fields.problem(path, `must be an image (image/png, image/jpeg, image/gif, image/webp), but its media type is ${shown(source.mediaType)}`);
    return null;
  }
  return { type: "image", source, ...(detail !== undefined && { detail }), ...(cache && { cache }) };
}

/** A source that came as a file: images among them become images. */
export function documentPart(fields: RequestFields, source: MediaSource | null, path: string, name: string | undefined, cache: CacheMark | undefined): ImagePart | DocumentPart | null {
  if (source === null) return null;
  if (source.kind === "data") {
    if (source.mediaType.startsWith("image/")) return imagePart(fields, source, path, undefined, cache);
    if (!/^(application|text)\/[a-z0-9.+-]+$/.test(source.mediaType)) {
      fields.problem(path, `must be a document (application/pdf, text/plain), but its media type is ${shown(source.mediaType)}`);
      return null;
    }
  }
  return { type: "document", source, ...(name !== undefined && { name }), ...(cache && { cache }) };
}

/** Base64 with a media type that stands beside it. */
export function base64Source(fields: RequestFields, mediaType: unknown, base64: unknown, path: string): MediaSource | null {
  const type = fields.name(mediaType, `${path}.media_type`);
  const data = fields.name(base64, `${path}.data`);
  return type === "" || data === "" ? null : { kind: "data", mediaType: plainType(type), base64: data };
}

/** OpenAI's files: `file_id`, `file_url`, or `file_data` as a data: URI; bare base64 has its type by the file's name. */
export function fileSource(fields: RequestFields, file: Readonly<Record<string, unknown>>, path: string): MediaSource | null {
  const { file_id: id, file_url: url, file_data: data, filename } = file;
  if (id !== undefined && id !== null) return { kind: "file", id: fields.name(id, `${path}.file_id`) };
  if (url !== undefined && url !== null) return urlSource(fields, url, `${path}.file_url`);
  const text = fields.name(data, `${path}.file_data`);
  if (text === "") return null;
  if (text.startsWith("data:")) return dataSource(fields, text, `${path}.file_data`);
  return { kind: "data", mediaType: typeof filename === "string" && /\.(txt|md)$/i.test(filename) ? "text/plain" : "application/pdf", base64: text };
}

/** OpenAI's `input_audio`: `{ data, format }`. */
export function audioPart(fields: RequestFields, value: unknown, path: string): AudioPart | null {
  const audio = fields.record(value, path);
  const base64 = fields.name(audio.data, `${path}.data`);
  const format = fields.text(audio.format, `${path}.format`);
  const mediaType = Object.hasOwn(audioTypes, format) ? audioTypes[format]! : undefined;
  if (mediaType === undefined) fields.problem(`${path}.format`, `must be one of ${Object.keys(audioTypes).join(", ")}, but is ${shown(format)}`);
  return base64 === "" || mediaType === undefined ? null : { type: "audio", mediaType, base64 };
}

/** `cache_control: { type: "ephemeral", ttl }` as Anthropic has it and others send it, or OpenAI's `prompt_cache_breakpoint`. */
export function cacheMark(fields: RequestFields, part: Readonly<Record<string, unknown>>, path: string): CacheMark | undefined {
  const { cache_control: control, prompt_cache_breakpoint: breakpoint } = part;
  if (control === undefined || control === null) return isFields(breakpoint) ? {} : undefined;
  const mark = fields.record(control, `${path}.cache_control`);
  if (mark.type !== undefined && mark.type !== "ephemeral") fields.problem(`${path}.cache_control.type`, `must be ephemeral, but is ${shown(mark.type)}`);
  const ttl = fields.optionalText(mark.ttl, `${path}.cache_control.ttl`);
  return ttl === undefined ? {} : { ttl };
}
