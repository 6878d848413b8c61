import type { AssistantPart, ChatMessage } from "../../conversation/chat-request.ts";
import type { FieldReport } from "../field-report.ts";
import { argumentsObject } from "../tool-arguments.ts";
import type { Fields } from "../wire-value.ts";
import { geminiPart } from "./gemini-media.ts";
import type { GeminiAbilities } from "./gemini-model.ts";

/**
 * Stands before the signatures of thinking that this mapping gives out: only Google can read them, and another provider's, which a conversation may bring along after a fallback, would be refused there.
 */
export const signaturePrefix = "gemini:";
/** What the provider documents for calls that it has no signature of, as another model made them. */
const unsigned = "skip_thought_signature_validator";

interface Content {
  role: "user" | "model";
  parts: Fields[];
}

interface Walk {
  contents: Content[];
  report: FieldReport;
  abilities: GeminiAbilities;
  /** Results name the function, not the call. */
  names: Map<string, string>;
  /** Of the content at hand; results stay apart from what a user says beside them. */
  last: ChatMessage["role"] | null;
}

/** `system`: what stands at the head of the conversation. */
export function geminiContents(messages: readonly ChatMessage[], abilities: GeminiAbilities, report: FieldReport): { contents: readonly Content[]; system: readonly Fields[] } {
  const walk: Walk = { contents: [], report, abilities, names: new Map(), last: null };
  const system: Fields[] = [];
  messages.forEach((message, index) => {
    const path = `messages[${index}]`;
    if (message.role !== "tool" && message.name !== undefined) report.drop(`${path}.name`);
    if (message.role === "system") {
      const parts = message.parts.flatMap<Fields>((part, place) => geminiPart(part, `${path}.content[${place}]`, report) ?? []);
      if (walk.contents.length === 0) system.push(...parts);
      else {
        report.emulate(path, "a system message as the user's");
        append(walk, "user", "user", parts);
      }
    } else if (message.role === "user") append(walk, "user", "user", message.parts.flatMap<Fields>((part, place) => geminiPart(part, `${path}.content[${place}]`, report) ?? []));
    else if (message.role === "assistant") append(walk, "model", "assistant", assistantParts(walk, message.parts, path));
    else append(walk, "user", "tool", resultParts(walk, message, path));
  });
  return { contents: walk.contents, system };
}

function append(walk: Walk, role: Content["role"], from: ChatMessage["role"], parts: readonly Fields[]): void {
  if (parts.length === 0) return;
  if (walk.last === from) walk.contents.at(-1)!.parts.push(...parts);
  else walk.contents.push({ role, parts: [...parts] });
  walk.last = from;
}

function assistantParts(walk: Walk, parts: readonly AssistantPart[], path: string): Fields[] {
  const { report } = walk;
  const result: Fields[] = [];
  let signature: string | null = null;
  let calls = 0;
  parts.forEach((part, place) => {
    const at = `${path}.content[${place}]`;
    switch (part.type) {
      case "text":
      case "refusal":
        if (part.type === "refusal") report.emulate(at, "a refusal as text");
        else if (part.cache !== undefined) report.drop(`${at}.cache_control`);
        result.push({ text: part.text, ...(signature === null ? {} : { thoughtSignature: signature }) });
        signature = null;
        break;
      case "thinking":
        if (signature !== null) result.push({ text: "", thoughtSignature: signature });
        signature = ownSignature(part.signature, `${at}.signature`, report);
        if (part.text !== "") result.push({ text: part.text, thought: true });
        break;
      case "redacted-thinking":
        report.drop(at);
        break;
      case "image": {
        const image = geminiPart({ type: "image", source: part.source }, at, report);
        const own = part.signature ?? signature;
        if (image !== null) result.push({ ...image, ...(own === null ? {} : { thoughtSignature: own }) });
        signature = null;
        break;
      }
      case "tool-call": {
        if (part.cache !== undefined) report.drop(`${at}.cache_control`);
        const { value, wrapped } = argumentsObject(part.arguments);
        if (wrapped) report.emulate(`${at}.arguments`, "no JSON object, wrapped in one");
        walk.names.set(part.id, part.name);
        // Signatures of calls are Google's alone, and callers may have them from elsewhere.
        const own = part.signature ?? signature;
        signature = null;
        // Only the first of the calls of a step is signed.
        const stand = own === null && calls === 0 && walk.abilities.thirdGeneration ? unsigned : own;
        if (stand === unsigned) report.emulate(`${at}.signature`, "not checked");
        calls++;
        result.push({ functionCall: { id: part.id, name: part.name, args: value }, ...(stand === null ? {} : { thoughtSignature: stand }) });
      }
    }
  });
  if (signature !== null) result.push({ text: "", thoughtSignature: signature });
  return result;
}

function ownSignature(signature: string | null, path: string, report: FieldReport): string | null {
  if (signature === null || signature === "") return null;
  if (signature.startsWith(signaturePrefix)) return signature.slice(signaturePrefix.length);
  report.drop(path);
  return null;
}

function resultParts(walk: Walk, message: Extract<ChatMessage, { role: "tool" }>, path: string): Fields[] {
  const { report } = walk;
  const name = walk.names.get(message.callId);
  if (name === undefined) {
    report.refuse(`${path}.tool_call_id`, "no call before it has this id, and the provider wants the tool's name");
    return [];
  }
  const text = message.parts.flatMap((part) => (part.type === "text" ? [part.text] : [])).join("\n");
  const media = message.parts.flatMap<Fields>((part, place) => {
    const at = `${path}.content[${place}]`;
    if (part.type !== "text") return geminiPart(part, at, report) ?? [];
    if (part.cache !== undefined) report.drop(`${at}.cache_control`);
    return [];
  });
  const response = { id: message.callId, name, response: message.isError ? { error: text } : { output: text } };
  if (media.length === 0) return [{ functionResponse: response }];
  if (walk.abilities.thirdGeneration && media.every((part) => "inlineData" in part)) return [{ functionResponse: { ...response, parts: media } }];
  report.emulate(path, "images of a tool result beside it");
  return [{ functionResponse: response }, ...media];
}
