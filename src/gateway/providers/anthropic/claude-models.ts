import type { ChatRequest, ThinkingPart } from "../../conversation/chat-request.ts";

/** What a generation of Claude takes; later ones are taken to be like the last that is known. */
export interface ClaudeModel {
  /** Tokens of an answer where the caller names no limit, which Anthropic wants to be told: the model's most, up to 64,000. */
  defaultMaxTokens: number;
  /** `manual`: a budget of tokens. `adaptive`: the model decides, and an effort guides it; a budget is refused. */
  thinking: "none" | "manual" | "adaptive";
  /** Whether temperature, top_p and top_k are there; from Opus 4.7 on they are refused. */
  sampling: boolean;
  /** Whether temperature and top_p may be said together; from Opus 4.1 on only one of them. */
  bothSamplings: boolean;
  /** Whether `output_config.format` takes a JSON Schema. */
  schema: boolean;
  /** Whether a message may have the role `system`, behind one of the user. */
  systemMessages: boolean;
}

const first: ClaudeModel = { defaultMaxTokens: 4096, thinking: "none", sampling: true, bothSamplings: true, schema: false, systemMessages: false };
const manual: ClaudeModel = { ...first, defaultMaxTokens: 64_000, thinking: "manual" };
const schemas: ClaudeModel = { ...manual, schema: true, bothSamplings: false };
const adaptive: ClaudeModel = { ...schemas, thinking: "adaptive" };
const unsampled: ClaudeModel = { ...adaptive, sampling: false };

/** By the beginning of the name behind `claude-`; the first that fits counts. Source: Anthropic's overview of models and its notes on each release. */
const models: readonly [RegExp, ClaudeModel][] = [
  [/^(?:v?2|instant|3-(?:haiku|sonnet|opus))/, first],
  [/^3-5-/, { ...first, defaultMaxTokens: 8192 }],
  [/^3-7-/, manual],
  [/^opus-4-1(?!\d)/, { ...manual, defaultMaxTokens: 32_000, bothSamplings: false }],
  [/^opus-4-(?:0(?!\d)|2025)|^opus-4$/, { ...manual, defaultMaxTokens: 32_000 }],
  [/^sonnet-4-(?:0(?!\d)|2025)|^sonnet-4$/, manual],
  [/^(?:opus|sonnet|haiku)-4-5(?!\d)/, schemas],
  [/^(?:opus|sonnet)-4-6(?!\d)/, adaptive],
  [/^opus-(?:4-8|5)(?!\d)/, { ...unsampled, systemMessages: true }],
];

export function claudeModel(name: string): ClaudeModel {
  const own = name.slice(name.lastIndexOf("claude-") + "claude-".length);
  return name.includes("claude-") ? (models.find(([pattern]) => pattern.test(own))?.[1] ?? unsampled) : unsampled;
}

/** A smaller top_p is refused while Claude thinks. */
export const leastThinkingTopP = 0.95;

/** What Claude has not signed, it refuses; a signature of Gemini's says whose it is. */
export function isSignedByClaude({ signature }: ThinkingPart): boolean {
  return signature !== null && signature !== "" && !signature.startsWith("gemini:");
}

/** A turn with calls must have begun with thinking for a budget of it to be taken when their results come. */
export function canThinkOn({ messages }: ChatRequest): boolean {
  const last = messages.findLast(({ role }) => role === "assistant");
  if (messages.at(-1)?.role !== "tool" || last?.role !== "assistant") return true;
  return last.parts.some((part) => part.type === "redacted-thinking" || (part.type === "thinking" && isSignedByClaude(part)));
}
