import fc from "../../../test/kit/fast-check.ts";
import type { ChatAnswer } from "../conversation/chat-answer.ts";
import { unknownUsage } from "../conversation/chat-answer.ts";
import type { ChatMessage, ChatRequest } from "../conversation/chat-request.ts";

/** For tests: a chat in which every field says something. */
export function chatOf(change: Partial<ChatRequest> = {}): ChatRequest {
  return {
    messages: [{ role: "system", parts: [{ type: "text", text: "Be brief." }] }, { role: "user", parts: [{ type: "text", text: "How do I reset my password?" }] }],
    tools: [{ name: "search", description: "Finds pages", parameters: { type: "object", properties: { query: { type: "string" }, pages: { type: "integer" } } } }],
    toolChoice: { type: "auto" },
    parallelToolCalls: null,
    output: { type: "text" },
    sampling: { maxOutputTokens: 100, temperature: 0.5, topP: null, topK: null, stop: ["END"], seed: null, frequencyPenalty: null, presencePenalty: null },
    reasoning: null,
    stream: false,
    user: null,
    extra: {},
    ...change,
  };
}

export function answerOf(text: string, change: Partial<ChatAnswer> = {}): ChatAnswer {
  return { id: "answer-1", model: "model-1", parts: [{ type: "text", text }], finish: "stop", finishWord: "stop", stopSequence: null, usage: unknownUsage, ...change };
}

const source = fc.oneof(
  fc.record({ kind: fc.constant("data" as const), mediaType: fc.constantFrom("image/png", "image/jpeg"), base64: fc.base64String({ maxLength: 16 }) }),
  fc.record({ kind: fc.constant("url" as const), url: fc.webUrl() }),
  fc.record({ kind: fc.constant("file" as const), id: fc.string({ maxLength: 8 }) }),
);
const text = fc.record({ type: fc.constant("text" as const), text: fc.string({ maxLength: 20 }) });
const image = fc.record({ type: fc.constant("image" as const), source });
const call = fc.record({ type: fc.constant("tool-call" as const), id: fc.string({ maxLength: 5 }), name: fc.string({ maxLength: 5 }), arguments: fc.string({ maxLength: 10 }) });
const message: fc.Arbitrary<ChatMessage> = fc.oneof(
  fc.record({ role: fc.constant("system" as const), parts: fc.array(text, { maxLength: 3 }) }),
  fc.record({ role: fc.constant("user" as const), parts: fc.array(fc.oneof(text, image), { maxLength: 3 }) }),
  fc.record({ role: fc.constant("assistant" as const), parts: fc.array(fc.oneof(text, call), { maxLength: 3 }) }),
  fc.record({ role: fc.constant("tool" as const), callId: fc.string({ maxLength: 5 }), parts: fc.array(text, { maxLength: 2 }), isError: fc.boolean() }),
);

export const messagesArbitrary = fc.array(message, { minLength: 1, maxLength: 5 });
