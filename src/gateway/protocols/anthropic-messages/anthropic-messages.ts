import type { ChatProtocol } from "../client-protocol.ts";
import { anthropicError } from "./anthropic-error.ts";
import { withExactInputs } from "./exact-inputs.ts";
import { messageDocument } from "./message-document.ts";
import { AnthropicStreamWriter } from "./message-stream-writer.ts";
import { parseMessages } from "./parse-messages.ts";

/** POST /v1/messages. */
export const anthropicMessages: ChatProtocol = {
  protocol: "anthropic-messages",
  parse: (body, bytes) => parseMessages(bytes === undefined ? body : withExactInputs(body, bytes)),
  answer: messageDocument,
  stream: (frame, request) => new AnthropicStreamWriter(frame, request),
  error: anthropicError,
};

/** The answer of POST /v1/messages/count_tokens. */
export function countTokensDocument(inputTokens: number): { input_tokens: number } {
  return { input_tokens: inputTokens };
}
