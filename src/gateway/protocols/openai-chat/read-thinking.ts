import type { RedactedThinkingPart, ThinkingPart } from "../../conversation/chat-request.ts";
import type { Fields, RequestFields } from "../request-fields.ts";
import { shown } from "../request-fields.ts";

/**
 * What an assistant's message says that the model thought. OpenAI's protocol has no place for it, others made some: `thinking_blocks` (LiteLLM; with signatures), `reasoning_details` (OpenRouter; with
 * signatures), `reasoning_content` (DeepSeek) and `reasoning` (vLLM) as bare text. They tell the same thing, so that the first that is there counts.
 */
export function readThinking(fields: RequestFields, message: Fields, path: string): (ThinkingPart | RedactedThinkingPart)[] {
  const { thinking_blocks: blocks, reasoning_details: details, reasoning_content: content, reasoning } = message;
  if (Array.isArray(blocks) && blocks.length > 0) return blocks.map((block, index) => thinkingBlock(fields, block, `${path}.thinking_blocks[${index}]`));
  if (Array.isArray(details) && details.length > 0) return details.map((detail, index) => reasoningDetail(fields, detail, `${path}.reasoning_details[${index}]`));
  const text = fields.optionalText(content, `${path}.reasoning_content`) ?? fields.optionalText(reasoning, `${path}.reasoning`);
  return text === undefined || text === "" ? [] : [{ type: "thinking", text, signature: null }];
}

function thinkingBlock(fields: RequestFields, value: unknown, path: string): ThinkingPart | RedactedThinkingPart {
  const block = fields.record(value, path);
  if (block.type === "redacted_thinking") return { type: "redacted-thinking", data: fields.text(block.data, `${path}.data`) };
  if (block.type !== "thinking") fields.problem(`${path}.type`, `must be thinking or redacted_thinking, but is ${shown(block.type)}`);
  return { type: "thinking", text: thinkingText(fields, block.thinking, `${path}.thinking`), signature: fields.optionalText(block.signature, `${path}.signature`) || null };
}

/** Mistral writes it as a list of texts. */
function thinkingText(fields: RequestFields, value: unknown, path: string): string {
  if (!Array.isArray(value)) return fields.optionalText(value, path) ?? "";
  return value.map((part, index) => fields.text(fields.record(part, `${path}[${index}]`).text, `${path}[${index}].text`)).join("");
}

function reasoningDetail(fields: RequestFields, value: unknown, path: string): ThinkingPart | RedactedThinkingPart {
  const detail = fields.record(value, path);
  switch (detail.type) {
    case "reasoning.encrypted":
      return { type: "redacted-thinking", data: fields.text(detail.data, `${path}.data`) };
    case "reasoning.summary":
      return { type: "thinking", text: fields.text(detail.summary, `${path}.summary`), signature: null };
    case "reasoning.text":
      return { type: "thinking", text: fields.optionalText(detail.text, `${path}.text`) ?? "", signature: fields.optionalText(detail.signature, `${path}.signature`) ?? null };
    default:
      fields.problem(`${path}.type`, `must be reasoning.text, reasoning.summary or reasoning.encrypted, but is ${shown(detail.type)}`);
      return { type: "thinking", text: "", signature: null };
  }
}
