import { isUtf8 } from "node:buffer";
import { AppError } from "../../core/errors.ts";
import { assertJsonBounds, largeBodyBounds } from "../../core/json-bounds.ts";
import { countFields, findRepeatedField } from "../../core/repeated-fields.ts";

/** The document of a call's body, of which bytes may pass on. Throws INVALID_JSON, INVALID_REQUEST. */
export function parseBody(body: Uint8Array): Record<string, unknown> {
  const written = assertJsonBounds(body, largeBodyBounds);
  // Bytes that pass on: what is put in the place of broken characters here, others leave out.
  if (!isUtf8(body)) throw new AppError("INVALID_JSON", "The body is not valid UTF-8.");
  const text = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString("utf8");
  let fields: unknown;
  try {
    fields = JSON.parse(text);
  } catch (cause) {
    throw new AppError("INVALID_JSON", noJson(text), { cause });
  }
  if (typeof fields !== "object" || fields === null || Array.isArray(fields)) throw new AppError("INVALID_REQUEST", "The body must be one JSON object.");
  if (countFields(fields) !== written) {
    const path = findRepeatedField(text) ?? "";
    throw new AppError("INVALID_REQUEST", "A field stands twice in one object of the body.", { problems: [{ path, message: "stands there twice: servers differ in which one they read" }] });
  }
  return fields as Record<string, unknown>;
}

/** The commonest mistakes by what they look like: no body, a form, and quotes that a shell has taken away. */
function noJson(text: string): string {
  const start = text.trimStart().slice(0, 100);
  if (start === "") return "The body is empty: send a JSON object with model and what it is asked.";
  if (/^[\w.%[\]+-]+=/.test(start) || start.startsWith("--")) return "The body is a form, not JSON: send a JSON object, with curl by -H 'content-type: application/json' -d '{...}'.";
  return /^\{\s*('|\w)/.test(start) ? "The body is not JSON: names and texts stand in double quotes. Look whether a shell took them away." : "The body is not JSON.";
}
