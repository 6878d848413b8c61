import type { ChatProtocol } from "../client-protocol.ts";
import { openAiError } from "../openai-error.ts";
import { parseResponse } from "./parse-response.ts";
import { responseDocument } from "./response-document.ts";
import { ResponseStreamWriter } from "./response-stream-writer.ts";

/** POST /v1/responses, without what needs answers to be kept. */
export const openAiResponses: ChatProtocol = {
  protocol: "openai-responses",
  parse: parseResponse,
  answer: responseDocument,
  stream: (frame, request) => new ResponseStreamWriter(frame, request),
  error: openAiError,
};
