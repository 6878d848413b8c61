import type { ChatProtocol } from "../client-protocol.ts";
import { openAiError } from "../openai-error.ts";
import { chatDocument } from "./chat-document.ts";
import { OpenAiChatStreamWriter } from "./chat-stream-writer.ts";
import { parseChat } from "./parse-chat.ts";

/** POST /v1/chat/completions. */
export const openAiChat: ChatProtocol = {
  protocol: "openai-chat",
  parse: parseChat,
  answer: chatDocument,
  stream: (frame, request) => new OpenAiChatStreamWriter(frame, request),
  error: openAiError,
};
