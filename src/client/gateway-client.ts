import type { ApiClient } from "../core/api-client.ts";
import { streamChat, type ChatChunk, type ChatCompletion, type ChatQuestion } from "../core/stream-chat.ts";

/** Calls of language models by a running Slipway: `client.gateway`. The clients of OpenAI and Anthropic do as well. */
export class GatewayClient {
  readonly #api: ApiClient;

  constructor(api: ApiClient) {
    this.#api = api;
  }

  /** The whole answer at once. */
  chat(question: ChatQuestion): Promise<ChatCompletion> {
    return this.#api.send("POST", "/v1/chat/completions", { ...question, stream: false });
  }

  /**
   * The pieces of an answer as they come; the last has the tokens in `usage`, and no choices. Throws where the answer fails, also in its midst, and where it ends before it is whole; with the signal's reason when that aborts. Who
   * stops reading ends the call.
   */
  streamChat(question: ChatQuestion, options: { signal?: AbortSignal } = {}): AsyncGenerator<ChatChunk, void, undefined> {
    return streamChat(this.#api, question, options.signal);
  }
}
